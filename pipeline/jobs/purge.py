"""purge: empties the rows of removed documents in `documents/` and `tokens/`, once `pack` has left them out of the stream.

A row stays, so that the datasets of a unit still match; its text and its tokens become null, what is counted of them does not change.
The purged file has a name of its own. It is written first, then the done record of its item names it, then the manifest does, and only
then the old file goes: a purge that is killed goes on, and a run that comes in between finds whole files. What was made from the old
file still stands, since fingerprints go by what the jobs wrote (`File.origin`).
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import manifest, storage
from pipeline.hashing import fingerprint
from pipeline.manifest import File, Manifest
from pipeline.packing.removed import removed_ids
from pipeline.params import RunError
from pipeline.shards import Output, ParquetShard, read_batches, read_done, sha256, write_done

# (dataset, the job that writes it, the column that is emptied)
PURGED = (("documents", "curate", "text"), ("tokens", "tokenize", "tokens"))
BATCH_ROWS = 1024
_FINGERPRINT_CHARS = 16


def purge(workdir: str, *, progress: Callable[[str], None]) -> None:
    """Empties what `removals/` names.

    Args:
        progress: gets a line for each dataset.
    Raises:
        RunError: the stream was packed with other removals.
    """
    removals, sequences = manifest.load(workdir, "removals"), manifest.load(workdir, "sequences")
    if sequences.extra.get("removals") != removals.fingerprint:
        raise RunError(f"{workdir}: sequences/ was packed with other removals/ than these: run pack first (tenfold run CONFIG does)")
    for dataset, job, column in PURGED:
        held, num_emptied = manifest.load(workdir, dataset), 0
        files = []
        for file in held.files:
            purged, count = _purge_file(workdir, held, file, job=job, column=column, removed=removed_ids(workdir, removals, file.item))
            files.append(purged)
            num_emptied += count
        # Also where nothing is new: a purge that was killed may have left the old files.
        manifest.write(workdir, replace(held, files=tuple(files)))
        _sweep(storage.join(workdir, manifest.DONE, job))
        progress(f"{dataset}/: {num_emptied:,} documents emptied")


def _sweep(folder: str) -> None:
    """Removes what a killed purge was about to commit."""
    for name in storage.list_names(folder):
        if name.startswith(storage.TEMPORARY):
            storage.remove(storage.join(folder, name))


def _purge_file(workdir: str, held: Manifest, file: File, *, job: str, column: str, removed: np.ndarray) -> tuple[File, int]:
    """The file as it is after the purge, and how many rows that empties."""
    path = held.path(workdir, file.item)
    rows = pq.read_table(path, columns=["id"])["id"].to_numpy()
    gone = np.isin(rows, removed)
    if not gone.any():
        return file, 0
    own = file.name.removeprefix(f"{file.item}-")[:_FINGERPRINT_CHARS]
    # What an earlier purge emptied is empty in this one, too, so the name says which rows are.
    emptied = gone | _is_null(path, column)
    name = f"{file.item}-{own}-purged-{fingerprint(file.origin, rows[emptied].tolist())}.parquet"
    if name == file.name:
        return file, 0
    done = read_done(workdir, job, file.item, own)
    if done is None:
        raise RunError(f"{job}: {file.item} has no whole output in {workdir}: run it again (tenfold run CONFIG), then purge")
    output = done.output(held.dataset)
    if output.name != name:
        output = _write(storage.join(workdir, held.dataset, name), path, column, gone, dataset=held.dataset, origin=file.origin)
        outputs = tuple(output if other.dataset == held.dataset else other for other in done.outputs)
        write_done(workdir, job, replace(done, outputs=outputs))
    return File(file.item, name, output.num_rows, output.num_bytes, output.sha256, output.purged_from), int(gone.sum())


def _is_null(path: str, column: str) -> np.ndarray:
    flags = [batch[column].is_null().to_numpy(zero_copy_only=False) for batch in read_batches(path, [column], max_rows=BATCH_ROWS)]
    return np.concatenate([np.empty(0, bool), *flags])


def _write(target: str, path: str, column: str, gone: np.ndarray, *, dataset: str, origin: str) -> Output:
    with storage.committing(target) as temporary:
        shard = ParquetShard(temporary, pq.read_schema(path))
        for batch in _emptied(path, column, gone):
            shard.write(batch)
        shard.close()
    return Output(dataset, os.path.basename(target), len(gone), storage.stat(target).num_bytes, sha256(target), origin)


def _emptied(path: str, column: str, gone: np.ndarray) -> Iterator[pa.RecordBatch]:
    start = 0
    for batch in read_batches(path, pq.read_schema(path).names, max_rows=BATCH_ROWS):
        own = gone[start : start + batch.num_rows]
        start += batch.num_rows
        if own.any():
            place = batch.schema.get_field_index(column)
            # Taken, not masked: a masked value would still lie in the file.
            kept = batch[column].take(pa.array(np.arange(batch.num_rows), mask=own))
            batch = batch.set_column(place, batch.schema.field(place), kept)
        yield batch
