"""A batch's documents parsed, and all counted that rules ask of their syntax."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.curation.code_measures import canonical_language
from pipeline.curation.grammars import NAMES, grammar_index
from pipeline.curation.parser_process import parse_all
from pipeline.curation.syntax_measures import syntax_measures


@dataclass(frozen=True)
class Syntax:
    """What was counted in each document.

    Attributes:
        grammars: int64 [n]: the language's place in grammars.NAMES; -1: it has no grammar.
        counts: by name (the fields of SyntaxMeasures, those of Parsed but the spans, and bytes) float64 [n]; NaN: not parsed.
    """

    grammars: np.ndarray
    counts: dict[str, np.ndarray]

    def is_in(self, *names: str) -> np.ndarray:
        """Which documents are in one of these languages, by their names in GRAMMARS; bool [n]."""
        return np.isin(self.grammars, [NAMES.index(name) for name in names])


def parse_batch(texts: pa.StringArray, languages: pa.StringArray, *, max_bytes: int) -> Syntax:
    """Parses what is in a known language and not over `max_bytes`.

    Args:
        texts: pa.string(), normalised; nulls are not parsed.
        languages: pa.string(), as The Stack or Linguist write them.
    """
    grammars = _grammars(languages)
    num_bytes = pc.fill_null(pc.binary_length(texts), -1).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero((grammars >= 0) & (num_bytes >= 0) & (num_bytes <= max_bytes))
    parsed = parse_all([(int(grammars[row]), texts[int(row)].as_buffer().to_pybytes()) for row in rows])
    done = [(row, each) for row, each in zip(rows, parsed, strict=True) if each is not None]
    rows = np.array([row for row, _ in done], np.int64)
    spans, ends = _spans([each.spans for _, each in done])
    measured = syntax_measures(texts.take(pa.array(rows)), grammars[rows], spans=spans, ends=ends)
    numbers = {name: [getattr(each, name) for _, each in done] for name in _PARSED} | {"bytes": num_bytes[rows]} | measured._asdict()
    counts = {}
    for name, values in numbers.items():
        counts[name] = np.full(len(texts), np.nan)
        counts[name][rows] = values
    return Syntax(grammars, counts)


_PARSED = ("errors", "error_bytes", "functions", "simple_functions", "main_functions", "variables")


def _grammars(languages: pa.StringArray) -> np.ndarray:
    encoded = pc.dictionary_encode(languages, null_encoding="encode")
    known = [-1 if language is None else grammar_index(canonical_language(language)) for language in encoded.dictionary.to_pylist()]
    return np.array(known, np.int64)[encoded.indices.to_numpy(zero_copy_only=False)]


def _spans(packed: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """All documents' spans, int64 [m, 3], each document's by first byte, the outer before the inner; where each's end, int64 [n + 1]."""
    counts = [len(each) // 12 for each in packed]
    spans = np.frombuffer(b"".join(packed), np.int32).reshape(-1, 3).astype(np.int64)
    document = np.repeat(np.arange(len(packed)), counts)
    order = np.lexsort((spans[:, 2], -spans[:, 1], spans[:, 0], document))
    return np.ascontiguousarray(spans[order]), np.cumsum([0, *counts])
