import io
import random
import struct
import tarfile
import zipfile
import zlib
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.readers import archive as archives
from pipeline.readers.params import ReadParams
from pipeline.readers.record import Place
from tests.readers.reading import Trickle, is_prefix_and_one_error, listed, read_bytes

FILES = {
    "six-1.16.0/README.rst": b"Six\n",
    "six-1.16.0/six.py": b"import sys\n" * 300,
    "six-1.16.0/docs/Makefile": b"all:\n",
    "six-1.16.0/docs/logo.png": b"\x89PNG\r\n\x1a\n\0\0\0",
    "six-1.16.0/latin.txt": b"caf\xe9\n",
    "six-1.16.0/empty.py": b"",
    "six-1.16.0/" + "deep/" * 40 + "module.py": "# \u20ac\n".encode(),
}


def tarred(files: dict[str, bytes], mode: str = "w", **options: Any) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode, **options) as archive:
        for name, blob in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(blob)
            archive.addfile(info, io.BytesIO(blob))
    return sink.getvalue()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, blob in files.items():
            archive.writestr(name, blob)
    return sink.getvalue()


PACKED = {
    "zip": zipped(FILES),
    "stored zip": zipped(FILES, zipfile.ZIP_STORED),
    "gnu tar": tarred(FILES, format=tarfile.GNU_FORMAT),
    "pax tar": tarred(FILES, format=tarfile.PAX_FORMAT),
    "tar.gz": tarred(FILES, "w:gz"),
    "tar.bz2": tarred(FILES, "w:bz2"),
    "tar.xz": tarred(FILES, "w:xz"),
    "tar.zst": zstandard.compress(tarred(FILES)),
}


def errors(data: bytes, **more: Any) -> list[tuple[int, str]]:
    return [(row["row"], row["error"]) for row in read_bytes("archive", data, **more) if row["error"]]


@pytest.mark.parametrize("data", PACKED.values(), ids=PACKED)
def test_every_kind_of_archive_gives_the_same_documents(data):
    rows = read_bytes("archive", data, container="pypi/six-1.16.0.tar.gz")
    assert [row["path"] for row in rows] == [name.removeprefix("six-1.16.0/") for name in FILES]
    assert [row["error"] for row in rows] == [None, None, None, "binary", "invalid_utf8", None, None]
    assert [row["text"] for row in rows if not row["error"]] == [FILES[name].decode() for name in list(FILES)[:3] + list(FILES)[5:]]
    assert {row["repository"] for row in rows} == {"pypi/six"}


@pytest.mark.parametrize("data", PACKED.values(), ids=PACKED)
def test_how_the_store_cuts_its_answers_changes_nothing(data):
    trickled = listed(archives.read(Trickle(data), place=Place("container.archive"), params=ReadParams()))
    assert trickled == read_bytes("archive", data)


def test_rows_count_all_members_so_that_they_do_not_depend_on_what_is_included():
    data = PACKED["tar.gz"]
    params = ReadParams(include=("**/*.py",), exclude=("empty.*",))
    whole = {row["row"]: row for row in read_bytes("archive", data)}
    part = read_bytes("archive", data, params=params)
    assert [row["path"] for row in part] == ["six.py", "deep/" * 40 + "module.py"]
    assert all(whole[row["row"]] == row for row in part)


