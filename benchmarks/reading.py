"""Text of one's own, as the benchmarks read it."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq

COLUMNS = {"text": ("content", "text"), "path": ("max_stars_repo_path", "path", "id"), "language": ("lang", "language")}
LICENCES = ("licences", "root_licences")
_BATCH_ROWS = 1000


def by_folder(paths: list[Path]) -> dict[Path, list[Path]]:
    """The Parquet and JSON lines files at or below the paths."""
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.name.endswith((".parquet", ".jsonl", ".jsonl.zst")):
                folders.setdefault(file.parent, []).append(file)
    return folders


def batches(file: Path) -> Iterator[pa.RecordBatch]:
    """Batches of text, path and language, null where the file has no such column; of licences, null, so that heads are looked into."""
    if file.suffix == ".parquet":
        table = pq.read_table(file)
    else:
        with pa.input_stream(file, compression="zstd" if file.suffix == ".zst" else None) as stream:
            table = pj.read_json(stream, read_options=pj.ReadOptions(block_size=1 << 28))
    columns = {}
    for name, candidates in COLUMNS.items():
        found = next((candidate for candidate in candidates if candidate in table.column_names), None)
        columns[name] = table[found].cast(pa.string()) if found else pa.nulls(len(table), pa.string())
    columns |= {name: pa.nulls(len(table), pa.list_(pa.string())) for name in LICENCES}
    yield from pa.table(columns).combine_chunks().to_batches(max_chunksize=_BATCH_ROWS)
