"""What opt-out lists take from `tokens/`."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from pipeline.manifest import Manifest


def removed_ids(workdir: str, removals: Manifest, unit: str) -> np.ndarray:
    """The documents of a unit that an opt-out list names: uint64."""
    file = removals.by_item.get(unit)
    if file is None or not file.num_rows:
        return np.empty(0, np.uint64)
    return pq.read_table(removals.path(workdir, unit), columns=["id"])["id"].to_numpy()


def count_removed(workdir: str, tokens: Manifest, ids_of: Callable[[str], np.ndarray]) -> dict[str, dict[str, int]]:
    """By source, the documents of `tokens/` that are removed, and their tokens (without BOS and EOS).

    Args:
        ids_of: of a unit the documents that opt-out lists name, uint64.
    """
    counts: dict[str, dict[str, int]] = {}
    for unit in tokens.by_item:
        ids = ids_of(unit)
        if not len(ids):
            continue
        table = pq.read_table(tokens.path(workdir, unit), columns=["id", "num_tokens"])
        gone = np.isin(table["id"].to_numpy(), ids)
        own = counts.setdefault(tokens.extra["units"][unit], {"num_documents": 0, "num_tokens": 0})
        own["num_documents"] += int(gone.sum())
        own["num_tokens"] += int(table["num_tokens"].to_numpy()[gone].sum(dtype=np.int64))
    return counts


def without_removed(counts: Mapping[str, Any], removed: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """The counts of `tokens/` by source that are left to train on."""
    names = ("num_documents", "num_tokens")
    return {source: {name: own.get(name, 0) - removed.get(source, {}).get(name, 0) for name in names} for source, own in counts.items()}
