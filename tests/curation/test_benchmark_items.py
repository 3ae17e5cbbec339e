"""The strings of the items are those that the benchmark's files hold."""

import bz2
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pipeline.curation.benchmark_items import PRESETS, BenchmarkParams, benchmark_params, read_strings
from pipeline.params import UsageError
from tests.curation.contamination import humaneval, humaneval_file, write_jsonl

MBPP = {
    "task_id": 11,
    "text": "Write a function.",
    "code": "def f():\r\n  pass",
    "test_list": ["assert f()", "assert g()"],
    "test_setup_code": "",
}
SANITIZED = {"task_id": 2, "prompt": "Write one.", "code": "def f(): pass", "test_imports": [], "test_list": ["assert f()"]}
GSM8K = {"question": "How many?", "answer": "Two.\n#### 2"}
MMLU = {"question": "Which?", "subject": "law", "choices": ["this", "that"], "answer": 1}
APPS = {"problem_id": 5, "question": "Read n.", "solutions": json.dumps(["print(1)", "print(2)"]), "input_output": "{}"}
DS1000 = {"prompt": "Problem:", "reference_code": "df.sum()", "metadata": {"problem_id": 7, "library": "Pandas"}, "code_context": "import"}


def _strings(path: str, params: BenchmarkParams) -> list[tuple[str, str, str]]:
    return [(string.item, string.field, string.text) for string in read_strings([path], params)]


@pytest.mark.parametrize(
    ("preset", "item", "name", "fields", "long_fields"),
    [
        ("mbpp", MBPP, "MBPP/11", [MBPP["text"]], [MBPP["code"], "assert f()\nassert g()"]),
        ("mbpp", SANITIZED, "MBPP/2", ["Write one."], ["def f(): pass", "assert f()"]),
        ("gsm8k", GSM8K, "GSM8K/0", ["How many?"], ["Two.\n#### 2"]),
        ("mmlu", MMLU, "MMLU/0", ["Which?\nthis\nthat"], ["Which?"]),
        ("apps", APPS, "APPS/5", ["Read n."], ["print(1)", "print(2)"]),
        ("apps", {"id": 6, "question": "Read.", "solutions": "print"}, "APPS/6", ["Read."], ["print"]),
        ("ds1000", DS1000, "DS-1000/7", ["Problem:"], ["df.sum()"]),
    ],
)
def test_a_preset_takes_the_fields_of_its_benchmark(
    preset: str, item: dict[str, Any], name: str, fields: list[str], long_fields: list[str], tmp_path: Path
) -> None:
    strings = read_strings([write_jsonl(tmp_path / "items.jsonl", [item])], PRESETS[preset])
    assert {string.item for string in strings} == {name}
    assert [string.text for string in strings if not string.is_long] == fields
    assert [string.text for string in strings if string.is_long] == long_fields


def test_humaneval_is_read_as_it_is_published() -> None:
    strings = read_strings([str(humaneval_file())], PRESETS["humaneval"])
    fields = ("prompt", "canonical_solution", "test")
    assert [(own.item, own.field, own.text) for own in strings] == [
        (item["task_id"], field, item[field]) for item in humaneval() for field in fields
    ]


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, bz2.compress, zstandard.compress])
@pytest.mark.parametrize("array", [False, True])
def test_files_may_be_packed_and_may_be_one_array(pack: Any, array: bool, tmp_path: Path) -> None:
    items = [GSM8K, GSM8K | {"question": "Überall?"}]
    text = json.dumps(items, indent=1) if array else "\ufeff" + "\n\n".join(json.dumps(item, ensure_ascii=False) for item in items)
    path = tmp_path / "items"
    path.write_bytes(pack(text.encode()))
    assert [text for _, field, text in _strings(str(path), PRESETS["gsm8k"]) if field == "question"] == ["How many?", "Überall?"]


def test_items_are_numbered_through_several_files(tmp_path: Path) -> None:
    paths = [write_jsonl(tmp_path / name, [GSM8K, GSM8K]) for name in ("a", "b")]
    assert [own.item for own in read_strings(paths, PRESETS["gsm8k"])][::2] == [f"GSM8K/{row}" for row in range(4)]


def test_fields_of_ones_own(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "own", [{"q": {"en": "What?"}, "n": 3, "a": [["x", "y"], None]}, {"q": None, "a": ["z"]}])
    params = benchmark_params(None, name="Own", kind="prose", fields=["q.en", "a[]", "n+q.en"])
    strings = [("Own/0", "q.en", "What?"), ("Own/0", "a[]", "x\ny"), ("Own/0", "n+q.en", "3\nWhat?"), ("Own/1", "a[]", "z")]
    assert _strings(path, params) == strings


def test_what_is_given_takes_the_place_of_the_presets_own() -> None:
    params = benchmark_params("humaneval", name="HumanEval+", fields=["prompt", "test"], long_fields=None, id=[])
    assert params == PRESETS["humaneval"].model_copy(update={"name": "HumanEval+", "fields": ("prompt", "test")})


@pytest.mark.parametrize(
    ("preset", "given", "message"),
    [
        ("human_eval", {}, "no preset is named 'human_eval': known are humaneval, mbpp"),
        (None, {"fields": ["a"]}, "name and kind missing"),
        (None, {"name": "x", "kind": "text", "fields": ["a"]}, "kind 'text': it is code or prose"),
    ],
)
def test_params_that_cannot_be_are_an_error_that_says_why(preset: str | None, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        benchmark_params(preset, **given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"q": 1}\n', r"none of 1 items has question: they have q; name the fields"),
        ("", "none of 0 items has question: there are none"),
        ('{"question": "a"}\n{"question', "line 2: .*give JSON lines, or one JSON array"),
        ('["a"]', "entry 1 is no JSON object"),
        ('{"question": "a"}\n7', "entry 2 is no JSON object"),
        ("\udcff", "can't decode"),
        ("[" * 100_000, "line 1"),
    ],
)
def test_a_file_that_holds_no_items_is_an_error_with_its_name(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=message) as error:
        read_strings([str(path)], PRESETS["gsm8k"])
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_or_cut_off_is_an_error(tmp_path: Path) -> None:
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(b'{"question": "a"}\n' * 99)[:-9])
    for path in (str(cut), str(tmp_path / "none"), str(tmp_path)):
        with pytest.raises(UsageError, match="give JSON lines"):
            read_strings([path], PRESETS["gsm8k"])
