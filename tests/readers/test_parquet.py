import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.params import RunError
from pipeline.readers import parquet
from pipeline.readers.params import ReadParams
from pipeline.readers.record import Place
from tests.readers.reading import Trickle, is_prefix_and_one_error, listed, read_bytes

NUM_ROWS = 1000


def stack(num_rows: int = NUM_ROWS) -> pa.Table:
    return pa.table(
        {
            "hexsha": [f"{i:08x}" for i in range(num_rows)],
            "max_stars_repo_path": [f"src/{i}.py" for i in range(num_rows)],
            "max_stars_repo_name": [f"owner/{i // 10}" for i in range(num_rows)],
            "max_stars_repo_licenses": pa.array([["MIT"] * (i % 3) for i in range(num_rows)], pa.list_(pa.string())),
            "max_stars_count": pa.array([i if i % 2 else None for i in range(num_rows)], pa.int64()),
            "lang": ["Python"] * num_rows,
            "content": [f"print({i})  # \u20ac\n" * (1 + i % 9) for i in range(num_rows)],
        }
    )


def written(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def errors(data: bytes, **more: Any) -> list[tuple[int, str]]:
    return [(row["row"], row["error"]) for row in read_bytes("parquet", data, **more) if row["error"]]


def test_the_stacks_columns_are_read_as_they_are():
    table = stack()
    rows = read_bytes("parquet", written(table))
    names = {
        "text": "content",
        "path": "max_stars_repo_path",
        "repository": "max_stars_repo_name",
        "licences": "max_stars_repo_licenses",
        "language": "lang",
        "stars": "max_stars_count",
    }
    for ours, theirs in names.items():
        assert [row[ours] for row in rows] == table[theirs].to_pylist()
    assert [row["row"] for row in rows] == list(range(NUM_ROWS))


def test_our_own_documents_are_read_and_other_names_can_be_given():
    rows = read_bytes("parquet", written(pa.table({"text": ["a"], "path": ["p"], "language": ["c"]})))
    assert (rows[0]["text"], rows[0]["path"], rows[0]["language"], rows[0]["licences"]) == ("a", "p", "c", None)
    nested = pa.table({"body": [{"raw": "a", "meta": {"file": "p"}}, None], "path": ["q", "q"]})
    params = ReadParams(columns={"text": "body.raw", "path": "body.meta.file"}, language="python")
    rows = read_bytes("parquet", written(nested), params=params)
    assert [(row["text"], row["path"], row["language"], row["error"]) for row in rows] == [
        ("a", "p", "python", None),
        (None, None, "python", "null_text"),
    ]


def test_row_group_ranges_partition_the_rows_and_count_over_the_file():
    data = written(stack(), row_group_size=130)
    whole = read_bytes("parquet", data)
    parts = [read_bytes("parquet", data, row_groups=groups) for groups in ((0, 3), (3, 4), (4, 8))]
    assert [row for part in parts for row in part] == whole
    assert parts[1][0]["row"] == 390


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()],
    ids=str,
)
def test_any_string_type_holds_text(kind):
    texts = ["a", None, "\u20ac" * 50, "", "a"]
    column = pa.array(texts).dictionary_encode() if pa.types.is_dictionary(kind) else pa.array(texts).cast(kind)
    rows = read_bytes("parquet", written(pa.table({"text": column, "path": column})))
    assert [row["text"] for row in rows] == texts
    assert [row["path"] for row in rows] == texts
    assert [row["error"] for row in rows] == [None, "null_text", None, None, None]


