"""Archives of files, zip and tar: streamed, never unpacked to disk, nothing in them followed or run.

A row is a member's place among all members. Folders, links, devices and members whose path leads out of the archive are places, but
no documents. The top folder that archives of a release have ("six-1.16.0/") is no part of a path: of a zip, if all members are in
it; of a tar, which is read in one pass, the one that the first member is or stands in, for the members that are in it.
"""

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from pipeline.readers.blobs import BlobReader, clean_path
from pipeline.readers.params import ReadParams
from pipeline.readers.record import TOO_LARGE, Broken, Place, Record, batches
from pipeline.readers.streams import Unpacked, read_exactly
from pipeline.readers.tar_members import member_bytes, tar_members
from pipeline.readers.zip_members import Zip

ZIP_MAGIC = (b"PK\3\4", b"PK\5\6")


def read(stream: BinaryIO, *, place: Place, params: ReadParams) -> Iterator[pa.RecordBatch]:
    """Batches of record.RECORDS from .zip, .whl, .tar and packed tars (gzip, zstd, bzip2, xz). The stream must seek."""
    records = _zip_records if is_zip(stream) else _tar_records
    return batches(records(stream, BlobReader(place, params), params), place)


def is_zip(stream: BinaryIO) -> bool:
    """By its first bytes; the stream is at its start again."""
    head = read_exactly(stream, len(ZIP_MAGIC[0]))
    stream.seek(0)
    return head in ZIP_MAGIC


def _zip_records(stream: BinaryIO, blobs: BlobReader, params: ReadParams) -> Iterator[Record]:
    row = unpacked_bytes = 0
    try:
        archive = Zip(stream)
        top = common_top(archive)
        for member in archive.members():
            path = clean_path(member.name) if member.is_file else None
            if path is not None and blobs.is_wanted(path := path.removeprefix(top)):
                try:
                    blob = archive.read(member, params.max_document_bytes + 1)
                except Broken as broken:
                    yield blobs.broken(row, path, broken)
                else:
                    unpacked_bytes += len(blob)
                    if unpacked_bytes > params.max_unpacked_bytes:
                        raise Broken(TOO_LARGE, f"over {params.max_unpacked_bytes:,} bytes, unpacked: the rest is not read")
                    yield blobs.record(row, path, blob)
            row += 1
    except Broken as broken:
        yield Record(row, error=broken.error, detail=broken.detail)


def _tar_records(stream: BinaryIO, blobs: BlobReader, params: ReadParams) -> Iterator[Record]:
    source = Unpacked(stream, max_bytes=params.max_unpacked_bytes)
    row = 0
    top = None
    try:
        for member in tar_members(source):
            path = clean_path(member.name)
            if top is None and path is not None:
                top = top_of(path if not member.is_folder else f"{path}/")
            if path is not None and member.is_file and blobs.is_wanted(path := path.removeprefix(top or "")):
                yield blobs.record(row, path, member_bytes(source, member, params.max_document_bytes + 1))
            row += 1
    except Broken as broken:
        yield Record(row, error=broken.error, detail=broken.detail)


def top_of(path: str) -> str:
    """The first folder of a path, with its slash; "": it has none."""
    first, slash, _ = path.partition("/")
    return first + slash if slash else ""


def common_top(archive: Zip) -> str:
    """The folder that all members are in, with its slash; "": there is none."""
    common = None
    for member in archive.members():
        top = top_of(member.name)
        if not top or (common is not None and top != common):
            return ""
        common = top
    return common or ""
