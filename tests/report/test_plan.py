"""The table of `tenfold plan` against the budget that it shows."""

import io

from rich.console import Console

from mixtures.budget import Budget, Stock, make_budget
from mixtures.spec import MixtureParams
from pipeline.report.plan import binding_sentence, print_budget, target_share

STOCKS = {"python": Stock(1000, 1_000_000), "sql": Stock(50, 40_000), "wiki": Stock(70, 900_000)}
GROUPS = {
    "code": {"weight": 10, "sources": {"python": 9, "sql": {"weight": 1, "max_epochs": 2}}},
    "text": {"weight": 1, "sources": {"wiki": 1}},
}


def budget(**settings: object) -> Budget:
    return make_budget(MixtureParams.model_validate(settings), STOCKS, sequence_length=100)


def printed(found: Budget, *, width: int = 60) -> str:
    stream = io.StringIO()
    print_budget(found, 100, console=Console(file=stream, width=width, color_system=None))
    return stream.getvalue()


def test_every_number_is_whole_however_narrow_the_terminal_is() -> None:
    found = budget(groups=GROUPS)
    text = printed(found, width=40)
    for source in found.sources:
        for number in (source.stock.num_documents, source.stock.num_tokens, source.used_tokens, source.unused_tokens):
            assert f"{number:,}" in text
    assert f"{found.schedule.sources.size * 100:,}" in text
    assert "…" not in text


def test_groups_come_by_size_and_their_sources_too() -> None:
    names = [line.split()[0] for line in printed(budget(groups=GROUPS)).splitlines()[1:7]]
    assert names == ["code", "python", "sql", "text", "wiki", "total"]


def test_the_source_that_runs_out_is_named_with_its_remedy_and_the_next_one() -> None:
    sentence = binding_sentence(budget(groups=GROUPS), 100)
    assert "sql binds" in sentence
    assert "mixture.code.sql.max_epochs" in sentence
    assert "then python binds, at some 1,222,222" in sentence


def test_a_budget_that_the_config_sets_says_how_far_it_could_go() -> None:
    sentence = binding_sentence(budget(groups=GROUPS, total_tokens=500_000), 100)
    assert "the config sets the length" in sentence
    assert "sql would, at some 880,000 tokens" in sentence


def test_shares_of_phases_are_weighted_by_their_lengths() -> None:
    even = {"code": {"weight": 1, "sources": {"python": 1}}, "text": {"weight": 1, "sources": {"wiki": 1}}}
    lean = {"code": {"weight": 3, "sources": {"python": 1}}, "text": {"weight": 1, "sources": {"wiki": 1}}}
    phases = [{"name": "first", "fraction": 0.75, "groups": even}, {"name": "second", "fraction": 0.25, "groups": lean}]
    found = budget(phases=phases, total_tokens=400_000)
    shares = {source.name: float(target_share(found, source)) for source in found.sources}
    assert shares == {"python": 0.75 * 0.5 + 0.25 * 0.75, "wiki": 0.75 * 0.5 + 0.25 * 0.25}