@pytest.mark.parametrize(
    ("column", "licences"),
    [
        (pa.array([["MIT", "ISC"], [], None, ["MIT", None]]), [["MIT", "ISC"], [], None, ["MIT"]]),
        (pa.array([["MIT"], [None]], pa.large_list(pa.large_binary())), [["MIT"], []]),
        (pa.array([[b"\xff", b"MIT"]], pa.list_(pa.binary())), [["\ufffd", "MIT"]]),
        (pa.array(["MIT", None, "ISC"]), [["MIT"], None, ["ISC"]]),
        (pa.array(["MIT", None, "MIT"]).dictionary_encode(), [["MIT"], None, ["MIT"]]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_licences_become_lists_of_strings(column, licences):
    rows = read_bytes("parquet", written(pa.table({"text": ["x"] * len(column), "licences": column})))
    assert [row["licences"] for row in rows] == licences


@pytest.mark.parametrize(
    ("column", "stars"),
    [
        (pa.array([1, None, 255], pa.uint8()), [1, None, 255]),
        (pa.array([2**63, 7], pa.uint64()), [None, 7]),
        (pa.array([1.0, float("nan"), float("inf"), None, 3.9]), [1, None, None, None, 3]),
    ],
)
def test_stars_become_whole_numbers(column, stars):
    rows = read_bytes("parquet", written(pa.table({"text": ["x"] * len(column), "stars": column})))
    assert [row["stars"] for row in rows] == stars


@pytest.mark.parametrize(
    ("columns", "params", "words"),
    [
        ({"body": ["a"]}, {}, ["content or text", "body", "columns: {text: ...}"]),
        ({"text": [1]}, {}, ["int64", "text"]),
        ({"text": ["a"], "path": [["a"]]}, {}, ["path", "list"]),
        ({"text": ["a"], "stars": ["a"]}, {}, ["stars", "string"]),
        ({"text": ["a"]}, {"columns": {"language": "langauge"}}, ["langauge", "columns: {language: ...}"]),
        ({"text": ["a"]}, {"columns": {"text": "a.b"}}, ["a.b"]),
    ],
)
def test_a_missing_or_unfit_column_is_an_error_that_says_what_to_do(columns, params, words):
    with pytest.raises(RunError) as error:
        read_bytes("parquet", written(pa.table(columns)), params=ReadParams(**params), container="shard-7.parquet")
    assert all(word in str(error.value) for word in [*words, "shard-7.parquet"])


def test_texts_that_are_no_utf8_are_broken_rows_and_paths_are_mended():
    bad = [b"ok", b"caf\xe9", None, b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\xc0\x80", b"cut \xe2\x82"]
    # Unchecked strings, as other writers make them.
    texts = pa.Array.from_buffers(pa.string(), len(bad), pa.array(bad, pa.binary()).buffers())
    rows = read_bytes("parquet", written(pa.table({"text": texts, "path": texts})))
    assert [row["error"] for row in rows] == [None, "invalid_utf8", "null_text", "invalid_utf8", None, "invalid_utf8", "invalid_utf8"]
    assert [row["path"] for row in rows] == [None if text is None else text.decode(errors="replace") for text in bad]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.binary(max_size=8), st.text(max_size=8).map(str.encode)), min_size=1, max_size=20))
def test_what_is_utf8_is_what_python_says(texts):
    rows = read_bytes("parquet", written(pa.table({"text": pa.array(texts, pa.binary())})))
    for row, text in zip(rows, texts, strict=True):
        try:
            assert row["text"] == (None if text is None else text.decode())
        except UnicodeDecodeError:
            assert row["error"] == "invalid_utf8"


def test_texts_over_the_limit_are_broken_rows():
    texts = ["x" * size for size in (10, 101, 100, 5000)] + ["\u20ac" * 34]
    rows = read_bytes("parquet", written(pa.table({"text": texts})), params=ReadParams(max_document_bytes=100))
    assert [row["error"] for row in rows] == [None, "too_large", None, "too_large", "too_large"]


def test_batches_stay_small_however_large_or_repeated_the_texts_are():
    large = pa.table({"text": ["x" * 3_000_000 for _ in range(30)] + ["y"] * 20_000})
    batches = list(parquet.read(io.BytesIO(written(large)), place=Place("c"), params=ReadParams()))
    assert max(batch["text"].nbytes for batch in batches) <= (16 << 20) + 5 * 8192
    assert max(batch.num_rows for batch in batches) <= 8192
    assert sum(batch.num_rows for batch in batches) == 20_030
    assert len(batches) < 20


def test_a_damaged_row_group_is_one_row_and_the_others_are_read():
    table = stack()
    data = bytearray(written(table, row_group_size=250, data_page_size=1000))
    start = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1).column(6).data_page_offset
    data[start : start + 200] = b"\xa5" * 200
    rows = read_bytes("parquet", bytes(data))
    broken = [row for row in rows if row["error"]]
    assert [row["error"] for row in broken] == ["corrupt"]
    assert 250 <= broken[0]["row"] < 500
    assert [row["row"] for row in rows] == [*range(broken[0]["row"] + 1), *range(500, 1000)]


