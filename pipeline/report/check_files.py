"""Every file that a manifest names: there, with its size, its checksum and its rows."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import storage
from pipeline.manifest import File
from pipeline.report.datasets import Run
from pipeline.shards import sha256

# (dataset, file name)
Damaged = set[tuple[str, str]]


def check_files(run: Run, *, progress: Callable[[str], None]) -> tuple[Damaged, list[str]]:
    """
    Returns:
        the files that are not what their manifest says, and a fault for each.
    """
    damaged: Damaged = set()
    faults = []
    for dataset, manifest in run.manifests.items():
        progress(f"{dataset}/: {len(manifest.files):,} files, {sum(file.num_bytes for file in manifest.files):,} bytes")
        for file in manifest.files:
            fault = _fault(run.path(dataset, file), file)
            if fault:
                damaged.add((dataset, file.name))
                faults.append(f"{dataset}/{file.name} {fault}")
    return damaged, faults


def _fault(path: str, file: File) -> str | None:
    num_bytes = storage.num_bytes(path)
    if num_bytes is None:
        return "is not there: run again"
    if num_bytes != file.num_bytes:
        return f"has {num_bytes:,} bytes, its manifest says {file.num_bytes:,}"
    digest = sha256(path)
    if digest != file.sha256:
        return f"has the sha256 {digest}, its manifest says {file.sha256}"
    try:
        num_rows = _num_rows(path)
    except (OSError, RuntimeError, ValueError, pa.ArrowException) as error:  # what the libraries raise on a file that is none of theirs
        return f"can't be read: {error}"
    return None if num_rows in (None, file.num_rows) else f"has {num_rows:,} rows, its manifest says {file.num_rows:,}"


def _num_rows(path: str) -> int | None:
    """None: a file without rows."""
    if path.endswith(".parquet"):
        return pq.read_metadata(path).num_rows
    if path.endswith(".arrayrecord"):
        from array_record.python.array_record_module import ArrayRecordReader  # of use to sequences/ alone

        reader = ArrayRecordReader(path)
        num_rows = reader.num_records()
        reader.close()
        return num_rows
    return None
