"""Kernels are compiled before the workers start: each of them would compile the same ones, and nobody could tell why nothing moves."""

import time
from pathlib import Path

import numba
import pyarrow as pa

from pipeline import schema
from pipeline.config import RunConfig
from pipeline.curation.curate import curate
from pipeline.curation.steps import STEPS, Step, build_steps
from pipeline.dedup.signatures import signatures
from pipeline.hashing import fingerprint
from pipeline.jobs.workspace import Workspace

# Worth a line.
SLOW_SECONDS = 2

# What most kernels have something to do with. A kernel that this leaves aside is compiled by the first worker that needs it.
_TEXT = """<!-- na\u00efve --> #include <a.h>\r\n\r\n- a bullet, a "quoted string", and 0x1f... A sentence, with the usual words in it.
joe@firm.org 203.0.114.7 2606:4700::1111 AKIAIOSFODNN7EXAMPLE key = "c3VwZXJzZWNyZXRzdXBlcnNlY3JldA91x" <p>text</p> 12 likes
"""
_LANGUAGES = ("python", "html", "sql", "json", "english", None)


def compile_kernels(space: Workspace) -> None:
    """Runs every step of ours on a few lines, unless that was done before; says so where it takes long."""
    mark = Path(numba.config.CACHE_DIR) / f"compiled-{_name(space.config)}"  # type: ignore[attr-defined]
    if mark.exists():
        return
    started = time.monotonic()
    with space.console.status("compiling kernels, once for all runs"):
        for source in space.config.sources.values():
            steps = [step for step in build_steps(source.curation) if _is_ours(step)]
            documents = curate(_raw(), steps).documents
            kept = documents if documents.num_rows else curate(_raw(), []).documents
            signatures(kept, space.config.dedup.near, fold_case=source.kind == "text")
    seconds = time.monotonic() - started
    if seconds > SLOW_SECONDS:
        space.console.print(f"kernels compiled in {seconds:.0f} s, once for all runs", highlight=False)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()


def _name(config: RunConfig) -> str:
    """Of what `compile_kernels` calls."""
    names = sorted({step.name for source in config.sources.values() for step in source.curation})
    return fingerprint(names, sorted({source.kind for source in config.sources.values()}), config.dedup.near is None)


def _is_ours(step: Step) -> bool:
    """Without the costly ones, whose time is not the kernels', and whose models and processes are the workers'."""
    return step.name in STEPS and not step.costly


def _raw() -> pa.RecordBatch:
    rows = [
        {"id": place, "container": "a", "row": place, "text": _TEXT * 30, "path": f"a/{place}.py", "language": language}
        for place, language in enumerate(_LANGUAGES)
    ]
    return pa.RecordBatch.from_pylist(rows, schema.RAW)
