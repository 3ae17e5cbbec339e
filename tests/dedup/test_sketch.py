import numpy as np
import pyarrow as pa
import pytest

from pipeline.dedup.minhash import minhash_signatures
from pipeline.dedup.params import NearParams
from pipeline.dedup.shingles import Shingles, shingle_hashes
from pipeline.dedup.sketch import sketch_similarity, sketches
from tests.dedup.reference import edited, jaccard, shingle_set, source_files


def _signatures(documents: list[np.ndarray], num_permutations: int = 252) -> np.ndarray:
    shingles = Shingles(np.concatenate(documents).astype(np.uint32), np.cumsum([0, *map(len, documents)]))
    return minhash_signatures(shingles, NearParams(num_permutations=num_permutations, bands=1, rows=1))


def _pairs(similarity: float, *, num_pairs: int, num_shingles: int) -> list[np.ndarray]:
    """Documents 2i and 2i + 1 have this Jaccard similarity."""
    rng = np.random.default_rng(7)
    num_shared = round(2 * num_shingles * similarity / (1 + similarity))
    documents = []
    for _ in range(num_pairs):
        pool = rng.choice(2**32, 2 * num_shingles - num_shared, replace=False)
        documents += [pool[:num_shingles], np.concatenate([pool[:num_shared], pool[num_shingles:]])]
    return documents


def _estimates(documents: list[np.ndarray]) -> np.ndarray:
    even = np.arange(0, len(documents), 2)
    return sketch_similarity(sketches(_signatures(documents)), left=even, right=even + 1, num_permutations=252)


@pytest.mark.parametrize(("similarity", "standard_error"), [(0.0, 0.036), (0.7, 0.035), (0.95, 0.016)])
def test_estimate_is_unbiased_and_as_exact_as_documented(similarity: float, standard_error: float) -> None:
    estimates = _estimates(_pairs(similarity, num_pairs=800, num_shingles=390))
    assert np.mean(estimates) == pytest.approx(similarity, abs=4 * standard_error / np.sqrt(800))
    assert np.std(estimates) == pytest.approx(standard_error, rel=0.15)


@pytest.mark.parametrize("num_shingles", [1, 2, 3])
def test_different_documents_of_a_few_shingles_are_not_similar(num_shingles: int) -> None:
    estimates = _estimates(_pairs(0.0, num_pairs=800, num_shingles=num_shingles))
    assert np.max(np.abs(estimates)) < 0.25


def test_estimates_of_edited_files_are_within_four_standard_errors_of_the_exact_similarity() -> None:
    texts, exact = [], []
    for seed, text in enumerate(source_files()):
        for edit_fraction in (0.005, 0.02, 0.05, 0.15):
            texts += [text, edited(text, edit_fraction=edit_fraction, seed=seed)]
            exact.append(jaccard(shingle_set(texts[-2]), shingle_set(texts[-1])))
    words = sketches(minhash_signatures(shingle_hashes(pa.array(texts), ngram_tokens=5, fold_case=False), NearParams()))
    even = np.arange(0, len(texts), 2)
    estimates = sketch_similarity(words, left=even, right=even + 1, num_permutations=252)
    assert min(exact) < 0.6  # the pairs span what matters
    assert max(exact) > 0.9
    agreeing = 1 / 4 + 3 / 4 * np.array(exact)
    standard_errors = 4 / 3 * np.sqrt(agreeing * (1 - agreeing) / 252)
    assert np.max(np.abs(estimates - exact) / standard_errors) < 4


@pytest.mark.parametrize("num_permutations", [1, 31, 32, 33, 252])
def test_similarity_counts_the_two_bit_values_that_agree(num_permutations: int) -> None:
    signatures = np.random.default_rng(3).integers(0, 2**32, (9, num_permutations), dtype=np.uint32)
    words = sketches(signatures)
    assert words.shape == (9, -(-num_permutations // 32))
    values = (words[:, :, None] >> np.arange(0, 64, 2, dtype=np.uint64)) & np.uint64(3)
    values = values.reshape(9, -1)
    assert not values[:, num_permutations:].any()
    agreeing = np.mean(values[0, :num_permutations] == values[:, :num_permutations], axis=1)
    estimates = sketch_similarity(words, left=np.zeros(9, int), right=np.arange(9), num_permutations=num_permutations)
    np.testing.assert_allclose(estimates, (agreeing - 0.25) / 0.75, atol=1e-6)
