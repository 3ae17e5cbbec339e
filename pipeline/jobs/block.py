"""What crosses between workers: one `Block` of fixed-width numbers a unit and partition, never a text.

A local runner keeps every shuffled value in memory, about three times its size; so there a worker writes its blocks to a spill
file and the value says where. On a distributed engine the value is the block itself. Nobody else knows which.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Block:
    """Some bytes from one unit."""

    inline: bytes = b""
    path: str = ""
    offset: int = 0
    num_bytes: int = 0

    def read(self) -> bytes:
        if not self.path:
            return self.inline
        with open(self.path, "rb") as stream:
            stream.seek(self.offset)
            return stream.read(self.num_bytes)


class BlockWriter:
    """A context in which one unit's blocks are made; `folder` is the engine's spill folder, or None."""

    def __init__(self, unit: str, folder: str | None) -> None:
        self._path = ""
        if folder:
            os.makedirs(folder, exist_ok=True)
            # A repeated unit writes a file of its own: an earlier one may be half-written.
            self._path = os.path.join(folder, f"{unit}-{os.getpid()}-{os.urandom(4).hex()}")
            self._stream = open(self._path, "wb")  # noqa: SIM115 - closed with the context

    def block(self, data: bytes | memoryview) -> Block:
        if not self._path:
            return Block(inline=bytes(data))
        offset = self._stream.tell()
        self._stream.write(data)
        return Block(path=self._path, offset=offset, num_bytes=len(data))

    def __enter__(self) -> "BlockWriter":
        return self

    def __exit__(self, *_: object) -> None:
        if self._path:
            self._stream.close()


def blocks(records: np.ndarray, keys: np.ndarray, wanted: Iterable[int], writer: BlockWriter) -> Iterator[tuple[int, Block]]:
    """(key, the block of its records) for each key that is wanted, empty where none has it.

    Args:
        keys: unsigned [n], the records'.
    """
    order = np.argsort(keys, kind="stable")
    sorted_keys = keys[order]
    for key in wanted:
        begin, end = np.searchsorted(sorted_keys, np.array([key, key + 1], keys.dtype))
        yield key, writer.block(records[order[begin:end]].tobytes())


def read_arrays(blocks: list[Block], dtype: np.dtype) -> np.ndarray:
    """The blocks' records, joined; what follows must not depend on their order."""
    parts = [np.frombuffer(block.read(), dtype) for block in blocks]
    return np.concatenate([np.empty(0, dtype), *parts])


def read_table(blocks: list[Block], schema: pa.Schema) -> pa.Table:
    """The same for Arrow streams."""
    batches = [batch for block in blocks for batch in pa.ipc.open_stream(block.read())]
    return pa.Table.from_batches(batches, schema)


def to_stream(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return sink.getvalue().to_pybytes()
