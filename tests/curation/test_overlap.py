"""Overlaps are those of brute force over sets of n-grams."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.grams import Kind, gram_hashes
from pipeline.curation.overlap import MAX_SPANS, GramTable, find_overlaps, gram_table
from tests.curation.contamination import humaneval, stretches
from tests.curation.documents import sliced

_WORDS = st.sampled_from(["a", "b", "c", "d_e", "7", "ß", "日", "A", "\\n", "é"])
_SEPARATORS = st.sampled_from([" ", "\n", ".", "\u00a0", " # ", "_"])
_texts = st.lists(st.tuples(_WORDS, _SEPARATORS), max_size=60).map(lambda pairs: "".join(word + mark for word, mark in pairs))


def _table(strings: list[str], kind: Kind, n: int) -> GramTable:
    grams = gram_hashes(pa.array(strings, pa.string()), kind=kind, ngram_tokens=n)
    sets = [np.unique(grams.hashes[a:b]) for a, b in zip(grams.offsets, grams.offsets[1:], strict=False)]
    counts = np.array([len(own) for own in sets])
    return gram_table(np.concatenate(sets), counts, lengths=np.minimum(grams.num_tokens, n))


def _found(texts: list[str], strings: list[str], n: int, kind: Kind = "code", **thresholds: Any) -> tuple[list[float], list[Any]]:
    settings = {"max_overlap": 0.0, "max_gap_tokens": 2} | thresholds
    most, spans = find_overlaps(sliced(texts), _table(strings, kind, n), kind=kind, **settings)
    rows = [tuple(array.tolist()) for array in spans]
    return most.tolist(), sorted(zip(*rows, strict=True))


@pytest.mark.parametrize("kind", ["code", "prose"])
@given(
    documents=st.lists(_texts, max_size=4),
    strings=st.lists(_texts.filter(str.strip), min_size=1, max_size=4),
    n=st.integers(1, 4),
    gap=st.integers(0, 6),
    threshold=st.sampled_from([0.0, 0.25, 0.5, 0.9]),
)
def test_overlaps_and_spans_are_those_of_brute_force(
    kind: Kind, documents: list[str], strings: list[str], n: int, gap: int, threshold: float
) -> None:
    strings = [string for string in strings if gram_hashes(pa.array([string]), kind=kind, ngram_tokens=n).num_tokens[0]] or ["a"]
    most, spans = _found(documents, strings, n, kind, max_overlap=threshold, max_gap_tokens=gap)
    expected = [stretches(text, strings, kind=kind, n=n, max_gap=gap) for text in documents]
    assert most == [max((found.overlap for found in own), default=0.0) for own in expected]
    assert spans == sorted(
        (row, own.string, len(text[: own.start].encode()), len(text[: own.end].encode()), own.overlap)
        for row, text in enumerate(documents)
        for own in expected[row]
        if own.overlap > threshold
    )


def test_every_item_overlaps_itself_whole() -> None:
    prompts = [item["prompt"] for item in humaneval()]
    most, spans = _found(prompts, prompts, 10, max_overlap=0.99)
    assert set(most) == {1.0}
    assert {(row, string) for row, string, *_ in spans} >= {(i, i) for i in range(len(prompts))}


def test_a_run_at_the_threshold_is_none_and_one_above_is() -> None:
    string = "a b c d e f"  # 5 bigrams
    text = "x a b c x"  # 2 of them
    assert _found([text], [string], 2, max_overlap=0.4) == ([0.4], [])
    assert _found([text], [string], 2, max_overlap=0.3999) == ([0.4], [(0, 0, 2, 7, 0.4)])


def test_an_ngram_counts_once_however_often_it_stands() -> None:
    assert _found(["a b " * 9], ["a b c d"], 2)[0] == [1 / 3]


@pytest.mark.parametrize(("between", "overlap"), [("1 2", 1.0), ("1 2 3", 0.5)])
def test_a_gap_of_max_gap_tokens_is_bridged_and_a_longer_one_is_not(between: str, overlap: float) -> None:
    strings = ["a b c", "x y"]
    [most], spans = _found([f"a b {between} b c"], strings, 2)
    assert most == overlap
    assert len(spans) == round(1 / overlap)


def test_a_short_string_is_found_whole_or_not_at_all() -> None:
    assert _found(["is it I, he said", "is it he"], ["is it I"], 5)[0] == [1.0, 0.0]


def test_a_text_does_not_go_on_with_the_one_before() -> None:
    assert _found(["x a b", "c d x"], ["a b c d"], 4)[0] == [0.0, 0.0]
    assert _found(["a b", "c d"], ["a b c d"], 2)[0] == [1 / 3, 1 / 3]


def test_texts_without_tokens_and_tables_without_strings() -> None:
    assert _found(["", "\n\n", " ... "], ["a b"], 2) == ([0.0, 0.0, 0.0], [])
    none = gram_table(np.empty(0, np.uint64), np.empty(0, np.int64), lengths=np.empty(0, np.int64))
    most, spans = find_overlaps(pa.array(["a b", None]), none, kind="code", max_overlap=0, max_gap_tokens=0)
    assert most.tolist() == [0, 0]
    assert len(spans.row) == 0


def test_many_hits_in_one_text_become_a_bounded_number_of_spans_that_cover_them_all() -> None:
    text = "a b c 1 2 3 4 5 " * (3 * MAX_SPANS)
    most, spans = _found([text, "a b c"], ["a b c", "b c 1 2"], 3)
    assert most == [1.0, 1.0]
    assert len(spans) <= MAX_SPANS + 2 + 1
    for string, last in ((0, "a b c"), (1, "b c 1 2")):
        own = [(start, end) for row, found, start, end, _ in spans if (row, found) == (0, string)]
        assert own[-1][1] == text.rindex(last) + len(last)
    assert spans[-1] == (1, 0, 0, 5, 1.0)


@pytest.mark.parametrize("text", ["a " * 500_000, "a" * 1_000_000, "\\" * 500_000, "\0a" * 200_000, "日" * 300_000, "a b c " * 200_000])
def test_hostile_texts_are_searched(text: str) -> None:
    [most], spans = _found([text], ["a b c a", "a b"], 3)
    assert most == (1.0 if "b" in text else 0.0)
    assert len(spans) == 2 * ("b" in text)


@given(count=st.integers(0, 3000), seed=st.integers(0, 99))
def test_every_key_is_found_and_no_other(count: int, seed: int) -> None:
    words = [f"w{(seed + 1) * i}" for i in range(count)]
    strings = [f"{word} and so on" for word in words[::2]] or ["nothing at all"]
    most, _ = _found([f"{word} and so on" for word in words], strings, 4)
    assert most == [float(i % 2 == 0) for i in range(count)]
