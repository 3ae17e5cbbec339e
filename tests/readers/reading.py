"""What the tests of readers share."""

import io
import itertools
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from pipeline.readers import archive, jsonl, parquet
from pipeline.readers.params import ReadParams
from pipeline.readers.record import RECORDS, Place

READERS = {"jsonl": jsonl.read, "parquet": parquet.read, "archive": archive.read}


class Trickle(io.BytesIO):
    """A store that answers with a few bytes at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size, 7) if size and size > 0 else size)


def listed(batches: Iterable[pa.RecordBatch]) -> list[dict[str, Any]]:
    """All rows; every batch has the contract's schema, is sound, and says for every null text why."""
    rows: list[dict[str, Any]] = []
    for batch in batches:
        assert batch.schema.equals(RECORDS)
        batch.validate(full=True)
        assert 0 < batch.num_rows <= 8192
        rows += batch.to_pylist()
    assert all((row["text"] is None) == (row["error"] is not None) == (row["detail"] is not None) for row in rows)
    numbers = [row["row"] for row in rows]
    assert all(a < b for a, b in itertools.pairwise(numbers))
    return rows


def read_bytes(kind: str, data: bytes, *, params: ReadParams | None = None, **place: Any) -> list[dict[str, Any]]:
    where = Place(**({"container": f"container.{kind}"} | place))
    return listed(READERS[kind](io.BytesIO(data), place=where, params=params or ReadParams()))


def is_prefix_and_one_error(part: list[dict[str, Any]], whole: list[dict[str, Any]]) -> bool:
    """Whether `part` is the first rows of `whole`, and then at most one broken row more."""
    known = {row["row"]: row for row in whole}
    good = part[:-1] if part and known.get(part[-1]["row"]) != part[-1] else part
    return good == whole[: len(good)] and (len(good) == len(part) or part[-1]["error"] is not None)
