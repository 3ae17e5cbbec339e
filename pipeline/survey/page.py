"""The config as a user gets it: YAML with a comment wherever a guess was made."""

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from pipeline.survey.draft import Draft
from pipeline.survey.trial import Curation, is_english

# What a trained vocabulary makes of a text, in bytes: measured on code and prose with vocabularies of 8,000 to 32,000 pieces.
_BYTES_PER_TOKEN = {"code": 3.3, "text": 4.2}
# The groups' weights if both are there: Lemur's (2310.06830).
_WEIGHTS = {"code": 10, "text": 1}
# (bytes of kept text from which on, vocabulary)
_VOCABULARIES = ((1 << 30, 32_000), (100 << 20, 16_000), (10 << 20, 8_000), (2 << 20, 4_000), (500_000, 1_500), (0, 600))
# The longest of which there are some; a source that does not fill a few is no part of the mixture.
_SEQUENCE_LENGTHS = (4096, 2048, 1024, 512, 256, 128)
_MIN_SEQUENCES, _MIN_SOURCE_SEQUENCES = 1000, 4
# A sample with more broken records than the default allows: the bound is set over what was seen, and said.
_DEFAULT_BROKEN, _BROKEN_ROOM = 0.05, 2.0


@dataclass(frozen=True)
class Entry:
    """A source and its curation."""

    draft: Draft
    curation: Curation

    @property
    def kept_bytes(self) -> float:
        return self.draft.text_bytes * self.curation.kept_fraction * (1 - self.broken_fraction)

    @property
    def tokens(self) -> float:
        return self.kept_bytes / _BYTES_PER_TOKEN[self.draft.kind]

    @property
    def broken_fraction(self) -> float:
        return sum(self.draft.broken.values()) / max(1, self.draft.sample.num_rows)


def config_text(entries: Sequence[Entry], *, workdir: str, call: str, path: str, skipped: Sequence[str] = ()) -> str:
    """
    Args:
        call: the command that made it.
        path: where it is written to.
        skipped: what was left out, a line each.
    """
    length = sequence_length(entries)
    mixed = mixed_sources(entries, length)
    width = len(f"tenfold plan {path}") + 3
    lines = [
        f"# Written by `{call}`, from the names, the sizes and the first documents of a few files: read it over.",
        "#",
        f"#   {f'tenfold run {path}':<{width}}all of it, and the report",
        f"#   {f'tenfold plan {path}':<{width}}what each source's steps do and, after `tokenize`, what it gives and what binds",
        f"#   {'tenfold schema':<{width}}what every key means",
        "",
        f"workdir: {flow(workdir)} # every dataset and the report go here",
        "",
        "# The order is the priority in deduplication: of two like documents the earlier source keeps its own.",
        "# A step that is commented out is a choice of yours. To keep benchmarks out, see docs/decontamination.md.",
        "sources:",
        *(line for entry in entries for line in _source(entry)),
        *(f"  # Left out: {line}" for line in skipped),
        "",
        "tokenizer:",
        f"  vocab_size: {vocabulary(entries)} # trained on what is kept; or `model: PATH` of a SentencePiece model",
        "",
        *_mixture(mixed, [entry.draft.name for entry in entries if entry not in mixed]),
        "",
        "packing:",
        f"  sequence_length: {length}",
    ]
    return "\n".join(lines) + "\n"


def vocabulary(entries: Sequence[Entry]) -> int:
    kept = sum(entry.kept_bytes for entry in entries)
    return next(size for least, size in _VOCABULARIES if kept >= least)


def sequence_length(entries: Sequence[Entry]) -> int:
    tokens = sum(entry.tokens for entry in entries)
    return next((length for length in _SEQUENCE_LENGTHS if length * _MIN_SEQUENCES <= tokens), _SEQUENCE_LENGTHS[-1])


def mixed_sources(entries: Sequence[Entry], length: int) -> list[Entry]:
    """Those that fill a few sequences."""
    return [entry for entry in entries if entry.tokens >= _MIN_SOURCE_SEQUENCES * length]


