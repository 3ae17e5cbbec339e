"""Common lines are found and cut as a plain Python reading of the definition says."""

from collections import defaultdict

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.exact import text_hashes
from pipeline.dedup.lines import CUT, RECORD, common_lines, cut_places, cut_spans, line_records, lines_of, without_spans
from pipeline.dedup.params import LineParams

_PIECES = st.sampled_from(["menu here", " menu here\t", "alpha", "bet\u00e9 \u2003", "", " ", "\u3000x\u3000", "ab"])
_documents = st.lists(st.lists(_PIECES, max_size=6).map("\n".join) | st.text(st.sampled_from("ab \n\u00e9"), max_size=12), max_size=8)


def _cut(units: list[list[str]], params: LineParams) -> list[list[str]]:
    """What the kernels leave of the corpus, unit by unit, each in two batches."""
    made = []
    for unit, documents in enumerate(units):
        half = len(documents) // 2
        for first_row, batch in ((0, documents[:half]), (half, documents[half:])):
            texts = pa.array(batch, pa.string())
            made.append((unit, first_row, texts, lines_of(texts, params)))
    records = [line_records(lines, text_hashes(texts)[:, 0], unit=unit, first_row=first_row) for unit, first_row, texts, lines in made]
    found = common_lines(np.concatenate([np.empty(0, RECORD), *records])[::-1], params)
    left: list[list[str]] = [[] for _ in units]
    for unit, first_row, texts, lines in made:
        own = found[found["unit"] == unit]
        cuts = np.empty(len(own), CUT)
        cuts["row"], cuts["line"] = own["row"], own["line"]
        marked = cut_places(lines, np.sort(cuts, order=["row", "line"]), first_row=first_row)
        left[unit] += without_spans(texts, *cut_spans(lines, marked)).to_pylist()
    return left


def _reference(units: list[list[str]], params: LineParams) -> list[list[str]]:
    have: dict[str, list[str]] = defaultdict(list)  # a line's texts, in order
    for documents in units:
        for text in documents:
            for line in text.split("\n"):
                if len(line.strip()) >= params.min_chars and text not in have[line.strip()]:
                    have[line.strip()].append(text)

    def cut(text: str) -> str:
        kept = []
        for line in text.split("\n"):
            texts = have.get(line.strip(), [])
            if len(texts) <= params.max_documents or texts[0] == text:
                kept.append(line)
            else:
                kept.append(None)
        whole = ""
        for place, line in enumerate(kept):
            if line is not None:
                whole += line + ("\n" if place < len(kept) - 1 else "")
        return whole

    return [[cut(text) for text in documents] for documents in units]


@given(st.lists(_documents, min_size=1, max_size=3), st.integers(1, 3), st.integers(1, 6))
@settings(deadline=None)
def test_common_lines_are_cut_as_by_the_definition(units: list[list[str]], max_documents: int, min_chars: int) -> None:
    params = LineParams(max_documents=max_documents, min_chars=min_chars)
    assert _cut(units, params) == _reference(units, params)


def test_the_first_text_and_its_copies_keep_a_common_line() -> None:
    params = LineParams(max_documents=2, min_chars=4)
    first, second, third = "menu\na", "b\nmenu\nb", "menu"
    assert _cut([[first, second], [first, third]], params) == [[first, "b\nb"], [first, ""]]


def test_copies_of_one_text_count_once() -> None:
    text = "the same line\nagain"
    assert _cut([[text] * 50, [text] * 50], LineParams(max_documents=1, min_chars=4)) == [[text] * 50, [text] * 50]


def test_a_million_blank_lines_and_a_long_line_cost_no_records() -> None:
    texts = pa.array(["\n" * 1_000_000, " " * 1_000_000, "x" * 5_000_000], pa.string())
    lines = lines_of(texts, LineParams())
    assert lines.offsets.tolist() == [0, 0, 0, 1]
    assert (lines.starts.tolist(), lines.ends.tolist()) == ([0], [5_000_000])


def test_neighbouring_lines_are_one_span() -> None:
    texts = pa.array(["aaaa\nbbbb\ncc\ndddd\n"], pa.string())
    lines = lines_of(texts, LineParams(min_chars=4))
    starts, ends, offsets = cut_spans(lines, np.array([True, True, True]))
    assert (starts.tolist(), ends.tolist(), offsets.tolist()) == ([0, 13], [10, 18], [0, 2])
