"""The step finds copies of benchmark items in documents however they are laid out, and drops or cuts them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.curation.benchmark_index import IndexParams, build_index
from pipeline.curation.benchmark_items import PRESETS, benchmark_params
from pipeline.curation.judge import Judgement, judge
from pipeline.curation.steps import StepSpec, build_steps
from pipeline.params import UsageError
from tests.curation.contamination import COPIES, humaneval, humaneval_file, stretches, write_jsonl
from tests.curation.documents import BLANK, DOCUMENTS, HTML, PROSE, PYTHON, batch_of, texts

QUESTION = "Which of the rivers of Größenland flows into the northern sea"  # 11 words


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    """HumanEval's."""
    out = str(tmp_path_factory.mktemp("humaneval") / "index")
    build_index([str(humaneval_file())], out, benchmark=PRESETS["humaneval"], params=IndexParams())
    return out


@pytest.fixture(scope="module")
def rivers(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One question of prose, in bigrams."""
    folder = tmp_path_factory.mktemp("rivers")
    source = write_jsonl(folder / "rivers.jsonl", [{"q": QUESTION, "id": "r1"}])
    benchmark = benchmark_params(None, name="Rivers", kind="prose", fields=["q"], id=["id"])
    build_index([source], str(folder / "index"), benchmark=benchmark, params=IndexParams(ngram_tokens=2))
    return str(folder / "index")


def _judged(documents: list[str | None], *indexes: str, **params: Any) -> Judgement:
    steps = build_steps([StepSpec(name="decontaminate", params={"indexes": list(indexes)} | params)])
    return judge(batch_of(*documents), steps)


def _overlaps(judged: Judgement) -> list[float | None]:
    return judged.measured["decontaminate_overlap"].to_pylist()


def _kinds(judged: Judgement) -> list[list[str]]:
    return [sorted({finding["kind"] for finding in own or []}) for own in judged.findings.to_pylist()]


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES.keys())
def test_every_item_is_found_in_every_kind_of_copy(copy, index: str) -> None:
    surroundings = [PYTHON, HTML, PROSE]
    documents = [
        surroundings[i % 3] + copy(item["prompt"] + item["canonical_solution"]) + surroundings[(i + 1) % 3]
        for i, item in enumerate(humaneval())
    ]
    judged = _judged(documents, index)
    assert judged.reason.to_pylist() == ["decontaminate_overlap"] * len(documents)
    items = [item["task_id"] for item in humaneval()]
    named = [item in kinds for item, kinds in zip(items, _kinds(judged), strict=True)]
    # The prompts of 56 and 61 differ in brackets alone.
    assert [item for item, is_named in zip(items, named, strict=True) if not is_named] in ([], ["HumanEval/61"])


def test_documents_without_an_item_stay_as_they_are(index: str) -> None:
    documents = [*DOCUMENTS, "from typing import List\n\n\nif __name__ == '__main__':\n    main()\n", None]
    judged = _judged(documents, index)
    assert _overlaps(judged) == [0.0] * (len(documents) - 1) + [None]
    assert judged.reason.null_count == judged.findings.null_count == len(documents)
    assert judged.batch["text"].to_pylist() == documents


def test_a_hit_names_the_item_the_span_and_the_overlap(rivers: str) -> None:
    judged = _judged([f"Größe. {QUESTION}?", "is rivers of Größenland one?"], rivers, max_overlap=0.1)
    assert judged.findings.to_pylist() == [
        [{"step": "decontaminate", "kind": "Rivers/r1", "start": 7, "end": 7 + len(QUESTION), "value": 1.0}],
        [{"step": "decontaminate", "kind": "Rivers/r1", "start": 3, "end": 23, "value": 0.2}],
    ]
    assert _overlaps(judged) == [1.0, 0.2]


@pytest.mark.parametrize("action", ["drop", "cut"])
def test_an_overlap_at_the_threshold_stays_and_one_above_does_not(action: str, rivers: str) -> None:
    text = "and into the northern sea too, which is another thing altogether"  # 3 of 10 bigrams
    at, above = (_judged([text], rivers, max_overlap=threshold, action=action) for threshold in (0.3, 0.2999))
    assert _overlaps(at) == _overlaps(above) == [0.3]
    assert (at.reason.to_pylist(), _kinds(at), at.batch["text"].to_pylist()) == ([None], [[]], [text])
    assert _kinds(above) == [["Rivers/r1"]]
    dropped = action == "drop"
    assert above.reason.to_pylist() == (["decontaminate_overlap"] if dropped else [None])
    assert above.batch["text"].to_pylist() == [text if dropped else "and  too, which is another thing altogether"]


def test_a_threshold_of_null_only_measures_and_one_of_zero_takes_a_single_ngram(rivers: str) -> None:
    text = "the northern sky"
    for threshold, kinds in ((None, []), (0, ["Rivers/r1"])):
        judged = _judged([text], rivers, max_overlap=threshold)
        assert (_overlaps(judged), _kinds(judged)) == ([0.1], [kinds])


def test_a_cut_takes_the_spans_and_leaves_the_rest(rivers: str, index: str) -> None:
    prompt = humaneval()[0]["prompt"]
    text = f"é {prompt}; {QUESTION}! {PROSE} «{QUESTION.upper()}»"
    judged = _judged([PYTHON, text, text], rivers, index, action="cut", min_left_fraction=0.1)
    [left] = {*judged.batch["text"].to_pylist()[1:]}
    rest = prompt[prompt.rindex("True") + len("True") :]
    assert left == f"é {rest}; ! {PROSE} «»"
    assert judged.batch["text"][0].as_py() == PYTHON
    assert judged.findings[1] == judged.findings[2]
    assert judged.reason.to_pylist() == [None] * 3


def test_a_document_of_which_too_little_is_left_is_dropped(rivers: str) -> None:
    text = QUESTION + "." * len(QUESTION)
    judged = _judged([text + ".", text, text[:-1], ""], rivers, action="cut")
    assert judged.reason.to_pylist() == [None, None, "decontaminate_left_fraction", None]
    half = len(QUESTION)
    assert judged.measured["decontaminate_left_fraction"].to_pylist() == [
        (half + 1) / (2 * half + 1),
        0.5,
        (half - 1) / (2 * half - 1),
        1.0,
    ]
    assert _judged([text[:-1]], rivers, action="cut", min_left_fraction=None).reason.to_pylist() == [None]


def test_hits_of_one_item_that_touch_are_one_and_those_of_two_items_are_two(tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(12)]
    items = [{"q": " ".join(words[:6]), "a": " ".join(words[4:9])}, {"q": " ".join(words[7:])}]
    source = write_jsonl(tmp_path / "items", items)
    benchmark = benchmark_params(None, name="W", kind="prose", fields=["q"], long_fields=["a"])
    build_index([source], str(tmp_path / "index"), benchmark=benchmark, params=IndexParams(ngram_tokens=2))
    text = " ".join(words)
    judged = _judged([text, text], str(tmp_path / "index"), action="cut")
    expected = [(0, text.index(" w9"), "W/0", 1.0), (text.index("w7"), len(text), "W/1", 1.0)]
    for own in judged.findings.to_pylist():
        assert [(found["start"], found["end"], found["kind"], found["value"]) for found in own] == expected
    assert judged.batch["text"].to_pylist() == ["", ""]


@given(st.lists(st.sampled_from([QUESTION, *QUESTION.split(), *DOCUMENTS]) | texts, max_size=12), st.sampled_from([0.0, 0.3, 0.9]))
def test_what_is_cut_is_what_brute_force_finds(rivers: str, pieces: list[str], threshold: float) -> None:
    text = " ".join(pieces)
    found = stretches(text, [QUESTION], kind="prose", n=2, max_gap=30)
    left, end = "", 0
    for stretch in (stretch for stretch in found if stretch.overlap > threshold):
        left, end = left + text[end : stretch.start], stretch.end
    judged = _judged([text, *pieces], rivers, action="cut", max_overlap=threshold)
    assert judged.batch["text"][0].as_py() == left + text[end:]
    assert _overlaps(judged)[0] == max((stretch.overlap for stretch in found), default=0.0)


@given(st.lists(st.sampled_from([*BLANK, QUESTION, f"{PROSE} {QUESTION}"]), max_size=6), st.randoms(use_true_random=False))
def test_what_else_is_in_the_batch_does_not_matter(rivers: str, documents: list[str], random) -> None:
    alone = {text: _judged([text], rivers, action="cut").batch["text"][0].as_py() for text in documents}
    random.shuffle(documents)
    assert _judged(documents, rivers, action="cut").batch["text"].to_pylist() == [alone[text] for text in documents]


def test_an_empty_batch_is_fine(rivers: str, index: str) -> None:
    assert _overlaps(_judged([], rivers, index, action="cut")) == []


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "curation.decontaminate.indexes: .*Field required"),
        ({"indexes": []}, "at least 1 item"),
        ({"indexes": ["x"], "action": "remove"}, "'drop' or 'cut'"),
        ({"indexes": ["x"], "max_overlap": 30}, "less than or equal to 1"),
        ({"indexes": ["x"], "min_overlap": 0.3}, "did you mean 'max_overlap'"),
    ],
)
def test_a_setting_that_cannot_be_is_an_error_that_says_why(params: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_steps([StepSpec(name="decontaminate", params=params)])


def test_the_files_of_the_step_are_its_indexes_and_must_be_there(rivers: str, tmp_path: Path) -> None:
    [step] = build_steps([StepSpec(name="decontaminate", params={"indexes": [rivers]})])
    assert step.files() == [rivers]
    [step] = build_steps([StepSpec(name="decontaminate", params={"indexes": [rivers, str(tmp_path / "none")]})])
    with pytest.raises(UsageError, match=r"none: .*tenfold benchmarks build"):
        step.files()


def test_the_command_builds_an_index_and_shows_its_card(tmp_path: Path) -> None:
    out = str(tmp_path / "indexes" / "humaneval.index")
    built = _tenfold("build", out, str(humaneval_file()), "--preset", "humaneval", "--max-items", "20")
    assert _tenfold("show", out) == built
    card = json.loads(built)
    assert (card["num_items"], card["max_items"], card["long_fields"]) == (164, 20, ["canonical_solution", "test"])
    assert _kinds(_judged([humaneval()[7]["prompt"]], out)) == [["HumanEval/7"]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset", "gsm8k"], "none of 1 items has question: they have p.q, q"),
        (["--fields", "q"], "name and kind missing"),
        (["--fields", "q", "--name", "Q", "--kind", "prose", "--ngram-tokens", "1"], "ngram_tokens: 1"),
    ],
)
def test_the_command_says_what_is_wrong(options: list[str], message: str, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "items", [{"q": QUESTION, "p.q": 1}])
    with pytest.raises(UsageError, match=message):
        _tenfold("build", str(tmp_path / "index"), source, *options)
    assert not (tmp_path / "index").exists()


def _tenfold(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["benchmarks", *arguments])
    if result.exception:
        raise result.exception
    return result.stdout
