"""What every numba kernel shares: how it is compiled and cached, and Arrow strings as the arrays that it walks."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import pyarrow as pa


class StringBuffers(NamedTuple):
    """Document i is the UTF-8 in data[offsets[i] : offsets[i + 1]]; a null is empty."""

    offsets: np.ndarray  # int64 [n + 1]; of a slice it does not begin with 0
    data: np.ndarray  # uint8, read-only


def string_buffers(texts: pa.Array) -> StringBuffers:
    """The bytes of an Arrow array of strings, without a copy of the text.

    Args:
        texts: pa.string() or pa.large_string(); may be a slice, may hold nulls.
    Raises:
        ValueError: it is an array of something else.
    """
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise ValueError(f"texts are {texts.type}: cast them to string or large_string")
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    if texts.null_count:
        # A null's slot may hold bytes; a second row of offsets would be dearer than a copy of these rare batches.
        texts = texts.fill_null("")
    _, offset_buffer, data_buffer = texts.buffers()
    if len(texts) == 0 or data_buffer is None:
        return StringBuffers(np.zeros(len(texts) + 1, np.int64), _read_only(b""))
    offsets = np.frombuffer(offset_buffer, width)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    return StringBuffers(offsets, _read_only(data_buffer))


def _read_only(data: pa.Buffer | bytes) -> np.ndarray:
    """Always read-only, so that a kernel is compiled for one kind of array."""
    view = np.frombuffer(data, np.uint8)
    view.flags.writeable = False
    return view


def _cache_folder() -> str:
    """A folder named after all our sources.

    numba's own cache compares a kernel's file alone: an edit to a kernel that another file calls would leave the old code at work.
    """
    root = Path(__file__).parent.parent
    digest = hashlib.blake2b(digest_size=8)
    for package in ("pipeline", "mixtures", "tokenization"):
        for file in sorted((root / package).rglob("*.py")):
            source = file.read_bytes()
            if b"@kernel" in source or b"@inlined" in source:
                digest.update(source)
    beside = root / "pipeline" / "__pycache__"
    usable = os.access(beside if beside.exists() else beside.parent, os.W_OK)
    return str((beside if usable else Path(tempfile.gettempdir()) / f"tenfold-{os.getuid()}") / f"kernels-{digest.hexdigest()}")


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = _cache_folder()  # type: ignore[attr-defined]

kernel = numba.njit(cache=True, nogil=True)
inlined = numba.njit(cache=True, nogil=True, inline="always")
