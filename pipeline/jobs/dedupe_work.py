"""What every step of dedupe shares: its constants, and how its files are named, written and read."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import schema
from pipeline.config import RunConfig
from pipeline.dedup.bands import record_type
from pipeline.dedup.pairs import Pairs, join, make_pairs
from pipeline.jobs.workspace import job_fingerprint, path, stands
from pipeline.manifest import Manifest
from pipeline.shards import ParquetShard, read_batches

JOB, RANK, COMPARE, CHOOSE, CHECK = "dedupe", "dedupe-rank", "dedupe-compare", "dedupe-choose", "dedupe-check"
FORKS = "dedupe-forks"
VERSION = 5
LIBRARIES = ("pyarrow", "numpy", "datasketch")
# Band records that one worker holds at a time, about; sorting them takes some four times that.
PARTITION_BYTES = 64 << 20
# A partition of checks gets the shingles of at most this much text, if all of the corpus is to be checked.
CHECK_BYTES = 256 << 20
BATCH_ROWS = 1 << 18  # of pairs
ALL = "all"  # the item of what is written once


@dataclass(frozen=True)
class UnitFiles:
    """A unit, the place of its source in the order of sources, what curate made of it, and what opt-out lists name in it."""

    name: str
    source: int
    fold_case: bool
    signatures: str
    documents: str
    cuts: str | None
    removals: str | None


@dataclass(frozen=True)
class Dedupe:
    """The job's constants: what every worker needs to know.

    Attributes:
        units: in the order of the plan, which is that of their sources.
        num_partitions: of bands; num_checks: of pairs.
    """

    config: RunConfig
    fingerprint: str
    units: tuple[UnitFiles, ...]
    num_partitions: int
    num_checks: int

    @property
    def workdir(self) -> str:
        return self.config.workdir

    @property
    def num_documents(self) -> int:
        return sum(pq.read_metadata(unit.signatures).num_rows for unit in self.units)

    @property
    def parts(self) -> list[str]:
        return [part_name(part) for part in range(self.num_partitions)]

    @property
    def checks(self) -> list[str]:
        return [check_name(part) for part in range(self.num_checks)]

    @property
    def last_items(self) -> dict[str, list[str]]:
        """By job, what the deciding worker writes."""
        return {FORKS: [ALL] if self.config.dedup.forks else [], JOB: [unit.name for unit in self.units]}

    def file(self, dataset: str, item: str) -> str:
        return path(self.workdir, dataset, f"{item}-{self.fingerprint}.parquet")

    def stands(self, job: str, item: str) -> bool:
        return stands(self.workdir, job, item, self.fingerprint)


def part_name(partition: int) -> str:
    return f"part-{partition:05d}"


def check_name(partition: int) -> str:
    return f"check-{partition:05d}"


def named_by_lists(removals: Manifest) -> list[list[str]]:
    """The item and checksum of every file of removals/ that names a document."""
    return [[file.item, file.sha256] for file in removals.files if file.num_rows]


def constants(config: RunConfig, made: Mapping[str, Manifest], *, removed: list[list[str]]) -> Dedupe:
    """
    Args:
        made: signatures, documents, cuts, compared, removals; compared has the signatures of the units that lose lines.
        removed: `named_by_lists` of the removals/ that dedupe knows of.
    """
    signatures, compared = made["signatures"], made["compared"].by_item
    sources, near = list(config.sources), config.dedup.near
    # How pairs are sorted changes no byte.
    params = config.dedup.model_dump(mode="json", exclude={"max_sorted_pairs"})
    inputs = [[(file.item, compared.get(file.item, file).sha256) for file in signatures.files], sources, config.seed, params, removed]
    units = []
    for unit, source in ((file.item, signatures.extra["units"][file.item]) for file in signatures.files):
        paths = {name: dataset.path(config.workdir, unit) if unit in dataset.by_item else None for name, dataset in made.items()}
        hashed = paths["compared"] or signatures.path(config.workdir, unit)
        fold_case = config.sources[source].kind == "text"
        documents = made["documents"].path(config.workdir, unit)
        named = paths["removals"] if unit in dict(removed) else None
        units.append(UnitFiles(unit, sources.index(source), fold_case, hashed, documents, paths["cuts"], named))
    num_documents = sum(file.num_rows for file in signatures.files)
    text_bytes = sum(counts.get("kept_bytes", 0) for counts in signatures.counts.values())
    num_partitions = 1 + num_documents * near.bands * record_type(near).itemsize // PARTITION_BYTES if near else 0
    num_checks = 1 + text_bytes // CHECK_BYTES if near and near.verify == "exact" else 0
    fingerprint = job_fingerprint(JOB, VERSION, libraries=LIBRARIES, inputs=inputs)
    return Dedupe(config, fingerprint, tuple(units), num_partitions, num_checks)


@contextmanager
def scratch(spill: str | None) -> Iterator[str]:
    """A folder for a while."""
    if spill:
        os.makedirs(spill, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=spill) as folder:
        yield folder


def read_column(file: str, name: str) -> np.ndarray:
    return pq.read_table(file, columns=[name])[name].to_numpy()


def read_pairs(file: str) -> Iterator[Pairs]:
    """Of schema.EDGES, in the file's order."""
    for batch in read_batches(file, schema.EDGES.names, max_rows=BATCH_ROWS):
        yield make_pairs(*(batch[name].to_numpy() for name in schema.EDGES.names))


def write_pairs(shard: ParquetShard, batches: Iterable[Pairs]) -> None:
    """The other way round."""
    for batch in batches:
        for start in range(0, len(batch), BATCH_ROWS):
            part = batch[start : start + BATCH_ROWS]
            values = [part.high.astype(np.int64), part.low.astype(np.int64), part.similarity]
            shard.write(pa.RecordBatch.from_arrays([pa.array(value) for value in values], schema=schema.EDGES))


def read_verified(work: Dedupe) -> Pairs:
    """Every checked pair, ascending by key; 12 bytes each."""
    checked = join(pairs for check in work.checks for pairs in read_pairs(work.file("verified", check)))
    return checked[np.argsort(checked.key)]
