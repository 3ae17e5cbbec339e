"""What a workdir holds, read without the code that wrote it."""

import difflib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DEDUPE_JOBS = ("dedupe-rank", "dedupe-compare", "dedupe-choose", "dedupe-check", "dedupe-forks", "dedupe")
JOBS = ("curate", *DEDUPE_JOBS, "tokenizer", "tokenize", "pack-plan", "pack")
MANIFEST = "manifest.json"


def snapshot(workdir: Path) -> dict[str, str]:
    """Every file below the folder with its sha256, and every folder: two runs that agree here wrote the same."""
    found = {}
    for path in sorted(workdir.rglob("*")):
        found[str(path.relative_to(workdir))] = "folder" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def assert_same(workdir: Path, other: Path) -> None:
    """Both hold the same files with the same bytes, and nothing that a finished run may not leave."""
    assert leftovers(workdir) == []
    mine, its = snapshot(workdir), snapshot(other)
    assert sorted(mine) == sorted(its)
    differing = [name for name in mine if mine[name] != its[name]]
    lines = [line for name in differing if name.endswith(".json") for line in _difference(other / name, workdir / name)]
    assert not differing, f"{differing}\n" + "\n".join(lines[:40])


def _difference(left: Path, right: Path) -> Iterator[str]:
    return difflib.unified_diff(left.read_text().splitlines(), right.read_text().splitlines(), str(left), str(right), n=0, lineterm="")


def records(workdir: Path, job: str) -> dict[str, dict[str, Any]]:
    """The job's done records, whole ones, by their item."""
    found = [json.loads(path.read_bytes()) for path in sorted((workdir / "_done" / job).glob("*.json")) if not path.name.startswith(".")]
    return {record["item"]: record for record in found}


def outputs(workdir: Path, job: str) -> dict[str, str]:
    """The files that the job's done records name, with what changes when one is written again."""
    names = [f"{output['dataset']}/{output['name']}" for record in records(workdir, job).values() for output in record["outputs"]]
    return {name: stamp(workdir / name) for name in names}


def all_outputs(workdir: Path) -> dict[str, str]:
    return {name: mark for job in JOBS for name, mark in outputs(workdir, job).items()}


def stamp(path: Path) -> str:
    status = path.stat()
    return f"{status.st_ino} {status.st_mtime_ns}"


def leftovers(workdir: Path) -> list[str]:
    """What no finished run may leave: temporary files and spilled blocks."""
    return [str(path.relative_to(workdir)) for path in workdir.rglob("*") if path.name.startswith((".", "_spill"))]


def manifest(workdir: Path, dataset: str) -> dict[str, Any]:
    return json.loads((workdir / dataset / MANIFEST).read_bytes())
