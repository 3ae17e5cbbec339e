"""What a finder finds, as text."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from pipeline.curation.redaction.spans import KINDS
from pipeline.kernels import StringBuffers, string_buffers


def found(finder: Callable[[StringBuffers], np.ndarray], *texts: str) -> list[tuple[str, str]]:
    """(kind, value) of all spans, in their order."""
    buffers = string_buffers(pa.array(["before", *texts, "after"], pa.string()).slice(1, len(texts)))
    return [(KINDS[kind], buffers.data[start:end].tobytes().decode()) for start, end, kind in finder(buffers).tolist()]


def values(finder: Callable[[StringBuffers], np.ndarray], *texts: str) -> list[str]:
    return [value for _, value in found(finder, *texts)]
