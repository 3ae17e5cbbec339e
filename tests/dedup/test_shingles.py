import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.shingles import shingle_hashes
from tests.dedup.reference import jaccard, shingle_set, source_files

# Few letters, so that tokens repeat; both kinds of separators; a word outside ASCII.
TEXTS = st.lists(st.text(alphabet="aAbB_1 .\n(é", max_size=40), max_size=8)


def _sets(texts: list[str], *, ngram_tokens: int, fold_case: bool) -> list[set[int]]:
    shingles = shingle_hashes(pa.array(texts, pa.string()), ngram_tokens=ngram_tokens, fold_case=fold_case)
    return [set(shingles.hashes[i:j].tolist()) for i, j in zip(shingles.offsets, shingles.offsets[1:], strict=False)]


@given(TEXTS, st.integers(1, 6), st.booleans())
@settings(deadline=None)
def test_shingles_are_equal_just_where_the_slow_ones_are(texts: list[str], n: int, fold_case: bool) -> None:
    ours = _sets(texts, ngram_tokens=n, fold_case=fold_case)
    slow = [shingle_set(text, ngram_tokens=n, fold_case=fold_case) for text in texts]
    for i in range(len(texts)):
        for j in range(len(texts)):
            assert jaccard(ours[i], ours[j]) == jaccard(slow[i], slow[j])


def test_real_files_have_as_many_distinct_shingles_as_the_slow_way_finds() -> None:
    files = source_files()
    ours, slow = _sets(files, ngram_tokens=5, fold_case=False), [shingle_set(text) for text in files]
    assert [len(s) for s in ours] == pytest.approx([len(s) for s in slow], abs=1)  # 32 bits: one collision in 1e5 pairs of 1e4


def test_repeats_stay_so_that_a_document_of_n_tokens_has_n_minus_4_shingles() -> None:
    shingles = shingle_hashes(pa.array(["a " * 20 + "b"]), ngram_tokens=5, fold_case=False)
    assert shingles.offsets.tolist() == [0, 17]
    assert len(set(shingles.hashes.tolist())) == 2


def test_short_documents_are_equal_only_if_their_tokens_are() -> None:
    same, spaced, other, order = _sets(["return None", "return\n\n None;", "return 1", "None return"], ngram_tokens=5, fold_case=False)
    assert same == spaced
    assert not same & other
    assert not same & order


def test_an_only_shingle_has_64_bits_so_that_half_of_them_in_common_make_no_duplicates() -> None:
    """300,000 different documents of a token each: some ten pairs share 32 bits, none is equal."""
    texts = pa.array([f"token{i}" for i in range(300_000)])
    shingles = shingle_hashes(texts, ngram_tokens=5, fold_case=False)
    halves = shingles.hashes.reshape(-1, 2)
    assert len(np.unique(halves[:, 0])) < len(halves)
    assert len(np.unique(halves, axis=0)) == len(halves)


@pytest.mark.parametrize("text", ["x", "x x", "x x x x x", "x " * 30, "", " \n\t ", "{}"])
def test_documents_of_one_shingle_are_equal_to_themselves_whatever_it_is(text: str) -> None:
    (found,) = _sets([text], ngram_tokens=5, fold_case=False)
    assert len(found) == 2


def test_documents_without_tokens_are_equal_only_if_their_bytes_are() -> None:
    sets = _sets(["", "", "{}", "{ }", "()"], ngram_tokens=5, fold_case=False)
    assert sets[0] == sets[1]
    assert len(set.union(*sets)) == 2 * 4


def test_case_counts_in_code_and_not_in_prose() -> None:
    code = _sets(["One Two", "one two"], ngram_tokens=5, fold_case=False)
    prose = _sets(["One Two", "one two"], ngram_tokens=5, fold_case=True)
    assert code[0] != code[1]
    assert prose[0] == prose[1]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string()])
def test_a_slice_has_the_shingles_of_its_texts(type_: pa.DataType) -> None:
    texts = pa.array(["zero", "one two three", "", "four five six", "seven"], type_)
    sliced = shingle_hashes(texts[1:4], ngram_tokens=2, fold_case=False)
    copied = shingle_hashes(pa.array(texts[1:4].to_pylist()), ngram_tokens=2, fold_case=False)
    np.testing.assert_array_equal(sliced.hashes, copied.hashes)
    np.testing.assert_array_equal(sliced.offsets, copied.offsets)


def test_no_texts_have_no_shingles() -> None:
    shingles = shingle_hashes(pa.array([], pa.string()), ngram_tokens=5, fold_case=False)
    assert (shingles.hashes.tolist(), shingles.offsets.tolist()) == ([], [0])
