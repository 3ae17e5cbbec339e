"""From edges between nodes to what becomes of every document."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from pipeline import schema
from pipeline.dedup.representatives import components, decide, decide_by_component


@dataclass(frozen=True)
class Verdict:
    """By rank: id_of uint64; keeper int64 (-1: the node stays), similarity float32 (NaN: no edge) and component int64 of nodes."""

    id_of: np.ndarray
    keeper: np.ndarray
    similarity: np.ndarray
    component: np.ndarray


def judge(id_of: np.ndarray, edges: pa.Table, *, cluster: Literal["representative", "component"]) -> Verdict:
    """Who stays, of all documents.

    Args:
        id_of: uint64 [num_documents], by rank.
        edges: schema.EDGES, in any order; a pair may come more than once.
    """
    high, low, similarity = (edges[name].to_numpy() for name in schema.EDGES.names)
    by_cluster = {"representative": decide, "component": decide_by_component}
    decision = by_cluster[cluster](len(id_of), high=high, low=low, similarity=similarity)
    return Verdict(id_of, decision.keeper, decision.similarity, components(len(id_of), high, low))


def survivors(ids: np.ndarray, nodes: pa.Table, verdict: Verdict) -> pa.RecordBatch:
    """schema.SURVIVORS of some documents. Those of one node stand or fall together, and of a node that stands its best does.

    Args:
        ids: uint64 [n].
        nodes: schema.NODES [n].
    """
    rank, node = nodes["rank"].to_numpy(), nodes["node"].to_numpy()
    stands = verdict.keeper[node] < 0
    kept = stands & (rank == node)
    keeper = np.where(stands, node, verdict.keeper[node])
    similarity = np.where(stands, np.float32(1), verdict.similarity[node]).astype(np.float32)
    values = [
        pa.array(ids, pa.uint64()),
        pa.array(kept),
        pa.array(verdict.id_of[keeper], pa.uint64(), mask=kept),
        pa.array(similarity, pa.float32(), mask=kept | np.isnan(similarity)),
        pa.array(verdict.id_of[verdict.component[node]], pa.uint64()),
        nodes["copies"].combine_chunks(),
    ]
    return pa.RecordBatch.from_arrays(values, schema=schema.SURVIVORS)
