"""What every job shares: where it writes, what its outputs are named after, and how its items become datasets."""

import platform
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from rich.console import Console

from pipeline import manifest, storage
from pipeline.config import RunConfig
from pipeline.hashing import fingerprint
from pipeline.jobs.engine import SPILL, Engine
from pipeline.jobs.progress import Item, JobProgress
from pipeline.manifest import Manifest
from pipeline.params import RunError
from pipeline.shards import Done, read_done


@dataclass(frozen=True)
class Workspace:
    """One run of the jobs: a config, the engine, the console."""

    config: RunConfig
    engine: Engine
    console: Console

    @property
    def workdir(self) -> str:
        return self.config.workdir

    def load(self, dataset: str) -> Manifest:
        """The dataset of an earlier job.

        Raises:
            RunError: it is not there, or holds other sources than the config.
        """
        found = manifest.load(self.workdir, dataset)
        held = set(found.extra["units"].values()) | set(found.counts)
        if held != set(self.config.sources):
            names = ", ".join(sorted(held ^ set(self.config.sources)))
            raise RunError(
                f"{dataset}/ and the config differ in their sources ({names}): run the earlier jobs again (tenfold run CONFIG does)"
            )
        return found

    def progress(self, title: str, items: list[Item]) -> JobProgress:
        return JobProgress(title, items, workdir=self.workdir, console=self.console)


def job_fingerprint(job: str, code_version: int, *, libraries: Sequence[str], inputs: Any) -> str:
    """Names what a job's bytes depend on; floating-point code makes the architecture one of them, Python's letters and signs another."""
    versions = {name: version(name) for name in libraries} | {"unicode": unicodedata.unidata_version}
    return fingerprint(job, code_version, versions, platform.machine(), inputs)


def collect(workdir: str, job: str, items: Iterable[tuple[str, str]]) -> list[Done]:
    """The done records of all items, in their order.

    Args:
        items: (item, fingerprint).
    Raises:
        RunError: one is missing.
    """
    records = []
    for item, name in items:
        record = read_done(workdir, job, item, name)
        if record is None:
            raise RunError(f"{job}: {item} left no whole output in {workdir}: was something removed while the job ran? Run it again")
        records.append(record)
    return records


def commit_datasets(workdir: str, job: str, datasets: Sequence[str], *, done: list[Done], whole: Mapping[str, Any]) -> dict[str, Manifest]:
    """Writes the manifest of each dataset (`whole`: fingerprint, params, counts, extra), then removes what other runs left."""
    written = {dataset: manifest.commit(workdir, Manifest(dataset=dataset, job=job, files=(), **whole), done=done) for dataset in datasets}
    manifest.sweep_done(workdir, job, done)
    # A killed run leaves its blocks, and this one may have had no need to spill any.
    storage.remove(storage.join(workdir, SPILL))
    return written


def stands(workdir: str, job: str, item: str, name: str) -> bool:
    return read_done(workdir, job, item, name) is not None


def path(workdir: str, dataset: str, name: str) -> str:
    return storage.join(workdir, dataset, name)
