"""From decisions on nodes to what becomes of every document."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from pipeline import schema
from pipeline.dedup.pairs import Pairs, make_pairs
from pipeline.dedup.params import NearParams
from pipeline.dedup.representatives import KEPT, Decision


def similar_enough(candidates: Iterable[Pairs], exact: Pairs, *, near: NearParams) -> Iterator[Pairs]:
    """The edges: candidates that are similar enough by the exact similarity where there is one, surely so by the estimate elsewhere.

    Args:
        exact: ascending by key, with exact similarities.
    """
    for batch in candidates:
        similarity, (place, is_checked) = batch.similarity.copy(), _find(batch.key, exact.key)
        similarity[is_checked] = exact.similarity[place[is_checked]]
        least = np.where(is_checked, np.float32(near.min_similarity), np.float32(near.sure_similarity))
        yield Pairs(batch.key, similarity)[similarity >= least]


def survivors(
    ids: np.ndarray, nodes: pa.Table, decision: Decision, *, id_of: np.ndarray, exact: Pairs, fork_of: np.ndarray
) -> pa.RecordBatch:
    """schema.SURVIVORS of some documents. Those of one node stand or fall together, and of a node that stands its best does.

    Args:
        ids: uint64 [n].
        nodes: schema.NODES [n].
        id_of: uint64 [num_documents], by rank.
        fork_of: uint64 [n]; 0: the document is not dropped with its repository. One that is is a node of its own.
    """
    rank, node = nodes["rank"].to_numpy(), nodes["node"].to_numpy()
    stands, is_forked = decision.keeper[node] == KEPT, fork_of != 0
    kept = stands & (rank == node) & ~is_forked
    keeper = np.where(stands, node, decision.keeper[node])
    similarity = np.where(stands, np.float32(1), decision.similarity[node]).astype(np.float32)
    is_checked = np.zeros(len(ids), bool)
    pairs = make_pairs(keeper[~stands], node[~stands], similarity[~stands])
    is_checked[~stands] = _find(pairs.key, exact.key)[1] & ~np.isnan(pairs.similarity)
    values = [
        pa.array(ids, pa.uint64()),
        pa.array(kept),
        pa.array(id_of[keeper], pa.uint64(), mask=kept | is_forked),
        pa.array(similarity, pa.float32(), mask=kept | is_forked | np.isnan(similarity)),
        pa.array(is_checked),
        pa.array(id_of[decision.component[node]], pa.uint64()),
        nodes["copies"].combine_chunks(),
        pa.array(fork_of, pa.uint64(), mask=~is_forked),
    ]
    return pa.RecordBatch.from_arrays(values, schema=schema.SURVIVORS)


def _find(keys: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places in the ascending `among`, and whether the key is there."""
    if not len(among):
        return np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
    place = np.minimum(np.searchsorted(among, keys), len(among) - 1)
    return place, among[place] == keys
