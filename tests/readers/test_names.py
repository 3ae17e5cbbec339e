"""What names say: formats, repositories, globs."""

import bz2
import fnmatch
import gzip
import io
import lzma
import tarfile

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.params import UsageError
from pipeline.readers.blobs import BlobReader
from pipeline.readers.formats import detect_format
from pipeline.readers.globs import path_filter
from pipeline.readers.params import ReadParams
from pipeline.readers.record import Place


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("python/data-00000.parquet", "parquet"),
        ("c4-train.00001.json.gz", "jsonl"),
        ("a.jsonl", "jsonl"),
        ("A.JSONL.ZST", "jsonl"),
        ("six-1.16.0-py2.py3-none-any.whl", "archive"),
        ("linux-6.1.tar.xz", "archive"),
        ("repo.tgz", "archive"),
    ],
)
def test_a_name_says_which_reader_is_meant(name, kind):
    assert detect_format(name, b"") == kind


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress, bz2.compress, lzma.compress])
def test_first_bytes_say_it_when_the_name_does_not(pack):
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    assert detect_format("download", pack(sink.getvalue())[:512]) == "archive"
    assert detect_format("part-0", pack(b'\n {"text": "a"}\n')[:512]) == "jsonl"


@pytest.mark.parametrize("head", [b"", b"# Readme\n", b"\x1f\x8b", gzip.compress(b"prose", mtime=0)])
def test_an_unknown_file_is_an_error_that_names_the_known_formats(head):
    with pytest.raises(UsageError, match=r"notes\.md.*\.parquet.*\.jsonl.*\.zip.*format:"):
        detect_format("notes.md", head)


@pytest.mark.parametrize(
    ("container", "repository"),
    [
        ("pypi/six-1.16.0.tar.gz", "pypi/six"),
        ("six-1.16.0-py2.py3-none-any.whl", "six"),
        ("curl_7.88.1.orig", "curl"),
        ("lua5.4_5.4.4.orig", "lua5.4"),
        ("repo-main.zip", "repo-main"),
        ("python-3-patterns-1.0.tar.bz2", "python-3-patterns"),
        ("mirror-2.0/tool.zip", "mirror-2.0/tool"),
        ("requests", "requests"),
        ("-1.0.zip", "-1.0.zip"),
    ],
)
def test_versions_of_a_package_are_one_repository(container, repository):
    assert BlobReader(Place(container), ReadParams()).repository == repository


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("*.py", ["a.py", "x/y/a.py"], ["a.pyc", "a.py/b"]),
        ("**/*.py", ["a.py", "x/y/a.py"], ["a.pyx"]),
        ("src/*.py", ["src/a.py"], ["src/x/a.py", "x/src/a.py"]),
        ("src/**", ["src/a", "src/x/a.py"], ["src", "xsrc/a"]),
        ("**/.git/**", [".git/x", "a/.git/b/c"], ["a.git/x", ".gitignore"]),
        ("a/**/b", ["a/b", "a/x/y/b"], ["ab", "a/xb"]),
        ("file?.[ch]", ["file1.c", "x/file2.h"], ["file.c", "file1.d", "file1.C"]),
        ("[!a]x", ["bx"], ["ax", "/x"]),
        ("/top.txt", ["top.txt"], ["x/top.txt"]),
        ("a[", ["a["], ["a"]),
        ("x\ny", ["x\ny"], ["xy"]),
    ],
)
def test_globs_match_as_documented(pattern, matching, other):
    is_match = path_filter([pattern], [])
    assert [path for path in matching + other if is_match(path)] == matching


@given(st.text("ab.*?[]!-\\^", min_size=1, max_size=8), st.text("ab.\\^-]!", max_size=6))
def test_inside_one_folder_globs_are_those_of_the_standard_library(pattern, name):
    assert path_filter([pattern.replace("**", "*")], [])(name) == fnmatch.fnmatchcase(name, pattern)


def test_exclude_wins_over_include_and_nothing_is_included_by_no_pattern():
    assert path_filter(["*.py"], ["test_*"])("a.py")
    assert not path_filter(["*.py"], ["test_*"])("x/test_a.py")
    assert not path_filter([], [])("a.py")
    assert not path_filter(["**"], ["**"])("a.py")


def test_a_source_without_a_text_column_is_refused():
    with pytest.raises(ValueError, match=r"columns\.text"):
        ReadParams(columns={"text": None})
