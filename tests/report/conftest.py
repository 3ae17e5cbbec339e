"""One small run of the real jobs, made once: two sources of code, one of prose, broken lines, copies, near-duplicates, hostile names."""

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.report.statistics import Stats, collect

HOSTILE_RULE = "</script><script>alert('rule')</script>"
HOSTILE_GROUP = "prose\"><img src=x onerror=alert('group')>"
WORDS = re.findall(
    "[a-z]+",
    """
    the be to of and that have with river stone house letter number table field window market paper engine garden street summer winter
    morning evening water light sound voice picture record measure answer question reason method result sample token order source
    """,
)

OWN_RULES = f"""
import numpy as np
import pyarrow.compute as pc
from pipeline.curation.rule import Rule

def count(columns):
    return pc.count_substring(columns["text"], "FORBIDDEN").to_numpy(zero_copy_only=False).astype(np.float64)

forbidden = Rule({HOSTILE_RULE!r}, count, maximum=0)
"""


@pytest.fixture(scope="session")
def finished_run(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The workdir of a run, only to be read; tests that write take a copy (`workdir`)."""

    def make(root: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(root)
            (root / "report_test_rules.py").write_text(OWN_RULES)
            _write_corpus(root / "corpus")
            config = root / "config.yaml"
            config.write_text(yaml.safe_dump(_config(root)))
            result = CliRunner().invoke(app, ["run", str(config), "--workers", "1"], catch_exceptions=False)
        assert result.exit_code == 0, result.output

    return once("report", make) / "run"


@pytest.fixture
def workdir(finished_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


@pytest.fixture(scope="session")
def stats(finished_run: Path) -> Stats:
    return collect(str(finished_run))


def _config(root: Path) -> dict[str, object]:
    rules = [{"starcoder2": {"max_line_chars": 200}}, "report_test_rules.forbidden"]
    code = {"weight": 10, "sources": {"python": {"weight": 3, "max_epochs": 3}, "shell": 1}}
    return {
        "workdir": str(root / "run"),
        "unit_bytes": 1 << 16,
        "sources": {
            "python": {"path": str(root / "corpus/python"), "kind": "code", "curation": rules},
            "shell": {"path": str(root / "corpus/shell"), "kind": "code", "curation": rules},
            "spare": {"path": str(root / "corpus/spare"), "kind": "code"},
            "books": {"path": str(root / "corpus/books"), "kind": "text", "curation": ["gopher_quality"], "max_broken_fraction": 0.2},
        },
        "tokenizer": {"vocab_size": 400, "sample_bytes": 50_000},
        "packing": {"sequence_length": 128, "sequences_per_shard": 300},
        "mixture": {"max_epochs": 2, "groups": {"code": code, HOSTILE_GROUP: {"weight": 1, "sources": {"books": 1}}}},
    }


def _write_corpus(root: Path) -> None:
    draw = random.Random(7)
    python = [_code(draw) for _ in range(160)]
    python += [python[3], python[4], python[5].replace("return", "return  0 +", 1)]  # copies, and one that nearly is
    python += ["x = 1\n" * 20 + "y" * 300 + "\n", "# FORBIDDEN\n" + _code(draw)]
    shell = [_code(draw) for _ in range(60)] + [python[7], python[8] + "\n# the end\n"]
    _write_parquet(root / "python/one.parquet", python, "python")
    _write_parquet(root / "shell/one.parquet", shell, "shell")
    _write_parquet(root / "spare/one.parquet", [_code(draw) for _ in range(5)], "c")
    (root / "books").mkdir()
    lines = [json.dumps({"id": str(i), "text": _prose(draw), "source": "books"}) for i in range(80)]
    lines += [json.dumps({"id": "short", "text": "too short"}), "{not json", json.dumps({"id": "none"})]
    (root / "books/one.jsonl").write_text("\n".join(lines) + "\n")


def _write_parquet(path: Path, texts: list[str], language: str) -> None:
    path.parent.mkdir(parents=True)
    columns = {
        "content": texts,
        "max_stars_repo_path": [f"<script>alert('path')</script>/{i}.txt" for i in range(len(texts))],
        "max_stars_repo_name": [f"owner/repo{i % 7}" for i in range(len(texts))],
        "max_stars_repo_licenses": [["MIT", "<script>alert('licence')</script>"][: i % 3] for i in range(len(texts))],
        "max_stars_count": [i % 5 for i in range(len(texts))],
        "lang": [language] * len(texts),
    }
    pq.write_table(pa.table(columns), path, row_group_size=50)


def _code(draw: random.Random) -> str:
    lines = []
    for _ in range(draw.randint(1, 12)):
        name, first, second = ("_".join(draw.sample(WORDS, 2)) for _ in range(3))
        lines += [f"def {name}({first}, {second}):", f"    {first} += {draw.randint(0, 999)}", f"    return {second} * {first}", ""]
    return "\n".join(lines) + "\n"


def _prose(draw: random.Random) -> str:
    sentences = (" ".join(draw.choices(WORDS, k=draw.randint(8, 20))) + "." for _ in range(draw.randint(8, 30)))
    return " ".join(sentences)
