"""Which steps of curation suit a source, tried on its sample."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import schema
from pipeline.curation.curate import curate
from pipeline.curation.steps import StepSpec, build_steps
from pipeline.survey.draft import Draft

# A step that would drop more documents of a sample than this is written as a comment: the source is of another kind than the step is for.
_MAX_DROPPED_FRACTION = 0.8
_ENGLISH_FRACTION = 0.8
# Pages full of markup and names score lower than plain prose.
_MARKUP_MIN_SCORE = 0.4

Entry = str | dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Candidate:
    """A step that may suit; `choice`: what a user has to decide about it, who finds it as a comment; "": it is proposed if it suits."""

    entry: Entry
    choice: str = ""


@dataclass(frozen=True)
class Trial:
    """A step as it stands in a config, whether it is proposed, and what to say of it ("": nothing)."""

    entry: Entry
    is_proposed: bool
    remark: str = ""


@dataclass(frozen=True)
class Curation:
    """The steps of a source, and what they keep of its sample's readable documents.

    Attributes:
        num_kept, kept_fraction: documents, and the share of their characters, with the proposed steps together.
        dropped: documents of the sample by reason.
    """

    trials: tuple[Trial, ...]
    num_documents: int
    num_kept: int
    kept_fraction: float
    dropped: dict[str, int]

    @property
    def proposed(self) -> list[Entry]:
        return [trial.entry for trial in self.trials if trial.is_proposed]


def try_steps(draft: Draft) -> Curation:
    """The steps for the draft's kind and languages: each is tried alone, then those that suit together."""
    raw = draft.sample.combine_chunks().to_batches()
    batch = raw[0] if raw else pa.record_batch([[] for _ in schema.RAW], schema=schema.RAW)
    readable = batch.filter(pc.is_null(batch["error"]))
    trials = []
    for candidate in candidate_steps(draft):
        _, reasons = _judged(readable, [candidate.entry])
        suits = reasons.total() <= _MAX_DROPPED_FRACTION * readable.num_rows
        dropped = reasons.total() / max(1, readable.num_rows)
        remark = f"would drop {dropped:.0%} of the sample" + (f" ({_most(reasons)})" if reasons else "")
        is_proposed = suits and not candidate.choice
        trials.append(Trial(candidate.entry, is_proposed, "" if is_proposed else "; ".join(filter(None, [candidate.choice, remark]))))
    kept, reasons = _judged(readable, [trial.entry for trial in trials if trial.is_proposed])
    return Curation(tuple(trials), readable.num_rows, readable.num_rows - reasons.total(), kept, dict(reasons))


def candidate_steps(draft: Draft) -> list[Candidate]:
    """In the order in which they should work."""
    return [*(_for_code(draft) if draft.kind == "code" else _for_text(draft)), Candidate("redact")]


def _for_code(draft: Draft) -> Iterator[Candidate]:
    has_paths = draft.sample["path"].null_count < 0.5 * draft.sample.num_rows
    if has_paths:
        yield Candidate("linguist")  # vendored and generated files go by their paths
    yield Candidate("starcoder2")
    yield Candidate("opencoder", "stricter: what repeats, little text, few letters")
    if has_paths or draft.sample["licences"].null_count < draft.sample.num_rows:
        yield Candidate("licence", "permissive licences alone, and none that is unknown")


def _for_text(draft: Draft) -> Iterator[Candidate]:
    if draft.languages:
        params: dict[str, Any] = {"languages": [language for language in draft.languages if draft.languages[language] >= 0.05]}
        yield Candidate({"language": params | ({"min_score": _MARKUP_MIN_SCORE} if draft.is_markup else {})})
    if not draft.is_markup:
        yield Candidate("gopher_repetition")
    if is_english(draft):
        # Marks that count as words of their own would make markup look like no text.
        yield Candidate({"gopher_quality": {"split_marks": False}} if draft.is_markup else "gopher_quality")
        if not draft.is_markup:
            yield Candidate("c4", "for web pages: cuts lines that are no sentences")
            yield Candidate("fineweb", "for web pages, after c4")


def is_english(draft: Draft) -> bool:
    return draft.languages.get("en", 0.0) >= _ENGLISH_FRACTION * sum(draft.languages.values()) > 0


def name_of(entry: Entry) -> str:
    return entry if isinstance(entry, str) else next(iter(entry))


def _judged(batch: pa.RecordBatch, entries: list[Entry]) -> tuple[float, Counter[str]]:
    """(share of the characters that is kept, documents dropped by reason)"""
    decisions = curate(batch, build_steps([StepSpec.model_validate(entry) for entry in entries])).decisions
    is_kept = pc.equal(decisions["verdict"], schema.KEPT)
    chars = pc.sum(decisions["num_chars"]).as_py() or 0
    kept = pc.sum(decisions.filter(is_kept)["num_chars"]).as_py() or 0
    return kept / chars if chars else 1.0, Counter(decisions["reason"].drop_null().to_pylist())


def _most(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common(2))
