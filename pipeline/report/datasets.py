"""A finished run as its manifests tell it: what the report and `verify` read."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mixtures.spec import MixtureParams, groups_of
from pipeline import manifest, schema, storage
from pipeline.dedup.forks import Forks, forks_of
from pipeline.manifest import File, Manifest
from pipeline.packing.params import PackingParams
from pipeline.packing.removed import removed_ids
from pipeline.params import RunError

# In the order of the jobs; positions/ and deviation/ have an item a source and one in all, edges/ an item a partition, pairs/ and forks/
# one in all.
DATASETS = (
    "documents",
    "decisions",
    "signatures",
    "cuts",
    "compared",
    "nodes",
    "edges",
    "pairs",
    "checks",
    "wanted",
    "verified",
    "forks",
    "survivors",
    "tokenizer",
    "tokens",
    "removals",
    "runs",
    "positions",
    "deviation",
    "sequences",
    "segments",
)
# What the readers below take from a manifest beside its files and counts.
_EXTRA = {
    **dict.fromkeys(("documents", "decisions", "signatures", "cuts", "compared", "survivors", "tokens", "removals"), ("units",)),
    "tokenizer": ("sha256", "special_ids", "vocab_size"),
    "sequences": (
        "deviation",
        "num_sequences",
        "num_sequences_by_source",
        "phase_ends",
        "removals",
        "sources",
        "special_ids",
        "tokenizer",
        "vocab_size",
    ),
}


@dataclass(frozen=True)
class Run:
    """One workdir.

    Attributes:
        manifests: by dataset, all of DATASETS.
    """

    workdir: str
    manifests: Mapping[str, Manifest]

    def __getitem__(self, dataset: str) -> Manifest:
        return self.manifests[dataset]

    def path(self, dataset: str, file: File) -> str:
        return storage.join(self.workdir, dataset, file.name)

    def files(self, dataset: str, source: str | None = None) -> list[File]:
        """The files of a dataset that has an item a unit; of one source, or of all."""
        return [file for file in self[dataset].files if source in (None, self.units[file.item])]

    @cached_property
    def units(self) -> dict[str, str]:
        """The source of every unit."""
        return self["decisions"].extra["units"]

    @cached_property
    def sources(self) -> list[str]:
        """Every source of the config, in its order, which is their priority in dedupe; one without documents comes last."""
        return list(dict.fromkeys([self.units[file.item] for file in self["decisions"].files] + sorted(self["decisions"].params)))

    def removed(self, unit: str) -> np.ndarray:
        """The documents of a unit that opt-out lists name, uint64."""
        return removed_ids(self.workdir, self["removals"], unit)

    @cached_property
    def forks(self) -> Forks:
        files = self["forks"].files
        return forks_of(pq.read_table(self.path("forks", files[0])) if files else schema.FORKS.empty_table())

    @cached_property
    def mixture(self) -> MixtureParams:
        return MixtureParams.model_validate(self["sequences"].params["mixture"])

    @cached_property
    def groups(self) -> dict[str, str]:
        """The group of every source in the mixture."""
        return groups_of(self.mixture)

    @cached_property
    def packing(self) -> PackingParams:
        return PackingParams.model_validate(self["sequences"].params["packing"])

    @cached_property
    def names(self) -> list[str]:
        """The sources of the mixture in the order of their numbers in records."""
        return self["sequences"].extra["sources"]

    @cached_property
    def phase_ends(self) -> list[int]:
        return self["sequences"].extra["phase_ends"]

    @property
    def num_sequences(self) -> int:
        return self["sequences"].extra["num_sequences"]


def load_run(workdir: str) -> Run:
    """
    Raises:
        RunError: a job has not run yet, or a manifest is damaged.
    """
    return Run(workdir, {dataset: load_manifest(workdir, dataset) for dataset in DATASETS})


def load_manifest(workdir: str, dataset: str) -> Manifest:
    """
    Raises:
        RunError: it is not there, is no manifest, or lacks what the report reads.
    """
    found = manifest.load(workdir, dataset)
    for key in _EXTRA.get(dataset, ()):
        if key not in found.extra:
            raise RunError(f"{manifest.path(workdir, dataset)} has no {key!r}: remove it and run again")
    return found


def read_columns(path: str, columns: list[str]) -> pa.Table:
    """Some columns of one file, a chunk a column, and one dictionary where a column has dictionaries."""
    return pq.read_table(path, columns=columns).unify_dictionaries().combine_chunks()


def add_counts(into: dict[str, Any], counts: Mapping[str, Any]) -> None:
    """Adds up the integers, key by key and level by level; what is no count stays out."""
    for key, value in counts.items():
        if isinstance(value, Mapping):
            add_counts(into.setdefault(key, {}), value)
        elif isinstance(value, int) and not isinstance(value, bool):
            into[key] = into.get(key, 0) + value
