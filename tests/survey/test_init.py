"""`tenfold init`: configs that run, for files as users have them, and errors that say what is wrong."""

import gzip
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.params import UsageError
from pipeline.survey.init import check_output, survey
from tests.conftest import Tenfold
from tests.corpus import STDLIB, Corpus
from tests.jobs.workdirs import manifest

PROSE = (
    "The mixture of a corpus is a matter of weights, and the weights are a matter of what the model has to learn. We have found that "
    "most of the documents of this kind are about as long as this one, and that they say what they have to say in plain English. "
)
PYTHON = "import os\n\n\ndef size(path):\n    if not path:\n        return 0\n    return os.path.getsize(path)\n\n\nclass File:\n    pass\n"


def drafted(*paths: Path, tmp_path: Path) -> dict[str, Any]:
    return yaml.safe_load(survey([str(path) for path in paths], output="tenfold.yaml", workdir=str(tmp_path / "run")).text)


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def proses(count: int = 40) -> list[str]:
    return [f"Number {index}. " + PROSE * 3 for index in range(count)]


def codes(count: int = 40) -> list[str]:
    return [f"# Number {index}\n" + PYTHON * 8 for index in range(count)]


def test_the_config_for_shards_archives_and_trees_runs_at_once(corpus: Corpus, tmp_path: Path, tenfold: Tenfold) -> None:
    config = tmp_path / "tenfold.yaml"
    made = tenfold("init", corpus.root, "--output", config, "--workdir", tmp_path / "run")
    assert made.status == 0, made.output
    assert f"tenfold run {config}" in made.output
    values = yaml.safe_load(config.read_text())
    kinds = {name: source["kind"] for name, source in values["sources"].items()}
    assert {"stdlib": "code", "web": "text", "notes": "text"}.items() <= kinds.items()
    assert {name.partition("_")[0] for name in kinds} == {"archives", "notes", "stdlib", "trees", "web"}
    assert values["mixture"]["groups"]["code"]["weight"] == 10
    assert values["mixture"]["groups"]["text"]["weight"] == 1
    tenfold.run(config)
    packed = manifest(tmp_path / "run", "sequences")["num_sequences_by_source"]
    assert all(packed[name] > 0 for group in values["mixture"]["groups"].values() for name in group["sources"])


def test_a_config_that_is_there_is_overwritten_by_force_alone(corpus: Corpus, tmp_path: Path, tenfold: Tenfold) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("mine")
    refused = tenfold("init", corpus.root / "web", "--output", config)
    assert (refused.status, config.read_text()) == (2, "mine")
    assert "--force" in refused.output
    assert tenfold("init", corpus.root / "web", "--output", config, "--force").status == 0
    assert list(yaml.safe_load(config.read_text())["sources"]) == ["web"]


def test_the_same_files_give_the_same_config(corpus: Corpus, tmp_path: Path) -> None:
    assert drafted(corpus.root, tmp_path=tmp_path) == drafted(corpus.root, tmp_path=tmp_path)


def test_folders_of_shards_are_sources_and_numbered_parts_are_one(tmp_path: Path) -> None:
    for index in range(3):
        parquet(tmp_path / f"in/stack/python/train-{index}.parquet", [{"content": text} for text in codes()])
        jsonl(tmp_path / f"in/dump/2023-0{index}/a.jsonl", [{"text": text} for text in proses()])
    parquet(tmp_path / "in/stack/java/train-0.parquet", [{"content": "class A { int f() { return 1; } }\n" * 30} for _ in range(40)])
    sources = drafted(tmp_path / "in", tmp_path=tmp_path)["sources"]
    assert {name: os.path.relpath(source["path"], tmp_path / "in") for name, source in sources.items()} == {
        "dump": "dump",
        "java": "stack/java",
        "python": "stack/python",
    }
    assert sources["python"]["language"] == "python"  # no column says it, and rules go by it
    assert [sources[name]["kind"] for name in ("dump", "java", "python")] == ["text", "code", "code"]


def test_columns_with_names_of_their_own_are_found(tmp_path: Path) -> None:
    rows = [{"id": index, "title": "A", "body_md": text, "license": "MIT", "stars_count": 3} for index, text in enumerate(proses())]
    parquet(tmp_path / "in/pages/a.parquet", rows)
    rows = [{"func": {"source": text}, "repo_name": "me/tool", "language": ["x"]} for text in codes()]
    parquet(tmp_path / "in/functions/a.parquet", rows)
    jsonl(tmp_path / "in/posts/a.jsonl", [{"post": text, "file_path": "a/b.md"} for text in proses()])
    sources = drafted(tmp_path / "in", tmp_path=tmp_path)["sources"]
    assert sources["pages"]["columns"] == {"text": "body_md", "licences": "license", "stars": "stars_count"}
    # A column of the usual name that can't hold the field would stop the run.
    assert sources["functions"]["columns"] == {"text": "func.source", "repository": "repo_name", "language": None}
    assert sources["posts"]["columns"] == {"text": "post", "path": "file_path"}
    assert [source["kind"] for source in sources.values()] == ["code", "text", "text"]


