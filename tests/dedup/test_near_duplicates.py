"""The kernels together, on real code with planted near-duplicates, judged by exact Jaccard similarities."""

import itertools
from functools import cache

import numpy as np
import pyarrow as pa

from pipeline.dedup.lsh import BandRecords, band_hashes
from pipeline.dedup.minhash import minhash_signatures
from pipeline.dedup.pairs import make_pairs
from pipeline.dedup.params import NearParams
from pipeline.dedup.representatives import KEPT, decide
from pipeline.dedup.shingles import shingle_hashes
from pipeline.dedup.sketch import sketches
from tests.dedup.reference import AllEdges, all_edges, edited, jaccard, shingle_set, source_files

PARAMS = NearParams(verify="sketch")
FOUR_STANDARD_ERRORS = 4 * 0.035


@cache
def _documents() -> list[str]:
    """Pieces of 80 lines, and edited copies of every second one: priority falls along the list."""
    pieces = ["\n".join(lines[i : i + 80]) for lines in map(str.splitlines, source_files()) for i in range(0, len(lines), 80)]
    copies = [edited(piece, edit_fraction=0.01 * (seed % 12), seed=seed) for seed, piece in enumerate(pieces[::2])]
    return pieces + copies


def _edges(documents: list[str], ranks: np.ndarray) -> AllEdges:
    signatures = minhash_signatures(shingle_hashes(pa.array(documents), ngram_tokens=5, fold_case=False), PARAMS)
    n, bands = len(documents), PARAMS.bands
    return all_edges(
        BandRecords(
            band=np.tile(np.arange(bands, dtype=np.uint16), n),
            band_hash=band_hashes(signatures, PARAMS).ravel(),
            node=np.repeat(ranks, bands),
            sketch=np.repeat(sketches(signatures), bands, axis=0),
        ),
        params=PARAMS,
    )


def _exact_pairs() -> dict[tuple[int, int], float]:
    sets = [shingle_set(document) for document in _documents()]
    return {(i, j): jaccard(sets[i], sets[j]) for i, j in itertools.combinations(range(len(sets)), 2)}


def test_pairs_clearly_above_the_threshold_are_edges_and_pairs_clearly_below_are_not() -> None:
    exact = _exact_pairs()
    edges = _edges(_documents(), np.arange(len(_documents())))
    found = set(zip(edges.high.tolist(), edges.low.tolist(), strict=True))
    planted = {pair for pair, similarity in exact.items() if similarity > 0.7 + FOUR_STANDARD_ERRORS}
    assert len(planted) > 30
    assert planted <= found
    assert all(exact[pair] > 0.7 - FOUR_STANDARD_ERRORS for pair in found)
    true_similarity = [exact[pair] for pair in zip(edges.high.tolist(), edges.low.tolist(), strict=True)]
    np.testing.assert_allclose(edges.similarity, true_similarity, rtol=0, atol=FOUR_STANDARD_ERRORS)


def test_survivors_hold_no_near_duplicates_and_lose_only_near_duplicates() -> None:
    exact, documents = _exact_pairs(), _documents()
    edges = _edges(documents, np.arange(len(documents)))
    pairs = make_pairs(edges.high, edges.low, edges.similarity)
    keeper = decide(len(documents), [pairs], cluster="representative").keeper
    kept = np.flatnonzero(keeper == KEPT)
    assert len(documents) - len(kept) > 30
    assert max(exact[pair] for pair in itertools.combinations(kept.tolist(), 2)) < 0.7 + FOUR_STANDARD_ERRORS
    assert min(exact[keeper[node], node] for node in np.flatnonzero(keeper != KEPT).tolist()) > 0.7 - FOUR_STANDARD_ERRORS


def test_the_order_of_the_documents_has_no_effect() -> None:
    documents = _documents()
    order = np.random.default_rng(11).permutation(len(documents))
    edges, shuffled = _edges(documents, np.arange(len(documents))), _edges([documents[i] for i in order], order)
    np.testing.assert_array_equal(edges.high, shuffled.high)
    np.testing.assert_array_equal(edges.low, shuffled.low)
    np.testing.assert_array_equal(edges.similarity, shuffled.similarity)
