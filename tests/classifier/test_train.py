"""Training a classifier: what it reads, that it is the same every time, and what its card says."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
import zstandard

from pipeline.classifier.train import ClassifierParams, card_path, train_classifier
from pipeline.curation.curate import curate
from pipeline.params import UsageError
from tests.conftest import Tenfold
from tests.corpus import PACKAGES, STDLIB
from tests.curation.documents import steps
from tests.curation.test_rejudge import raw_of

PLAIN = "the weights of a mixture are what a reader of this page would have to know before he begins with it"
LOUD = "BUY now cheap pills click here free $$$ winner http://x.example !!! offer viagra"
SMALL = ClassifierParams(dim=4, buckets=1000, min_count=1, held_out_fraction=0.2)


def proses(count: int) -> list[str]:
    words = PLAIN.split()
    return [" ".join(words[(index * 7 + step * 5) % len(words)] for step in range(40)) + f" {index}." for index in range(count)]


def spams(count: int) -> list[str]:
    words = LOUD.split()
    return [" ".join(words[(index * 3 + step * 5) % len(words)] for step in range(40)) + f" {index}" for index in range(count)]


def jsonl(path: Path, texts: list[str]) -> str:
    data = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
    path.write_bytes(zstandard.ZstdCompressor().compress(data) if path.suffix == ".zst" else data)
    return str(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """(model, card)"""
    folder = tmp_path_factory.mktemp("classifier")
    good, bad = jsonl(folder / "good.jsonl.zst", proses(200)), jsonl(folder / "bad.jsonl", spams(150))
    card = train_classifier([good], [bad], str(folder / "models" / "m.bin"), params=SMALL)
    return folder / "models" / "m.bin", card


def test_it_parts_good_from_bad_and_its_card_says_how_well(trained: tuple[Path, dict[str, Any]]) -> None:
    path, card = trained
    assert json.loads(Path(card_path(str(path))).read_text()) == card
    assert card["held_out"]["auc"] == 1.0
    assert sum(card["training"].values()) + card["held_out"]["num_good"] + card["held_out"]["num_bad"] == 350
    assert [(found["name"], found["label"], found["num_documents"]) for found in card["inputs"]] == [
        ("good.jsonl.zst", "good", 200),
        ("bad.jsonl", "bad", 150),
    ]
    assert sorted(file.name for file in path.parent.iterdir()) == ["m.bin", "m.bin.json"]


def test_the_same_documents_give_the_same_bytes_wherever_they_lie_and_in_whatever_order(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    path, card = trained
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    pq.write_table(pa.table({"text": proses(200)[::-1]}), folder / "good.parquet")
    first, second = jsonl(folder / "one.jsonl", spams(150)[:40]), jsonl(folder / "two.jsonl", spams(150)[30:])
    again = train_classifier([str(folder / "good.parquet")], [second, first], str(tmp_path / "m.bin"), params=SMALL)
    assert (tmp_path / "m.bin").read_bytes() == path.read_bytes()
    assert again["held_out"] == card["held_out"]
    assert again["copies_left_out"] == 10
    other = train_classifier([first], [second], str(tmp_path / "o.bin"), params=SMALL)
    assert other["in_both_classes_left_out"] == 20
    assert other["sha256"] != card["sha256"]


def test_trees_of_source_files_and_folders_of_shards_are_read(tmp_path: Path) -> None:
    shutil.copytree(STDLIB / "json", tmp_path / "code" / "json", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(STDLIB / "encodings", tmp_path / "code" / "encodings", ignore=shutil.ignore_patterns("__pycache__"))
    pages = [path.read_text(errors="replace") for path in sorted(PACKAGES.glob("*.dist-info/METADATA"))[:80]]
    (tmp_path / "pages").mkdir()
    jsonl(tmp_path / "pages" / "a.jsonl", pages)
    card = train_classifier([str(tmp_path / "code")], [str(tmp_path / "pages")], str(tmp_path / "m.bin"), params=SMALL)
    assert card["inputs"][0]["num_documents"] > 50
    assert card["held_out"]["auc"] > 0.9


def test_labels_and_marks_in_a_text_are_words(tmp_path: Path) -> None:
    good = [f"{text} __label__bad </s> __label__other" for text in proses(60)]
    card = train_classifier(
        [jsonl(tmp_path / "g.jsonl", good)], [jsonl(tmp_path / "b.jsonl", spams(60))], str(tmp_path / "m.bin"), params=SMALL
    )
    assert card["held_out"]["auc"] == 1.0
    [step] = steps({"quality": {"model": str(tmp_path / "m.bin")}})
    assert step.files() == [str(tmp_path / "m.bin")]


def test_the_command_prints_the_scores_and_a_run_uses_the_model(tmp_path: Path, tenfold: Tenfold) -> None:
    good, bad = jsonl(tmp_path / "good.jsonl", proses(100)), jsonl(tmp_path / "bad.jsonl", spams(100))
    options = ["--dim", "4", "--buckets", "1000", "--min-count", "1"]
    shown = tenfold("classifier", "train", "--good", good, "--bad", bad, "--output", tmp_path / "m.bin", *options)
    assert shown.status == 0, shown.output
    assert "AUC" in shown.output
    assert "min score" in shown.output
    raw = raw_of([*proses(3), *spams(3), None])
    decisions = curate(raw, steps({"quality": {"model": str(tmp_path / "m.bin")}})).decisions
    assert decisions["verdict"].to_pylist() == ["kept"] * 3 + ["dropped"] * 3 + ["broken"]
    assert decisions["reason"].to_pylist()[3] == "quality_score"


def test_the_pages_curation_works(trained: tuple[Path, dict[str, Any]]) -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", (Path(__file__).parent.parent.parent / "docs/quality.md").read_text(), re.S)
    entries = yaml.safe_load(block.replace("models/prose.bin", str(trained[0])))["curation"]
    assert [step.name for step in steps(*entries)] == ["language", "gopher_quality", "quality"]


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("missing.jsonl", "bad.jsonl", "there is no such file"),
        ("good.jsonl", "broken.jsonl", "nothing can be read|no documents that can be read|no column is a text"),
        ("one.jsonl", "bad.jsonl", "--good: no documents"),
        ("bad.jsonl", "bad.jsonl", r"\(30 texts are in both classes\)"),
        ("module.py", "bad.jsonl", "no documents that can be read|give its folder"),
    ],
)
def test_too_little_to_train_on_is_an_error(good: str, bad: str, message: str, tmp_path: Path) -> None:
    jsonl(tmp_path / "good.jsonl", proses(15))
    jsonl(tmp_path / "bad.jsonl", spams(15))
    jsonl(tmp_path / "one.jsonl", proses(1))
    (tmp_path / "broken.jsonl").write_text("{broken\n")
    (tmp_path / "module.py").write_text("x = 1\n")
    with pytest.raises(UsageError, match=message):
        train_classifier([str(tmp_path / good)], [str(tmp_path / bad)], str(tmp_path / "m.bin"), params=SMALL)
    assert not (tmp_path / "m.bin").exists()
