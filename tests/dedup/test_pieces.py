"""Common lines and runs are found and cut as a plain Python reading of the definitions says."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.exact import text_hashes
from pipeline.dedup.lines import lines_of
from pipeline.dedup.params import LineParams, RunParams
from pipeline.dedup.pieces import CUT, RECORD, Pieces, Spans, common_pieces, cut_places, joined_spans, piece_records, repeated_places
from pipeline.dedup.pieces import without_spans as without
from pipeline.dedup.runs import windows_of

_PIECES = st.sampled_from(["menu here", " menu here\t", "alpha", "bet\u00e9 \u2003", "", " ", "\u3000x\u3000", "ab"])
_pages = st.lists(st.lists(_PIECES, max_size=6).map("\n".join) | st.text(st.sampled_from("ab \n\u00e9"), max_size=12), max_size=8)

_WORDS = "the quick brown fox jumps over a lazy dog while it rains in Zürich; 日本 waits, nobody knows why".split()  # noqa: SIM905
_passages = [" ".join(np.random.default_rng(seed).choice(_WORDS, 30)) for seed in range(4)]
_stories = st.lists(st.lists(st.sampled_from([*_passages, "short.", "\n"]), max_size=5).map("".join), max_size=5)


def _cut(units: list[list[str]], params: LineParams | RunParams) -> list[list[str]]:
    """What the kernels leave of the corpus, unit by unit."""
    spans = iter(_spans(units, params))
    left = []
    for documents in units:
        own = [next(spans) for _ in documents]
        starts, ends = (np.array([span[side] for spans in own for span in spans], np.int64) for side in (0, 1))
        offsets = np.cumsum([0, *map(len, own)])
        left.append(without(pa.array(documents, pa.string()), Spans(starts, ends, offsets)).to_pylist())
    return left


def _spans(units: list[list[str]], params: LineParams | RunParams) -> list[list[tuple[int, int]]]:
    """What each document of the corpus loses, in bytes; a unit in two batches."""
    made: list[tuple[int, int, pa.StringArray, Pieces]] = []
    for unit, documents in enumerate(units):
        half = len(documents) // 2
        for first_row, batch in ((0, documents[:half]), (half, documents[half:])):
            texts = pa.array(batch, pa.string())
            made.append((unit, first_row, texts, lines_of(texts, params) if isinstance(params, LineParams) else windows_of(texts, params)))
    records = [
        piece_records(pieces, text_hashes(texts)[:, 0], kind=0, unit=unit, first_row=first_row) for unit, first_row, texts, pieces in made
    ]
    found = common_pieces(np.concatenate([np.empty(0, RECORD), *records])[::-1], max_documents=params.max_documents)
    lost = []
    for unit, first_row, texts, pieces in made:
        own = found[found["unit"] == unit]
        cuts = np.empty(len(own), CUT)
        cuts["row"], cuts["low"] = own["row"], own["low"]
        marked = cut_places(pieces, np.sort(cuts, order=["row", "low"]), first_row=first_row)
        spans = joined_spans([(pieces, marked)], len(texts))
        pairs = list(zip(spans.starts.tolist(), spans.ends.tolist(), strict=True))
        lost += [pairs[start:end] for start, end in pairwise(spans.offsets.tolist())]
    return lost


def _lines_left(units: list[list[str]], params: LineParams) -> list[list[str]]:
    have: dict[str, list[str]] = defaultdict(list)  # a line's texts, in order
    for text in (text for documents in units for text in documents):
        for line in text.split("\n"):
            if len(line.strip()) >= params.min_chars and text not in have[line.strip()]:
                have[line.strip()].append(text)

    def stays(line: str, text: str) -> bool:
        texts = have.get(line.strip(), [])
        return len(texts) <= params.max_documents or texts[0] == text

    return [["".join(line for line in text.splitlines(keepends=True) if stays(line, text)) for text in documents] for documents in units]


@given(st.lists(_pages, min_size=1, max_size=3), st.integers(1, 3), st.integers(1, 6))
@settings(deadline=None)
def test_common_lines_are_cut_as_by_the_definition(units: list[list[str]], max_documents: int, min_chars: int) -> None:
    params = LineParams(max_documents=max_documents, min_chars=min_chars)
    assert _cut(units, params) == _lines_left(units, params)


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
    spans = joined_spans([(lines_of(texts, LineParams(min_chars=4)), np.array([True, True, True]))], 1)
    assert (spans.starts.tolist(), spans.ends.tolist(), spans.offsets.tolist()) == ([0, 13], [10, 18], [0, 2])


_SPANS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(1, 9)), max_size=12)


@given(_SPANS, _SPANS)
def test_spans_of_two_kinds_are_joined_to_the_bytes_that_any_covers(
    first: list[tuple[int, int, int]], second: list[tuple[int, int, int]]
) -> None:
    def pieces(found: list[tuple[int, int, int]]) -> tuple[Pieces, np.ndarray]:
        rows, starts, lengths = np.array(sorted(found), np.int64).reshape(-1, 3).T
        offsets = np.searchsorted(rows, np.arange(4))
        return Pieces(np.zeros((len(rows), 2), np.uint64), starts, starts + lengths, offsets), np.ones(len(rows), bool)

    spans = joined_spans([pieces(first), pieces(second)], 3)
    for row in range(3):
        own = slice(spans.offsets[row], spans.offsets[row + 1])
        starts, ends = spans.starts[own], spans.ends[own]
        assert (starts[1:] > ends[:-1]).all()
        covered = {byte for start, end in zip(starts, ends, strict=True) for byte in range(start, end)}
        assert covered == {byte for of, start, length in first + second if of == row for byte in range(start, start + length)}


@given(st.text(st.sampled_from("a\u00e9\u65e5"), max_size=30), st.data())
def test_texts_lose_their_spans_and_nothing_else(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    if len(cuts) % 2:
        cuts.pop()
    at = [len(text[:cut].encode()) for cut in cuts]
    spans = Spans(np.array(at[0::2], np.int64), np.array(at[1::2], np.int64), np.array([0, 0, len(at) // 2]))
    kept = "".join(text[start:end] for start, end in zip([0, *cuts[1::2]], [*cuts[0::2], len(text)], strict=True))
    assert without(pa.array(["before", text], pa.string()), spans).to_pylist() == ["before", kept]


@given(st.lists(_stories, min_size=1, max_size=3), st.integers(1, 2))
@settings(deadline=None)
def test_what_runs_lose_stands_in_enough_texts_and_in_an_earlier_one(units: list[list[str]], max_documents: int) -> None:
    size = 64 // 2 - 1
    texts = [text for documents in units for text in documents]
    distinct = [text.encode() for text in dict.fromkeys(texts)]
    lost: dict[str, list[tuple[int, int]]] = {}
    for text, spans in zip(texts, _spans(units, RunParams(min_bytes=64, max_documents=max_documents)), strict=True):
        assert lost.setdefault(text, spans) == spans  # copies stay copies
        own = text.encode()
        for start, end in spans:
            for window in (own[start : start + size], own[end - size - 3 : end][-size:]):
                having = [place for place, other in enumerate(distinct) if window in other]
                assert len(having) > max_documents
                assert having[0] < distinct.index(own)


@given(st.sampled_from(_passages), st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
@settings(deadline=None)
def test_a_run_of_min_bytes_is_found_wherever_it_stands(passage: str, before: str, between: str, after: str) -> None:
    params = RunParams(min_bytes=96)
    assert len(passage.encode()) >= 96
    first, second = f"1{passage}{before}", f"2{between}{passage}{after}"
    [[kept, rest]] = _cut([[first, second]], params)
    assert kept == first
    assert passage not in rest
    assert len(rest) < len(second)


def test_a_run_is_cut_from_all_but_its_first_place_in_a_document() -> None:
    passage = _passages[0] + "."
    texts = pa.array([passage + " one " + passage + " two " + passage], pa.string())
    pieces = windows_of(texts, RunParams(min_bytes=96))
    [left] = without(texts, joined_spans([(pieces, repeated_places(pieces))], 1)).to_pylist()
    assert left.startswith(passage)
    assert passage not in left[1:]
    assert "one" in left
    assert "two" in left


def test_windows_are_as_rare_on_a_text_of_one_character_as_on_any_other() -> None:
    texts = pa.array(["a" * 1_000_000, "\u00e9" * 500_000, "ab" * 500_000, " ".join(_passages * 2_000)], pa.string())
    windows = windows_of(texts, RunParams(min_bytes=400))
    assert (np.diff(windows.offsets) <= 2 * 1_000_000 // 199 + 1_000_000 // 90).all()
    assert (np.diff(windows.offsets) > 0).all()
