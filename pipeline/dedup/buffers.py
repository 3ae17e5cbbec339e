"""Arrow strings as the arrays that numba kernels walk."""

import numpy as np
import pyarrow as pa


def utf8_buffers(texts: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """The bytes and where each text starts, without a copy of the bytes.

    Args:
        texts: string or large_string.
    Returns:
        data uint8 and offsets int64 [n + 1]: text i is data[offsets[i] : offsets[i + 1]]. A slice's offsets don't start at 0.
    Raises:
        ValueError: not an array of strings, or one with nulls.
    """
    if pa.types.is_string(texts.type):
        num_bytes = 4
    elif pa.types.is_large_string(texts.type):
        num_bytes = 8
    else:
        raise ValueError(f"texts are {texts.type}: cast them to string or large_string")
    if texts.null_count:
        raise ValueError(f"{texts.null_count} of {len(texts)} texts are null: filter them out first")
    _, starts, data = texts.buffers()
    if len(texts) == 0 or data is None:
        return _read_only(b""), np.zeros(len(texts) + 1, np.int64)
    offsets = np.frombuffer(starts, f"<i{num_bytes}", len(texts) + 1, texts.offset * num_bytes)
    return _read_only(data), offsets.astype(np.int64)


def _read_only(data: pa.Buffer | bytes) -> np.ndarray:
    """Always read-only, so that a kernel is compiled for one kind of array."""
    view = np.frombuffer(data, np.uint8)
    view.flags.writeable = False
    return view
