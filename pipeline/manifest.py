"""What a job wrote, from what, with which params: one `manifest.json` beside each dataset. Readers follow it and list no folder."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from pipeline import storage
from pipeline.params import RunError
from pipeline.shards import DONE, Done, Output, canonical_json, done_path, without_none

NAME = "manifest.json"


@dataclass(frozen=True)
class File:
    """One file of a dataset, and the item of work (a unit, a partition, a shard) that wrote it."""

    item: str
    name: str
    num_rows: int
    num_bytes: int
    sha256: str
    purged_from: str | None = None

    @property
    def origin(self) -> str:
        """The checksum of what its job wrote: what was made from the file still stands after a purge."""
        return self.purged_from or self.sha256


@dataclass(frozen=True)
class Manifest:
    """A whole dataset.

    Attributes:
        fingerprint: of the job: params, versions of code and libraries, inputs.
        params: as the job ran with, for a reader; `fingerprint` is what decides.
        counts: totals, by source where it has sources.
    """

    dataset: str
    job: str
    fingerprint: str
    params: dict[str, Any]
    files: tuple[File, ...]
    counts: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def by_item(self) -> dict[str, File]:
        return {file.item: file for file in self.files}

    def path(self, workdir: str, item: str) -> str:
        return storage.join(workdir, self.dataset, self.by_item[item].name)


def path(workdir: str, dataset: str) -> str:
    return storage.join(workdir, dataset, NAME)


def load(workdir: str, dataset: str) -> Manifest:
    """
    Raises:
        RunError: the dataset is not there, or its manifest is no manifest.
    """
    where = path(workdir, dataset)
    try:
        record = json.loads(storage.read_bytes(where))
        files = tuple(File(**file) for file in record.pop("files"))
        known = {name: record.pop(name) for name in ("dataset", "job", "fingerprint", "params", "counts")}
    except FileNotFoundError:
        raise RunError(f"{where} is not there: run the job that writes {dataset}/ first (tenfold run CONFIG runs them all)") from None
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{where} is no manifest ({error}): remove it and run again") from error
    return Manifest(files=files, extra=record, **known)


def commit(workdir: str, manifest: Manifest, *, done: Iterable[Done]) -> Manifest:
    """Writes the manifest of one dataset over its items' outputs, then removes what no manifest names.

    The files are in the order of the items.
    """
    files = tuple(
        File(record.item, output.name, output.num_rows, output.num_bytes, output.sha256, output.purged_from)
        for record in done
        for output in record.outputs
        if output.dataset == manifest.dataset
    )
    whole = Manifest(manifest.dataset, manifest.job, manifest.fingerprint, manifest.params, files, manifest.counts, manifest.extra)
    write(workdir, whole)
    return whole


def write(workdir: str, manifest: Manifest) -> None:
    """Writes the manifest, then removes what it does not name."""
    record = {key: value for key, value in asdict(manifest).items() if key != "extra"} | manifest.extra
    record["files"] = [without_none(asdict(file)) for file in manifest.files]
    storage.write_bytes(path(workdir, manifest.dataset), canonical_json(record))
    keep = {NAME, *(file.name for file in manifest.files)}
    for name in storage.list_names(storage.join(workdir, manifest.dataset)):
        if name not in keep:
            storage.remove(storage.join(workdir, manifest.dataset, name))


def sweep_done(workdir: str, job: str, done: Iterable[Done]) -> None:
    """Removes the job's done records of other fingerprints: their outputs are gone."""
    folder = storage.join(workdir, DONE, job)
    keep = {storage.join(workdir, DONE, job, done_path("", job, record.item, record.fingerprint).rsplit("/", 1)[-1]) for record in done}
    for name in storage.list_names(folder):
        if storage.join(folder, name) not in keep:
            storage.remove(storage.join(folder, name))


def totals(done: Iterable[Done], source_of: dict[str, str]) -> dict[str, Any]:
    """The items' counts added up by source; nested counts add up key by key."""
    by_source: dict[str, Any] = {}
    for record in done:
        _add(by_source.setdefault(source_of[record.item], {}), record.counts)
    return by_source


def _add(into: dict[str, Any], counts: dict[str, Any]) -> None:
    for key, value in counts.items():
        if isinstance(value, dict):
            _add(into.setdefault(key, {}), value)
        else:
            into[key] = into.get(key, 0) + value


__all__ = ["DONE", "NAME", "Done", "File", "Manifest", "Output", "commit", "load", "path", "sweep_done", "totals", "write"]
