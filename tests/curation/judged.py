"""Documents judged by one rule set, or by one threshold of it alone."""

from pipeline.curation.judge import Judgement, judge
from pipeline.curation.rule import RuleSet
from pipeline.curation.steps import Step
from tests.curation.documents import batch_of


def judged_by(rule_set: RuleSet, *documents: str | None) -> Judgement:
    return judge(batch_of(*documents), [Step("step", tuple(rule_set.rules()), rule_set)])


def reasons(rule_set: RuleSet, *documents: str | None) -> list[str | None]:
    return judged_by(rule_set, *documents).reason.to_pylist()


def reasons_by_one(rule_set: type[RuleSet], threshold: str, *documents: str) -> list[str | None]:
    """By the published value of one threshold, with every other turned off."""
    off = {name: None for name in rule_set.model_fields if name.startswith(("min_", "max_")) and name != threshold}
    return reasons(rule_set.model_validate(off), *documents)
