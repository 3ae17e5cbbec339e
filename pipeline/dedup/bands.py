"""What a document sends for each band of its signature: the only thing of it that is shuffled."""

import numpy as np

from pipeline.dedup.lsh import BandRecords, band_hashes
from pipeline.dedup.params import NearParams
from pipeline.dedup.sketch import sketches


def record_type(near: NearParams) -> np.dtype:
    """A band record: 82 bytes at 252 permutations."""
    words = -(-2 * near.num_permutations // 64)
    return np.dtype([("band", "<u2"), ("band_hash", "<u8"), ("node", "<u8"), ("sketch", "<u8", (words,))])


def band_records(signatures: np.ndarray, nodes: np.ndarray, near: NearParams) -> np.ndarray:
    """The records of all bands of some documents.

    Args:
        signatures: uint32 [n, near.num_permutations].
        nodes: int64 [n].
    Returns:
        record_type [n * near.bands].
    """
    records = np.empty((len(signatures), near.bands), record_type(near))
    records["band"] = np.arange(near.bands)
    records["band_hash"] = band_hashes(signatures, near)
    records["node"] = nodes[:, None]
    records["sketch"] = sketches(signatures)[:, None, :]
    return records.ravel()


def columns(records: np.ndarray) -> BandRecords:
    """Band records as lsh.bucket_edges takes them."""
    return BandRecords(records["band"], records["band_hash"], records["node"], records["sketch"])
