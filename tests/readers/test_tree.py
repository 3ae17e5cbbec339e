import io

from pipeline.readers.params import ReadParams
from pipeline.readers.record import Place
from pipeline.readers.tree import read_tree
from tests.readers.reading import listed


def opened(root, names):
    return [(name, lambda name=name: open(root / name, "rb")) for name in names]


def test_files_are_places_in_the_order_of_their_paths_whatever_the_order_they_come_in(tmp_path):
    blobs = {"b/x.py": b"x = 1\n", "a.rst": b"A\n", "b/.git/index": b"DIRC\0"}
    blobs |= {"c.bin": b"\0\1", "d.txt": b"\xe9", "z.py": b"\xef\xbb\xbf# bom\n"}
    for name, blob in blobs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(blob)
    place = Place("requests-2.31.0")
    rows = listed(read_tree(opened(tmp_path, blobs), place=place, params=ReadParams()))
    assert [(row["row"], row["path"], row["error"]) for row in rows] == [
        (0, "a.rst", None),
        (2, "b/x.py", None),
        (3, "c.bin", "binary"),
        (4, "d.txt", "invalid_utf8"),
        (5, "z.py", None),
    ]
    assert {row["repository"] for row in rows} == {"requests"}
    assert listed(read_tree(opened(tmp_path, reversed(blobs)), place=place, params=ReadParams())) == rows
    python = listed(read_tree(opened(tmp_path, blobs), place=place, params=ReadParams(include=("*.py",))))
    assert python == [row for row in rows if row["path"].endswith(".py")]


def test_no_more_of_a_file_is_read_than_a_document_may_have():
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            assert 0 < size <= 101
            return b"x" * size

    files = [("a", lambda: io.BytesIO(b"x" * 100)), ("b", Endless), ("\udcff.py", lambda: io.BytesIO(b""))]
    rows = listed(read_tree(files, place=Place("."), params=ReadParams(max_document_bytes=100)))
    assert [row["error"] for row in rows] == [None, "too_large", None]
    assert [row["path"] for row in rows] == ["a", "b", "\ufffd.py"]
    assert rows[0]["repository"] is None
