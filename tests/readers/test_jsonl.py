import bz2
import gzip
import io
import json
import lzma
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.readers import jsonl
from pipeline.readers.params import ReadParams
from pipeline.readers.record import Place
from tests.readers.reading import Trickle, is_prefix_and_one_error, listed, read_bytes

PACKERS = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def errors(data: bytes, **more: Any) -> list[tuple[int, str | None]]:
    return [(row["row"], row["error"]) for row in read_bytes("jsonl", data, **more)]


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_every_packing_gives_the_same_rows_in_one_frame_or_in_many(pack):
    documents = [{"text": f"text {i} " + "x" * (i % 50)} for i in range(500)]
    one = pack(lines(*documents))
    many = pack(lines(*documents[:200])) + pack(lines(*documents[200:]))
    rows = read_bytes("jsonl", one)
    assert [row["text"] for row in rows] == [document["text"] for document in documents]
    assert read_bytes("jsonl", many) == rows


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_how_the_store_cuts_its_answers_changes_nothing(pack):
    data = pack(lines(*({"text": f"text {i}"} for i in range(100))))[:-5]
    trickled = listed(jsonl.read(Trickle(data), place=Place("container.jsonl"), params=ReadParams()))
    assert trickled == read_bytes("jsonl", data)


def test_fields_are_found_where_dolma_redpajama_and_the_stack_have_them():
    rows = read_bytes(
        "jsonl",
        lines(
            {"text": "a", "metadata": {"path": "p/a.rst", "max_stars_count": 7, "license": "mit"}},
            {"text": "b", "meta": {"path": "b.py", "repo_name": "o/b", "license": "isc", "language": [{"name": "Python"}]}},
            {"content": "c", "max_stars_repo_path": "c.py", "max_stars_repo_licenses": ["MIT", "ISC"], "lang": "Python"},
        ),
    )
    assert [row["text"] for row in rows] == ["a", "b", "c"]
    assert [row["path"] for row in rows] == ["p/a.rst", "b.py", "c.py"]
    assert [row["repository"] for row in rows] == [None, "o/b", None]
    assert [row["licences"] for row in rows] == [["mit"], ["isc"], ["MIT", "ISC"]]
    assert [row["language"] for row in rows] == [None, None, "Python"]
    assert [row["stars"] for row in rows] == [7, None, None]


def test_columns_name_nested_keys_and_null_turns_a_field_off():
    params = ReadParams(columns={"text": "body.raw", "path": "a.b.c", "language": None}, language=None)
    data = lines({"text": "no", "body": {"raw": "yes"}, "a": {"b": {"c": "p"}}, "language": "German"})
    (row,) = read_bytes("jsonl", data, params=params)
    assert (row["text"], row["path"], row["language"]) == ("yes", "p", None)


def test_the_language_of_the_source_wins():
    (row,) = read_bytes("jsonl", lines({"text": "x", "lang": "C"}), params=ReadParams(language="python"))
    assert row["language"] == "python"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"text": "a"', "bad_json"),
        (b'{"text": "a"} {"text": "b"}', "bad_json"),
        (b"{'text': 'a'}", "bad_json"),
        (b'{"text": "tab\there"}', "bad_json"),
        (b'{"text": "a", "deep": ' + b"[" * 101 + b"]" * 101 + b"}", "bad_json"),
        (b"[" * 60_000, "bad_json"),
        (b'["text"]', "bad_type"),
        (b'"text"', "bad_type"),
        (b"12", "bad_type"),
        (b'{"text": 12}', "bad_type"),
        (b'{"text": true}', "bad_type"),
        (b'{"text": ["a"]}', "bad_type"),
        (b'{"text": null}', "null_text"),
        (b'{"text": NaN}', "null_text"),
        (b'{"other": "a"}', "null_text"),
        (b'{"text": "\xff"}', "invalid_utf8"),
        (b'{"text": "a", "other": "\xed\xa0\x80"}', "invalid_utf8"),
        (b'{"text": "half a pair: \\ud800"}', "invalid_utf8"),
        (b'{"text": "half a pair: \\udc00"}', "invalid_utf8"),
        (b'{"text": "' + b"x" * 1001 + b'"}', "too_large"),
        ('{"text": "' + "\u20ac" * 334 + '"}', "too_large"),
    ],
)
def test_a_broken_line_is_one_row_with_its_error_and_its_neighbours_stand(line, error):
    line = line.encode() if isinstance(line, str) else line
    data = b'{"text": "before"}\n' + line + b'\n{"text": "after"}\n'
    assert errors(data, params=ReadParams(max_document_bytes=1000)) == [(0, None), (1, error), (2, None)]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b'{"text": "a", "text": "b"}', "b"),
        (b'{"text": "a", "n": NaN, "m": -Infinity}', "a"),
        (b'{"text": "a", "n": ' + b"9" * 10_000 + b"}", "a"),
        (b'{"text": "a", "deep": ' + b"[" * 99 + b"]" * 99 + b"}", "a"),
        (b' {"text": "\\ud83d\\ude00"} \r', "\U0001f600"),
        (b'{"text": ""}', ""),
        (b'{"text": "nul \\u0000"}', "nul \0"),
        (b'{"text": "' + "\u20ac".encode() * 333 + b'"}', "\u20ac" * 333),
    ],
)
def test_an_odd_line_is_read(line, text):
    rows = read_bytes("jsonl", line + b"\n", params=ReadParams(max_document_bytes=1000))
    assert [(row["text"], row["error"]) for row in rows] == [(text, None)]