def _source(entry: Entry) -> Iterator[str]:
    draft = entry.draft
    unpacked = f", about {size(draft.text_bytes)} of text" if draft.text_bytes != draft.disk_bytes else ""
    yield f"  # {draft.what}: {size(draft.disk_bytes)}{unpacked}"
    if draft.languages:
        named = ", ".join(f"{language} {share:.0%}" for language, share in list(draft.languages.items())[:6])
        yield f"  # {'By bytes' if draft.kind == 'code' else 'By documents'}: {named}"
    elif draft.kind == "text" and not draft.notes:
        yield "  # No language that most of a document is in was recognised"
    yield from (f"  # {note}" for note in draft.notes)
    yield f"  {draft.name}:"
    yield f"    path: {flow(draft.path)}"
    yield f"    kind: {draft.kind}"
    for key, value in draft.settings.items():
        yield f"    {key}: {flow(value)}"
    if entry.broken_fraction > _DEFAULT_BROKEN:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(draft.broken.items()))
        bound = min(1.0, math.ceil(entry.broken_fraction * _BROKEN_ROOM * 100) / 100)
        yield f"    max_broken_fraction: {bound:g} # {entry.broken_fraction:.0%} of the sample is broken: {reasons}"
    yield from _curation(entry)


def _curation(entry: Entry) -> Iterator[str]:
    found = entry.curation
    if found.num_documents and found.proposed:
        kept = f"{found.num_kept:,} of {found.num_documents:,} documents looked at"
        yield f"    # Keeps {kept}, {found.kept_fraction:.0%} of their characters"
        if dropped := sorted(found.dropped.items(), key=lambda item: (-item[1], item[0]))[:3]:
            yield f"    # Drops most by {', '.join(f'{reason} ({count:,})' for reason, count in dropped)}"
    yield f"    curation:{'' if found.proposed else ' []'}"
    for trial in found.trials:
        text = flow(trial.entry)
        if isinstance(trial.entry, dict):
            text = text.removeprefix("{").removesuffix("}")
        if text == "redact" and entry.draft.kind == "text" and not is_english(entry.draft):
            yield "      # - gopher_quality: {stop_words: [...]} # its words are English: give it some of the source's language"
        yield f"      - {text}" if trial.is_proposed else f"      # - {text} # {trial.remark}"


def _mixture(mixed: Sequence[Entry], left: Sequence[str]) -> Iterator[str]:
    groups = {kind: [entry for entry in mixed if entry.draft.kind == kind] for kind in _WEIGHTS}
    groups = {kind: held for kind, held in groups.items() if held}
    tokens = {kind: sum(entry.tokens for entry in held) for kind, held in groups.items()}
    if len(groups) > 1:
        yield "# Weights are in tokens: 10 of code to 1 of text. Inside a group they are what each source has, in millions, estimated."
    else:
        yield "# Weights are in tokens: what each source has, in millions, estimated."
    yield "mixture:"
    yield "  groups:"
    for kind, held in groups.items():
        yield f"    {kind}:"
        yield f"      weight: {_WEIGHTS[kind] if len(groups) > 1 else 1}"
        yield "      sources:"
        yield from (f"        {entry.draft.name}: {_weight(entry.tokens)}" for entry in held)
    if left:
        yield f"    # Not in the mixture, since too little of them is kept for a few sequences: {', '.join(left)}"
    yield "  max_epochs: 1 # how often a document may be seen"
    yield from _budget(groups, tokens)


def _budget(groups: dict[str, list[Entry]], tokens: dict[str, float]) -> Iterator[str]:
    weights = {kind: _WEIGHTS[kind] if len(groups) > 1 else 1 for kind in groups}
    total, binds = min((tokens[kind] * sum(weights.values()) / weights[kind], kind) for kind in groups)
    have = ", ".join(f"{kind} about {count_of(tokens[kind])}" for kind in groups)
    yield f"  # In tokens: {have}. Without a total all that max_epochs allows is packed, about {count_of(total)}"
    if len(groups) > 1:
        other = next(kind for kind in groups if kind != binds)
        yield f"  # ({binds} runs out first; raise max_epochs, or its group's weight, to use more of the {other})."
    yield f"  # total_tokens: {_round(total):_}"


def _weight(tokens: float) -> str:
    """Millions of tokens with two digits."""
    return f"{float(f'{tokens / 1e6:.2g}'):.10g}"


def _round(tokens: float) -> int:
    return int(float(f"{tokens:.1e}"))


def count_of(number: float) -> str:
    """1.2 B"""
    for unit, least in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= least:
            return f"{number / least:.3g} {unit}"
    return f"{number:.0f}"


def size(num_bytes: float) -> str:
    """1.2 GB"""
    return f"{count_of(num_bytes).replace(' B', ' G').replace('k', 'k')}B" if num_bytes >= 1e3 else f"{num_bytes:.0f} bytes"


def flow(value: Any) -> str:
    """The value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def shown(path: str) -> str:
    """Relative to here if that is shorter."""
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else path
