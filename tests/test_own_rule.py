"""The page on rules of one's own, typed in as it stands."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb

from tests.test_docs import ROOT, blocks, calls

PAGE = ROOT / "docs/own-rule.md"
TEXTS = {
    "spaces.py": "def name():\n    return None\n",
    "few_tabs.py": "name = 1  # a comment of words\n\ttail\n",
    "tabs.py": "a\tb\tc\td\n" * 9,
}


def test_the_commands_of_the_page_run_and_the_rule_judges(tmp_path: Path) -> None:
    (code,), (config,) = blocks(PAGE, "python"), blocks(PAGE, "yaml")
    (tmp_path / "my_rules.py").write_text(code)
    (tmp_path / "config.yaml").write_text(config)
    (tmp_path / "code/repository").mkdir(parents=True)
    for name, text in TEXTS.items():
        (tmp_path / "code/repository" / name).write_text(text)
    # With workers of their own, which have to import the rule, too.
    printed = [_tenfold(*words, *(["--workers", "2"] if words[0] == "curate" else []), folder=tmp_path) for words in calls(PAGE)]
    assert "my_rules.Tabs" in printed[0]
    found = duckdb.sql(f"select path, reason, tabs_fraction from '{tmp_path}/run/decisions/*.parquet' order by tabs_fraction").fetchall()
    assert [(Path(path).name, reason, round(value, 3)) for path, reason, value in found] == [
        ("spaces.py", None, 0),
        ("few_tabs.py", None, 0.027),
        ("tabs.py", "tabs_fraction", 0.375),
    ]


def _tenfold(*arguments: str, folder: Path) -> str:
    """As the installed command does it: the folder is not on the path of its own accord."""
    command = [sys.executable, "-P", "-c", "from pipeline.cli import main; main()", *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
