"""A directory tree: every file is a place, in the order of their paths."""

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import pyarrow as pa

from pipeline.readers.blobs import BlobReader, clean_path
from pipeline.readers.params import ReadParams
from pipeline.readers.record import Place, Record, batches
from pipeline.readers.streams import read_exactly


def read_tree(files: Iterable[tuple[str, Callable[[], BinaryIO]]], *, place: Place, params: ReadParams) -> Iterator[pa.RecordBatch]:
    """Batches of record.RECORDS; a row is a file's place among all of them, included or not.

    Args:
        files: (path inside the container, what opens it), in any order; without links.
    """
    return batches(_records(files, place, params), place)


def _records(files: Iterable[tuple[str, Callable[[], BinaryIO]]], place: Place, params: ReadParams) -> Iterator[Record]:
    blobs = BlobReader(place, params)
    for row, (name, opener) in enumerate(sorted(files, key=lambda file: file[0])):
        path = clean_path(name)
        if path is not None and blobs.is_wanted(path):
            with opener() as stream:
                blob = read_exactly(stream, params.max_document_bytes + 1)
            yield blobs.record(row, path, blob)
