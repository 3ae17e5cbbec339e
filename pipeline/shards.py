"""Writing and committing what one item of work makes: its files first, its done record last.

Outputs are named ITEM-FINGERPRINT, so that a late or repeated worker writes the same bytes or another name. The done record
names them with sizes and checksums; an item whose record and outputs stand is not done again.
"""

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import storage

# One row group holds about this much, so that a reader's memory does not depend on the shard's size.
ROW_GROUP_BYTES = 16 << 20
DONE = "_done"


@dataclass(frozen=True)
class Output:
    """One committed file of a dataset; `purged_from` is the checksum that it had before a purge emptied rows of it."""

    dataset: str
    name: str
    num_rows: int
    num_bytes: int
    sha256: str
    purged_from: str | None = None


@dataclass(frozen=True)
class Done:
    """What an item of work wrote, and what it counted."""

    item: str
    fingerprint: str
    outputs: tuple[Output, ...]
    counts: dict[str, Any]

    def output(self, dataset: str) -> Output:
        return next(output for output in self.outputs if output.dataset == dataset)


def done_path(workdir: str, job: str, item: str, fingerprint: str) -> str:
    return storage.join(workdir, DONE, job, f"{item}-{fingerprint}.json")


def read_done(workdir: str, job: str, item: str, fingerprint: str) -> Done | None:
    """The item's done record, if it and every output that it names stand."""
    try:
        record = json.loads(storage.read_bytes(done_path(workdir, job, item, fingerprint)))
    except FileNotFoundError:
        return None
    done = Done(record["item"], record["fingerprint"], tuple(Output(**output) for output in record["outputs"]), record["counts"])
    sizes = (storage.num_bytes(storage.join(workdir, output.dataset, output.name)) for output in done.outputs)
    return done if all(size == output.num_bytes for size, output in zip(sizes, done.outputs, strict=True)) else None


class ParquetShard:
    """Writes batches to one Parquet file, in row groups of a bounded size whatever the batches' sizes are."""

    def __init__(self, path: str, schema: pa.Schema) -> None:
        self.num_rows = 0
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, store_schema=True)
        self._schema = schema
        self._held: list[pa.RecordBatch] = []
        self._held_bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self.num_rows += batch.num_rows
        self._held.append(batch)
        self._held_bytes += batch.nbytes
        if self._held_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(pa.Table.from_batches(self._held, self._schema), row_group_size=1 << 30)
        self._held, self._held_bytes = [], 0


def read_batches(path: str, columns: list[str], *, max_rows: int) -> Iterator[pa.RecordBatch]:
    """A shard's rows in order, at most one row group in memory at a time."""
    with pq.ParquetFile(path) as shard:
        for group in range(shard.num_row_groups):
            yield from shard.iter_batches(max_rows, row_groups=[group], columns=columns)


@dataclass
class Pending:
    """One output that is being written; set `num_rows` where it is no Parquet shard."""

    dataset: str
    name: str
    path: str
    num_rows: int = 0
    shard: ParquetShard | None = None


class Commit:
    """The outputs of one item while it is at work, and what it counts."""

    def __init__(self, workdir: str, item: str, fingerprint: str) -> None:
        self.counts: dict[str, Any] = {}
        self._workdir = workdir
        self._stem = f"{item}-{fingerprint}"
        self._pending: list[Pending] = []
        self._stack = contextlib.ExitStack()

    def parquet(self, dataset: str, schema: pa.Schema) -> ParquetShard:
        pending = self.file(dataset, ".parquet")
        pending.shard = ParquetShard(pending.path, schema)
        return pending.shard

    def file(self, dataset: str, suffix: str) -> Pending:
        """One output of the dataset; the caller writes to its local `path`."""
        name = self._stem + suffix
        path = self._stack.enter_context(storage.committing(storage.join(self._workdir, dataset, name)))
        self._pending.append(Pending(dataset, name, path))
        return self._pending[-1]

    def close(self) -> tuple[Output, ...]:
        """Renames every output: all are whole and on disk before the done record names them."""
        outputs = []
        for pending in self._pending:
            if pending.shard is not None:
                pending.shard.close()
                pending.num_rows = pending.shard.num_rows
            size = storage.stat(pending.path).num_bytes
            outputs.append(Output(pending.dataset, pending.name, pending.num_rows, size, sha256(pending.path)))
        self._stack.close()
        return tuple(outputs)

    def abandon(self, *error: Any) -> None:
        self._stack.__exit__(*error)


@contextlib.contextmanager
def committing(workdir: str, job: str, *, item: str, fingerprint: str) -> Iterator[Commit]:
    """The outputs of one item of a job: the done record is written when the block ends well, nothing stays when it does not."""
    commit = Commit(workdir, item, fingerprint)
    try:
        yield commit
        outputs = commit.close()
    except BaseException:
        commit.abandon(*sys.exc_info())
        raise
    done = Done(item, fingerprint, outputs, commit.counts)
    write_done(workdir, job, done)


def write_done(workdir: str, job: str, done: Done) -> None:
    record = asdict(done) | {"outputs": [without_none(asdict(output)) for output in done.outputs]}
    storage.write_bytes(done_path(workdir, job, done.item, done.fingerprint), canonical_json(record))


def without_none(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if value is not None}


def sha256(path: str) -> str:
    with storage.open_read(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def canonical_json(value: Any) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=True) + "\n").encode()