def test_files_that_no_reader_knows_are_left_out_by_globs(tmp_path: Path, tenfold: Tenfold) -> None:
    folder = tmp_path / "in" / "books"
    jsonl(folder / "part-0.jsonl", [{"text": text} for text in proses(400)])
    (folder / "README.md").write_text("# Books")
    (folder / "index.faiss").write_bytes(b"\0\1\2")
    assert drafted(folder, tmp_path=tmp_path)["sources"]["books"]["include"] == ["*.jsonl"]
    made = tenfold("init", folder, "--output", tmp_path / "c.yaml", "--workdir", tmp_path / "run")
    assert made.status == 0, made.output
    finished = tenfold("curate", tmp_path / "c.yaml")
    assert finished.status == 0, finished.output
    assert manifest(tmp_path / "run", "decisions")["counts"]["books"]["num_documents"] == 400


def test_few_files_of_different_names_are_sources_of_their_own(tmp_path: Path) -> None:
    jsonl(tmp_path / "in/wiki.jsonl", [{"text": text} for text in proses()])
    with gzip.open(tmp_path / "in/c++.json.gz", "wt") as packed:
        packed.writelines(json.dumps({"text": text}) + "\n" for text in codes())
    sources = drafted(tmp_path / "in", tmp_path=tmp_path)["sources"]
    assert {name: (Path(source["path"]).name, source["kind"]) for name, source in sources.items()} == {
        "cpp": ("c++.json.gz", "code"),
        "wiki": ("wiki.jsonl", "text"),
    }


def test_a_tree_is_cut_by_language_and_its_prose_is_apart(tmp_path: Path) -> None:
    for repository in ("one", "two"):
        folder = tmp_path / "repos" / repository
        shutil.copytree(STDLIB / "json", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "src" / "native.c").write_text("int main(void) {\n    return 0;\n}\n" * 100)
        (folder / "README.md").write_text("# A tool\n\n" + PROSE * 5)
        (folder / "settings.json").write_text("{}")
        (folder / "image.png").write_bytes(b"\x89PNG\0")
    sources = drafted(tmp_path / "repos", tmp_path=tmp_path)["sources"]
    assert {name: source["include"] for name, source in sources.items()} == {"python": ["*.py"], "c_cpp": ["*.c"], "docs": ["*.md"]}
    assert {source["format"] for source in sources.values()} == {"tree"}


def test_a_sample_full_of_broken_records_raises_the_bound_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "in" / "web" / "a.jsonl"
    jsonl(path, [{"text": text} for text in proses(90)])
    path.write_text(path.read_text() + "{broken\n" * 10)
    found = survey([str(path.parent)], output="c.yaml", workdir=str(tmp_path / "run"))
    assert yaml.safe_load(found.text)["sources"]["web"]["max_broken_fraction"] == pytest.approx(0.2)
    assert "10% of the sample is broken: 10 bad_json" in found.text


def test_a_source_of_nothing_but_broken_files_is_left_out_and_said(tmp_path: Path) -> None:
    jsonl(tmp_path / "in/good/a.jsonl", [{"text": text} for text in proses()])
    (tmp_path / "in/bad").mkdir()
    (tmp_path / "in/bad/a.parquet").write_bytes(b"PAR1 but no more of it")
    found = survey([str(tmp_path / "in")], output="c.yaml", workdir=str(tmp_path / "run"))
    assert list(yaml.safe_load(found.text)["sources"]) == ["good"]
    assert any("bad" in line for line in found.skipped)
    assert "Left out:" in found.text


def test_the_workdir_is_never_inside_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jsonl(tmp_path / "data/wiki/a.jsonl", [{"text": text} for text in proses()])
    monkeypatch.chdir(tmp_path / "data")
    text = survey(["."], output="c.yaml", workdir=None).text
    assert yaml.safe_load(text)["workdir"] == str(tmp_path / "data-run")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file or folder"),
        ({}, "holds no files"),
        ({"empty.jsonl": b""}, "holds no files"),
        ({"a.bin": b"\0\1", "b.bin": b"\0"}, r"nothing that a reader knows \(files: 2 with \.bin\)"),
        ({"a.parquet": b"PAR1"}, "nothing that can be read"),
        ({"a.jsonl": b'{"text": 5}\n'}, "nothing that can be read"),
        ({"a.jsonl": b'{"text": "too little"}\n'}, "too little text"),
    ],
)
def test_rubbish_is_an_error_that_says_what_is_there(content: dict[str, bytes] | None, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    if content is not None:
        folder.mkdir()
        for name, data in content.items():
            (folder / name).write_bytes(data)
    with pytest.raises(UsageError, match=message):
        survey([str(folder)], output="c.yaml", workdir=str(tmp_path / "run"))


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    with pytest.raises(UsageError, match="the file is empty"):
        survey([str(tmp_path / "a.jsonl")], output="c.yaml", workdir=None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    with pytest.raises(UsageError, match="permission denied"):
        survey([str(tmp_path / "locked")], output="c.yaml", workdir=None)


def test_a_config_in_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        check_output(str(tmp_path / "no" / "c.yaml"), overwrite=False)