def test_optional_fields_of_the_wrong_type_are_null_and_break_nothing():
    data = lines({"text": "a", "metadata": {"path": 1, "license": {"x": 1}, "max_stars_count": "many"}, "lang": ["C"]})
    data += b'{"text": "b", "path": "p\\ud800", "licences": ["MIT", 3, null], "stars": 1e300}\n'
    first, second = read_bytes("jsonl", data)
    assert [first[name] for name in ("path", "licences", "language", "stars")] == [None, None, None, None]
    assert [second[name] for name in ("path", "licences", "language", "stars", "text")] == ["p\ufffd", ["MIT"], None, None, "b"]


def test_blank_lines_are_places_but_no_rows():
    assert errors(b'\n{"text": "a"}\n  \r\n{"text": "b"}\n\n') == [(1, None), (3, None)]


def test_a_byte_order_mark_is_allowed_at_the_start_alone():
    line = b'\xef\xbb\xbf{"text": "a"}\n'
    assert errors(line + line) == [(0, None), (1, "bad_json")]


def test_the_last_line_needs_no_end_but_a_cut_one_is_truncated():
    assert errors(b'{"text": "a"}\n{"text": "b"}') == [(0, None), (1, None)]
    assert errors(b'{"text": "a"}\n{"text": "b') == [(0, None), (1, "truncated")]


def test_a_line_over_several_chunks_is_read_and_one_too_long_is_skipped():
    long = "y" * 3_000_000
    data = lines({"text": "a"}, {"text": long}, {"text": "b"})
    assert [len(row["text"]) for row in read_bytes("jsonl", data)] == [1, 3_000_000, 1]
    params = ReadParams(max_document_bytes=1_000)
    assert errors(data, params=params) == [(0, None), (1, "too_large"), (2, None)]
    assert errors(data[:-20], params=params) == [(0, None), (1, "too_large")]


def test_a_bomb_ends_in_one_broken_row():
    data = zstandard.ZstdCompressor().compress(lines({"text": "a"}) + b" " * 50_000_000)
    assert errors(data, params=ReadParams(max_unpacked_bytes=1_000_000)) == [(0, None), (1, "too_large")]
    assert errors(b"{}\n" * 10, max_rows=5) == [(0, "null_text"), (1, "null_text"), (2, "null_text"), (3, "null_text"), (4, "too_large")]
    # Lines that yield nothing are rows that ids must be set aside for.
    blank = b"\n" * 3_000_000
    assert errors(blank, max_rows=10_000) == [(9_999, "too_large")]
    assert [errors(blank, max_rows=10_000, stripe=(i, 3)) for i in range(3)] == [[], [], [(9_999, "too_large")]]


@pytest.mark.parametrize("name", ["gzip", "zstd", "bzip2", "xz"])
def test_a_flipped_byte_is_one_corrupt_row_at_most(name):
    documents = [{"text": str(i) * 100} for i in range(3000)]
    data = bytearray(PACKERS[name](lines(*documents)))
    data[len(data) // 2] ^= 0x55
    rows = read_bytes("jsonl", bytes(data))
    # Up to where the checksum or the format notices, a decompressor may give wrong bytes: but no exception and one last row.
    assert rows[-1]["error"] in ("corrupt", "truncated")


def test_bytes_after_the_last_frame_are_corrupt_unless_they_are_zeros():
    data = gzip.compress(lines({"text": "a"}))
    assert errors(data + b"\0" * 1000) == [(0, None)]
    assert errors(data + b"garbage") == [(0, None), (1, "corrupt")]


def test_stripes_partition_the_rows_exactly():
    documents = [{"text": f"{i}"} if i % 7 else {} for i in range(20_000)]
    data = lines(*documents) + b'{"text": "cut'
    whole = read_bytes("jsonl", data)
    parts = [read_bytes("jsonl", data, stripe=(i, 3)) for i in range(3)]
    assert sorted((row for part in parts for row in part), key=lambda row: row["row"]) == whole
    assert all(row["row"] // 4096 % 3 == i for i, part in enumerate(parts) for row in part)


SMALL = lines(*({"text": "text \u20ac " * (i % 5) + str(i), "metadata": {"path": f"{i}.md"}} for i in range(40)))
SMALL += b"\n[]\n" + lines({"text": "z"})


@settings(max_examples=120, deadline=None)
@given(name=st.sampled_from(sorted(PACKERS)), data=st.data())
def test_any_prefix_gives_a_prefix_of_the_rows_and_at_most_one_error(name, data):
    packed = PACKERS[name](SMALL)
    cut = data.draw(st.integers(0, len(packed)))
    assert is_prefix_and_one_error(read_bytes("jsonl", packed[:cut]), read_bytes("jsonl", packed))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=30), st.text(max_size=30).map(lambda text: json.dumps({"text": text}).encode()))))
def test_any_bytes_are_rows_and_what_python_can_parse_is_read_as_python_reads_it(parts):
    data = b"\n".join(part.replace(b"\n", b" ") for part in parts) + b"\n"
    for row in read_bytes("jsonl", data):
        line = data.split(b"\n")[row["row"]]
        if row["error"] is None:
            assert json.loads(line)["text"] == row["text"]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"BZh9", b"\xfd7zXZ\x00", b"\x50\x2a\x4d\x18"]))
def test_any_bytes_after_a_magic_are_rows(data, magic):
    rows = read_bytes("jsonl", magic + data)
    assert all(row["error"] is not None for row in rows)


def test_batches_are_of_bounded_size():
    data = io.BytesIO(lines(*({"text": "x" * 10_000} for _ in range(5_000))))
    sizes = [batch["text"].nbytes for batch in jsonl.read(data, place=Place("c"), params=ReadParams())]
    assert max(sizes) <= (16 << 20) + 5 * 8192
    assert len(sizes) == 3
