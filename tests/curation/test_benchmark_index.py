"""An index holds the n-grams that tell an item, and says what it was made of."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.curation.benchmark_index import SCHEMA, IndexParams, build_index, index_params, index_strings, load_indexes, read_card
from pipeline.curation.benchmark_items import PRESETS, BenchmarkString, benchmark_params
from pipeline.params import UsageError
from tests.curation.contamination import grams, humaneval_file, write_jsonl

OWN = benchmark_params(None, name="Own", kind="prose", fields=["q"], long_fields=["a"])


def _rows(texts: list[str], **params: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    rows, counts = index_strings(
        [BenchmarkString(f"Own/{i}", "q", text, False) for i, text in enumerate(texts)], kind="prose", params=IndexParams(**params)
    )
    assert rows.schema == SCHEMA
    return rows.to_pylist(), counts


def test_the_same_files_give_the_same_bytes_wherever_they_lie(tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl.gz"
    copy.write_bytes(humaneval_file().read_bytes())
    for name, path in (("a", humaneval_file()), ("b", copy)):
        build_index([str(path)], str(tmp_path / name), benchmark=PRESETS["humaneval"], params=IndexParams())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_card_says_what_the_index_was_made_of_and_how(tmp_path: Path) -> None:
    out, path = str(tmp_path / "index"), humaneval_file()
    card = build_index([str(path)], out, benchmark=PRESETS["humaneval"], params=IndexParams(ngram_tokens=8))
    assert read_card(out) == card
    assert card["inputs"] == [{"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}]
    rows = pq.read_table(out).to_pylist()
    assert (card["name"], card["kind"], card["ngram_tokens"], card["num_items"]) == ("HumanEval", "code", 8, 164)
    assert card["num_strings"] == len(rows) == sum(card["strings_by_field"].values())
    assert card["num_ngrams"] == len({gram for row in rows for gram in row["ngrams"]})
    assert card["items_left_out"] == []
    assert {row["item"] for row in rows} <= {f"HumanEval/{i}" for i in range(164)}


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "c", "1", "2d", "½"]), max_size=8).map(" ".join), max_size=8),
    st.integers(1, 3),
    st.integers(1, 4),
)
@settings(max_examples=60)
def test_rows_are_those_of_the_definition(texts: list[str], max_items: int, least: int) -> None:
    n = 3
    rows, counts = _rows(texts, ngram_tokens=n, max_items=max_items, min_short_tokens=least)
    own = [[gram for gram in grams(text, "prose", n) if not all("0" <= token[0] <= "9" for token in gram)] for text in texts]
    words = [len(text.split()) for text in texts]
    firsts = [i for i in range(len(texts)) if words[i] >= min(least, n) and texts.index(texts[i]) == i]
    firsts = [i for i in firsts if words[i] >= n or texts.count(texts[i]) <= max_items]
    held = {gram: sum(gram in own[i] for i in firsts) for i in firsts for gram in own[i]}
    left = {i: {gram for gram in own[i] if held[gram] <= max_items} for i in firsts}
    expected = [(f"Own/{i}", words[i], min(words[i], n), len(left[i])) for i in firsts if left[i]]
    assert [(row["item"], row["num_tokens"], row["ngram_tokens"], len(row["ngrams"])) for row in rows] == expected
    assert counts["num_common_ngrams"] == sum(times > max_items for times in held.values())
    found = {texts[int(row["item"].removeprefix("Own/"))] for row in rows}
    assert counts["items_left_out"] == sorted(f"Own/{i}" for i, text in enumerate(texts) if text not in found)


def test_boilerplate_of_many_items_is_left_out_and_what_is_an_items_own_stays() -> None:
    texts = [f"from typing import List def f{i} the task number {i} is this" for i in range(4)]
    for max_items, common in ((4, 0), (3, 2)):
        rows, counts = _rows(texts, ngram_tokens=4, max_items=max_items)
        assert counts["num_common_ngrams"] == common
        assert {len(row["ngrams"]) for row in rows} == {9 - common}


def test_ngrams_of_numbers_alone_are_left_out() -> None:
    rows, counts = _rows(["the list 1 2 3 4", "[1, 2, 3, 4, 5]", "1, 2, x1"], ngram_tokens=3)
    assert [(row["item"], len(row["ngrams"])) for row in rows] == [("Own/0", 2), ("Own/2", 1)]
    assert counts["items_left_out"] == ["Own/1"]


def test_a_short_string_stands_whole_in_the_fields_that_allow_it() -> None:
    strings = [BenchmarkString("Own/0", "q", "Who was it?", False), BenchmarkString("Own/1", "a", "It was him", True)]
    rows, counts = index_strings(strings, kind="prose", params=IndexParams())
    assert [(row["item"], row["ngram_tokens"], len(row["ngrams"])) for row in rows.to_pylist()] == [("Own/0", 3, 1)]
    assert counts["items_left_out"] == ["Own/1"]


def test_text_is_normalised_as_documents_are() -> None:
    [composed, decomposed] = (
        [row["ngrams"] for row in _rows([text], ngram_tokens=2)[0]] for text in ("caf\u00e9 noir fort", "cafe\u0301 noir fort")
    )
    assert composed == decomposed


def test_indexes_of_one_kind_are_searched_as_one(tmp_path: Path) -> None:
    paths = []
    for name, kind, question in (("A", "code", "what is a_b here"), ("B", "prose", "why was it so"), ("C", "code", "who is c_d there")):
        source = write_jsonl(tmp_path / f"{name}.jsonl", [{"q": question}])
        paths.append(str(tmp_path / name))
        build_index(
            [source], paths[-1], benchmark=benchmark_params(None, name=name, kind=kind, fields=["q"]), params=IndexParams(ngram_tokens=2)
        )
    loaded = load_indexes(tuple(paths))
    assert [(index.kind, index.items.to_pylist()) for index in loaded] == [("code", ["A/0", "C/0"]), ("prose", ["B/0"])]
    assert [index.table.num_grams.tolist() for index in loaded] == [[3, 3], [3]]


def test_a_benchmark_of_which_nothing_can_be_told_is_an_error(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "items", [{"q": "a b", "a": "c d e f"}])
    with pytest.raises(UsageError, match="no string of 1 items can be told from the others"):
        build_index([path], str(tmp_path / "index"), benchmark=OWN, params=IndexParams())


def test_a_file_that_is_no_index_is_an_error_that_says_how_to_make_one(tmp_path: Path) -> None:
    pq.write_table(SCHEMA.empty_table(), tmp_path / "other.parquet")
    (tmp_path / "text").write_text("text")
    for name in ("other.parquet", "text", "none"):
        with pytest.raises(UsageError, match=f"{name}: .*tenfold benchmarks build"):
            read_card(str(tmp_path / name))


def test_a_number_that_cannot_be_is_an_error() -> None:
    assert index_params(ngram_tokens=None, max_items=3) == IndexParams(max_items=3)
    with pytest.raises(UsageError, match=r"ngram_tokens: 64: .*less than or equal to 63"):
        index_params(ngram_tokens=64)
