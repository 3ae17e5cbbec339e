from random import Random

import numpy as np
import pyarrow as pa
import pytest
from datasketch import LeanMinHash, MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.minhash import minhash_signatures
from pipeline.dedup.params import NearParams
from pipeline.dedup.shingles import Shingles, shingle_hashes
from tests.dedup.reference import edited, source_files

DOCUMENTS = st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=30), max_size=6)


def _shingles(documents: list[list[int]]) -> Shingles:
    hashes = np.array([h for document in documents for h in document], np.uint32)
    return Shingles(hashes, np.cumsum([0, *map(len, documents)]))


def _datasketch(hashes: np.ndarray | list[int], params: NearParams) -> MinHash:
    minhash = MinHash(params.num_permutations, seed=params.seed, hashfunc=int, scheme="affine32")
    minhash.update_batch(list(map(int, hashes)))
    return minhash


@given(DOCUMENTS, st.sampled_from([1, 7, 64, 112, 252, 256]), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_signatures_are_datasketchs_bit_for_bit(documents: list[list[int]], num_permutations: int, seed: int) -> None:
    params = NearParams(num_permutations=num_permutations, bands=1, rows=1, seed=seed)
    signatures = minhash_signatures(_shingles(documents), params)
    assert signatures.shape == (len(documents), num_permutations)
    for document, signature in zip(documents, signatures, strict=True):
        np.testing.assert_array_equal(signature, _datasketch(document, params).hashvalues)


def test_signatures_of_real_files_are_datasketchs() -> None:
    shingles = shingle_hashes(pa.array(source_files()), ngram_tokens=5, fold_case=False)
    signatures = minhash_signatures(shingles, NearParams())
    for i, signature in enumerate(signatures):
        document = shingles.hashes[shingles.offsets[i] : shingles.offsets[i + 1]]
        np.testing.assert_array_equal(signature, _datasketch(document, NearParams()).hashvalues)


def test_a_datasketch_user_reads_our_signatures_and_queries_an_index_of_them() -> None:
    params = NearParams()
    text = source_files()[0]
    texts = [text, edited(text, edit_fraction=0.02, seed=1), source_files()[1]]
    rows = minhash_signatures(shingle_hashes(pa.array(texts), ngram_tokens=5, fold_case=False), params)
    read = [MinHash(hashvalues=row, seed=params.seed, scheme="affine32") for row in rows]
    index = MinHashLSH(num_perm=params.num_permutations, params=(params.bands, params.rows))
    for i, minhash in enumerate(read[1:], start=1):
        index.insert(i, minhash)
    assert index.query(read[0]) == [1]
    assert read[0].jaccard(read[1]) == np.mean(rows[0] == rows[1])
    assert LeanMinHash(read[0]).jaccard(LeanMinHash(read[1])) == read[0].jaccard(read[1])


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=40), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_signature_ignores_the_order_and_the_repeats_of_shingles(hashes: list[int], random: Random) -> None:
    shuffled = hashes + random.sample(hashes, len(hashes) // 2)
    random.shuffle(shuffled)
    first, second = minhash_signatures(_shingles([hashes, shuffled]), NearParams())
    np.testing.assert_array_equal(first, second)


def test_offsets_past_the_hashes_are_refused() -> None:
    with pytest.raises(ValueError, match="within 0 and 2"):
        minhash_signatures(Shingles(np.zeros(2, np.uint32), np.array([0, 3])), NearParams())
