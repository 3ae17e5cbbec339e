"""The files that rules measure with decide what a unit's outputs are, and are looked at before anything is read."""

from pathlib import Path

import pytest

from pipeline.config import RunConfig
from pipeline.jobs.curate import plan_units, steps_made_of, unit_fingerprint
from tests.conftest import Tenfold
from tests.corpus import Corpus, write_config

ALLOWED = "tests.jobs.own_rules.AllowedPaths"


def _fingerprints(config: RunConfig) -> dict[str, set[str]]:
    units, _ = plan_units(config)
    made_of = {name: steps_made_of(source.curation) for name, source in config.sources.items()}
    found: dict[str, set[str]] = {name: set() for name in config.sources}
    for unit in units:
        found[unit.source].add(unit_fingerprint(unit, config, made_of=made_of[unit.source]))
    return found


def test_another_content_of_a_rules_file_changes_the_fingerprints_of_its_source_alone(corpus: Corpus, tmp_path: Path) -> None:
    listing = tmp_path / "allowed.txt"
    values = corpus.config(tmp_path / "run")
    values["sources"]["notes"]["curation"] = [{ALLOWED: {"listing": str(listing)}}]
    config = RunConfig.model_validate(values)
    listing.write_text("a.txt\n")
    before = _fingerprints(config)
    listing.write_text("a.txt\nb.txt\n")
    after = _fingerprints(config)
    assert {name for name in before if before[name] != after[name]} == {"notes"}
    assert before["notes"] & after["notes"] == set()
    listing.write_text("a.txt\n")
    assert _fingerprints(config) == before


def test_every_module_of_a_users_package_changes_the_fingerprint(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "own_package"
    (package / "inner").mkdir(parents=True)
    for file in ("__init__.py", "inner/__init__.py", "inner/limits.py"):
        (package / file).write_text("")
    (package / "rules.py").write_text("from tests.jobs.own_rules import few_lines\n")
    (tmp_path / "own_module.py").write_text("from tests.jobs.own_rules import few_lines\n")
    (tmp_path / "another.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    values = corpus.config(tmp_path / "run")
    values["sources"]["notes"]["curation"] = ["own_package.rules.few_lines"]
    values["sources"]["stdlib"]["curation"] = ["own_module.few_lines"]
    config = RunConfig.model_validate(values)
    changed = {}
    for file in ("own_package/inner/limits.py", "own_package/rules.py", "own_module.py", "another.py"):
        before = _fingerprints(config)
        with (tmp_path / file).open("a") as text:
            text.write("# edited\n")
        after = _fingerprints(config)
        changed[file] = {name for name in before if before[name] != after[name]}
    assert list(changed.values()) == [{"notes"}, {"notes"}, {"stdlib"}, set()]


def test_a_rules_file_that_is_missing_ends_the_run_before_it_begins(corpus: Corpus, tmp_path: Path, tenfold: Tenfold) -> None:
    values = corpus.config(tmp_path / "run")
    values["sources"]["web"]["curation"] = [{"language": {"model": str(tmp_path / "none.ftz")}}]
    finished = tenfold("run", write_config(tmp_path / "config.yaml", values))
    assert finished.status == 2
    assert "curation.language.model" in finished.output
    assert "none.ftz" in finished.output
    assert not (tmp_path / "run/documents").exists()