def test_the_top_folder_of_a_zip_is_dropped_only_if_all_members_are_in_it():
    rows = read_bytes("archive", zipped({"six.py": b"", "six-1.16.0.dist-info/METADATA": b"Name: six\n"}))
    assert [row["path"] for row in rows] == ["six.py", "six-1.16.0.dist-info/METADATA"]


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def test_links_devices_and_paths_that_lead_out_are_places_but_no_documents():
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        archive.addfile(special("top", tarfile.DIRTYPE))
        archive.addfile(special("top/link", tarfile.SYMTYPE, "/etc/passwd"))
        archive.addfile(special("top/hard", tarfile.LNKTYPE, "top/a.py"))
        archive.addfile(special("top/fifo", tarfile.FIFOTYPE))
        archive.addfile(special("top/null", tarfile.CHRTYPE))
        for name in ("../out.py", "/etc/shadow", "top/../../out.py", "./top/./a.py", "top//b.py"):
            info = tarfile.TarInfo(name)
            info.size = 2
            archive.addfile(info, io.BytesIO(b"a\n"))
    assert [(row["row"], row["path"]) for row in read_bytes("archive", sink.getvalue())] == [(8, "a.py"), (9, "b.py")]

    link = zipfile.ZipInfo("top/link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(sink := io.BytesIO(), "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("top/../../out.py", "")
        archive.writestr("top/folder/", "")
        archive.writestr("top/a.py", "a")
    assert [(row["row"], row["path"]) for row in read_bytes("archive", sink.getvalue())] == [(3, "a.py")]


def test_too_large_members_are_broken_rows_and_the_next_ones_are_read():
    files = {"a": b"x" * 1000, "b": b"y" * 1001, "c": b"z" * 5_000_000, "d": b"z"}
    for data in (zipped(files), tarred(files), tarred(files, "w:gz")):
        assert errors(data, params=ReadParams(max_document_bytes=1000)) == [(1, "too_large"), (2, "too_large")]


def test_bombs_end_in_one_broken_row():
    files = {f"{i}.txt": b" " * 1_000_000 for i in range(20)}
    params = ReadParams(max_unpacked_bytes=3_500_000)
    for data in (zipped(files), tarred(files, "w:gz")):
        assert errors(data, params=params) == [(3, "too_large")]
        assert errors(data, max_rows=5) == [(4, "too_large")]


def test_sizes_that_lie_are_not_believed():
    data = bytearray(zipped({"a.txt": b"x" * 2_000_000, "b.txt": b"b"}))
    directory = data.rindex(b"PK\1\2", 0, data.rindex(b"PK\1\2"))
    struct.pack_into("<L", data, directory + 24, 1)
    assert errors(bytes(data), params=ReadParams(max_document_bytes=1_000_000)) == [(0, "too_large")]
    struct.pack_into("<L", data, directory + 20, 5)
    assert errors(bytes(data)) == [(0, "corrupt")]


def test_one_damaged_member_of_a_zip_breaks_no_other():
    data = bytearray(zipped({"a.txt": b"a" * 50, "b.txt": b"b" * 50, "c.txt": b"c" * 50}, zipfile.ZIP_STORED))
    data[data.index(b"b" * 50) + 3] = 0
    encrypted = data.index(b"PK\1\2")
    data[encrypted + 8] |= 1
    rows = read_bytes("archive", bytes(data))
    assert [(row["path"], row["error"]) for row in rows] == [("a.txt", "unsupported"), ("b.txt", "corrupt"), ("c.txt", None)]
    assert errors(zipped({"a": b"a"}, zipfile.ZIP_LZMA)) == [(0, "unsupported")]


def test_a_damaged_tar_header_is_one_corrupt_row_for_the_rest():
    data = bytearray(tarred({"a": b"a", "b": b"b", "c": b"c"}, format=tarfile.USTAR_FORMAT))
    data[1024 + 5] ^= 1
    assert [(row["row"], row["error"]) for row in read_bytes("archive", bytes(data))] == [(0, None), (1, "corrupt")]


def test_what_is_no_archive_is_one_corrupt_row():
    assert errors(b"<html>404 not found</html>" * 40) == [(0, "corrupt")]


def test_headers_of_absurd_size_are_not_held():
    longname = special("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    longname.size = 1 << 40
    block = longname.tobuf(tarfile.GNU_FORMAT)
    assert errors(block + b"x" * 5_000_000) == [(0, "corrupt")]


def test_a_pax_header_gives_path_and_size():
    headers = {"path": "really/long.py", "size": "5"}
    payload = b"".join(f"{len(f'{k}={v}') + 4} {k}={v}\n".encode() for k, v in headers.items())
    pax = special("pax", tarfile.XHDTYPE)
    pax.size = len(payload)
    data = pax.tobuf(tarfile.USTAR_FORMAT) + payload.ljust(512, b"\0")
    data += special("short", tarfile.REGTYPE).tobuf(tarfile.USTAR_FORMAT) + b"12345".ljust(512, b"\0") + bytes(1024)
    (row,) = read_bytes("archive", data)
    assert (row["path"], row["text"]) == ("long.py", "12345")


def test_a_zip_with_a_wide_directory_or_bytes_before_it_is_read(monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    with zipfile.ZipFile(sink := io.BytesIO(), "w") as archive:
        for name in ("t/a.txt", "t/b.txt"):
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(name.encode() * 10)
    wide = sink.getvalue()
    assert b"PK\6\6" in wide
    for data in (wide, b"PK\3\4" + b"#!/bin/sh\n" * 9 + wide):
        assert [row["text"] for row in read_bytes("archive", data)] == ["t/a.txt" * 10, "t/b.txt" * 10]


# A name that ends in a slash is a folder, whatever the header says.
NAMES = st.text(st.sampled_from("ab./\u00e9"), min_size=1, max_size=120).map(lambda name: name.rstrip("/") or "a")


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=2000), max_size=6), st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
def test_tars_hold_what_the_standard_library_finds(files, style):
    data = tarred(files, format=style)
    rows = {row["row"]: row for row in read_bytes("archive", data)}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for index, info in enumerate(archive.getmembers()):
            blob = archive.extractfile(info).read() if info.isfile() else None
            if index in rows and rows[index]["error"] is None:
                assert rows[index]["text"].encode() == blob
                assert info.name.endswith(rows[index]["path"]) or "." in info.name or "//" in info.name
            elif index not in rows:
                parts = info.name.split("/")
                assert blob is None or ".." in parts or info.name[0] == "/" or not set(parts) - {"", "."}


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=2000), max_size=6), st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_zips_hold_what_the_standard_library_finds(files, method):
    data = zipped(files, method)
    rows = {row["row"]: row for row in read_bytes("archive", data)}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for index, info in enumerate(archive.infolist()):
            if index in rows and rows[index]["error"] is None:
                assert rows[index]["text"].encode() == archive.read(info)
            elif index not in rows:
                parts = info.filename.split("/")
                assert info.is_dir() or ".." in parts or info.filename.startswith("/") or not set(parts) - {"", "."}


