"""removals: `decisions/` and the opt-out lists to `removals/`, a unit at a time; `pack` leaves out what is named there.

It reads a few columns of `decisions/` and no text, so that a takedown costs it and one `pack`.
"""

from collections.abc import Iterator, Sequence

import apache_beam as beam
import pyarrow.parquet as pq

from pipeline import schema
from pipeline.curation.optout import DECISION_COLUMNS, Entries, read_entries, removals
from pipeline.jobs.engine import Deal
from pipeline.jobs.progress import Item
from pipeline.jobs.workspace import Workspace, collect, commit_datasets, job_fingerprint, stands
from pipeline.manifest import Manifest, totals
from pipeline.shards import committing

JOB = "removals"
VERSION = 1
LIBRARIES = ("pyarrow",)


def run(space: Workspace) -> Manifest:
    """Finds the documents of every unit, unless that is done, then writes the manifest; without a list it names none.

    Raises:
        RunError: curate did not run.
        UsageError: a list can't be read, or a line of it is no entry.
    """
    decisions, entries = space.load("decisions"), read_entries(space.config.removals)
    units = decisions.extra["units"] if len(entries) else {}
    names = {unit: _fingerprint([decisions.by_item[unit].sha256, entries.digest]) for unit in units}
    pending = [unit for unit, name in names.items() if not stands(space.workdir, JOB, unit, name)]
    if units:
        with space.progress(JOB, [Item(JOB, unit, name) for unit, name in names.items()]):
            if pending:
                work = FindRemovals(space.workdir, entries, {unit: decisions.path(space.workdir, unit) for unit in pending}, names)
                num_bytes = sum(decisions.by_item[unit].num_bytes for unit in pending)
                space.engine.run(lambda p: p | Deal(pending) | beam.ParDo(work), job=JOB, workdir=space.workdir, text_bytes=num_bytes)
    done = collect(space.workdir, JOB, names.items())
    counts = {source: {"num_documents": 0} for source in space.config.sources} | totals(done, units)
    whole = {
        "fingerprint": _fingerprint(sorted(names.items())),
        "params": {"lists": sorted(set(entries.table["list"].to_pylist())), "num_entries": len(entries)},
        "counts": counts,
        "extra": {"units": units},
    }
    return commit_datasets(space.workdir, JOB, [JOB], done=done, whole=whole)[JOB]


def _fingerprint(inputs: Sequence[object]) -> str:
    return job_fingerprint(JOB, VERSION, libraries=LIBRARIES, inputs=inputs)


class FindRemovals(beam.DoFn):
    """Unit -> its name, once the documents that have to go are committed."""

    def __init__(self, workdir: str, entries: Entries, files: dict[str, str], fingerprints: dict[str, str]) -> None:
        self._workdir, self._entries, self._files, self._fingerprints = workdir, entries, files, fingerprints

    def process(self, unit: str) -> Iterator[str]:
        with committing(self._workdir, JOB, item=unit, fingerprint=self._fingerprints[unit]) as outputs:
            found = removals(pq.read_table(self._files[unit], columns=DECISION_COLUMNS), self._entries)
            shard = outputs.parquet(JOB, schema.REMOVALS)
            for batch in found.to_batches():
                shard.write(batch)
            outputs.counts.update(num_documents=found.num_rows)
        yield unit