def test_a_file_that_is_no_parquet_is_one_corrupt_row():
    assert errors(b"<html>404</html>" * 10) == [(0, "corrupt")]
    data = written(stack())
    assert errors(data[:-8] + b"\xff\xff\xff\x7fPAR1") == [(0, "corrupt")]


def test_more_rows_than_ids_were_set_aside_for_end_in_one_broken_row():
    data = written(stack(), row_group_size=100)
    assert errors(data, max_rows=250) == [(249, "too_large")]
    assert errors(data, max_rows=250, row_groups=(0, 1)) == []
    assert errors(data, max_rows=250, row_groups=(2, 9)) == [(249, "too_large")]
    assert errors(data, max_rows=250, row_groups=(3, 9)) == []


def test_more_text_than_was_allowed_ends_in_one_broken_row_a_row_group():
    texts = pa.table({"text": pa.array(["x" * 1_000_000]).take(pa.array([0] * 60))})
    rows = read_bytes("parquet", written(texts, row_group_size=30), params=ReadParams(max_unpacked_bytes=20_000_000))
    assert [row["row"] for row in rows if row["error"] is None] == list(range(16))
    assert [(row["row"], row["error"]) for row in rows if row["error"]] == [(16, "too_large"), (30, "too_large")]


def test_how_the_store_cuts_its_answers_changes_nothing():
    data = written(stack(50))
    trickled = listed(parquet.read(Trickle(data), place=Place("container.parquet"), params=ReadParams()))
    assert trickled == read_bytes("parquet", data)


def test_a_store_that_fails_is_no_broken_record():
    class Failing(io.BytesIO):
        left = 12

        def read(self, size: int | None = -1) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise ConnectionResetError("the store went away")
            return super().read(size)

    data = written(stack(20_000), row_group_size=5000)
    seen = []
    for left in range(5):
        stream = Failing(data)
        stream.left = left
        with pytest.raises(ConnectionResetError):
            seen += listed(parquet.read(stream, place=Place("c"), params=ReadParams()))
    assert all(row["error"] is None for row in seen)


WHOLE = written(stack(300), row_group_size=100)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
@example(4)
@example(11)
def test_any_prefix_is_one_truncated_row(cut):
    whole = WHOLE
    part = read_bytes("parquet", whole[:cut])
    assert is_prefix_and_one_error(part, read_bytes("parquet", whole))
    assert [row["error"] for row in part] == ["truncated"]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_flipped_bytes_never_raise(seed):
    luck = np.random.default_rng(seed)
    data = bytearray(written(stack(300), row_group_size=100, compression=["none", "zstd", "snappy"][seed % 3]))
    for _ in range(luck.integers(1, 4)):
        data[luck.integers(len(data))] ^= luck.integers(1, 256)
    try:
        rows = read_bytes("parquet", bytes(data))
    except RunError:
        # A letter of a column's name was flipped, or its type: the file's columns are not the config's.
        return
    assert len({row["row"] for row in rows}) == len(rows)