@settings(max_examples=120, deadline=None)
@given(name=st.sampled_from(sorted(PACKED)), data=st.data())
def test_any_prefix_gives_a_prefix_of_the_rows_and_at_most_one_error(name, data):
    packed = PACKED[name]
    cut = data.draw(st.integers(0, len(packed)))
    assert is_prefix_and_one_error(read_bytes("archive", packed[:cut]), read_bytes("archive", packed))


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(PACKED)), seed=st.integers(0, 2**32 - 1))
def test_flipped_bytes_never_raise(name, seed):
    luck = random.Random(seed)
    data = bytearray(PACKED[name])
    for _ in range(luck.randrange(1, 5)):
        data[luck.randrange(len(data))] ^= luck.randrange(1, 256)
    rows = read_bytes("archive", bytes(data), params=ReadParams(max_document_bytes=10_000))
    assert all((row["text"] is None) == (row["error"] is not None) for row in rows)
    assert [row["row"] for row in rows] == sorted({row["row"] for row in rows})


def test_an_overlapping_zip_is_bounded_by_what_it_unpacks_to():
    # One deflated kernel, named by every entry of the directory.
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    blob = b" " * 1_000_000
    kernel = packer.compress(blob) + packer.flush()
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, zlib.crc32(blob), len(kernel), len(blob), 1, 0) + b"a" + kernel
    fields = (b"PK\1\2", 20, 20, 0, 8, 0, 0, zlib.crc32(blob), len(kernel), len(blob), 1, 0, 0, 0, 0, 0, 0)
    directory = (struct.pack("<4s6H3L5H2L", *fields) + b"a") * 500
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 500, 500, len(directory), len(local), 0)
    rows = read_bytes("archive", local + directory + end, params=ReadParams(max_unpacked_bytes=10_000_000))
    assert [row["error"] for row in rows] == [None] * 10 + ["too_large"]
