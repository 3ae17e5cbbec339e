"""One document's story: where it came from, what each rule measured, why it stayed or went, and which document it duplicates."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import manifest, schema
from pipeline.curation.steps import STEPS, StepSpec, build_steps
from pipeline.dedup.jaccard import exact_similarity, shingle_sets
from pipeline.dedup.params import NearParams
from pipeline.dedup.shingles import shingle_hashes
from pipeline.dedup.texts import read_documents
from pipeline.manifest import Manifest
from pipeline.params import RunError, UsageError

Row = dict[str, Any]
MOST_FOUND = 20  # documents that a pattern of paths may name


@dataclass(frozen=True)
class Overlap:
    """What two texts share: distinct shingles, and their Jaccard similarity as dedupe computes it."""

    num_shared: int
    num_mine: int
    num_its: int
    similarity: float


class Story:
    """What the datasets of a workdir say of one document, as far as the jobs have run."""

    def __init__(self, workdir: str, id: int, unit: str) -> None:
        self.workdir, self.id, self.unit = workdir, id, unit
        self.decision = self._row("decisions") or {}

    @cached_property
    def source(self) -> str:
        return str(manifest.load(self.workdir, "decisions").extra["units"][self.unit])

    @cached_property
    def survivor(self) -> Row | None:
        """None: dedupe did not run, or never saw the document."""
        return self._row("survivors") if self._has("survivors") and self.decision["verdict"] == schema.KEPT else None

    @cached_property
    def num_tokens(self) -> int | None:
        row = self._row("tokens", ["id", "num_tokens"]) if self._has("tokens") else None
        return row["num_tokens"] if row else None

    @cached_property
    def text(self) -> str | None:
        """As everything after dedupe reads it; None: a document that was dropped or purged, whose text no dataset holds."""
        return _text(self.workdir, self.unit, self.id) if self.decision["verdict"] == schema.KEPT else None

    @cached_property
    def removal(self) -> Row | None:
        """The entry of an opt-out list that names it."""
        return self._row("removals") if self._has("removals") else None

    @cached_property
    def keeper(self) -> "Story | None":
        """The kept document that it duplicates."""
        kept = self.survivor["duplicate_of"] if self.survivor else None
        return find(self.workdir, id=kept)[0] if kept is not None else None

    @cached_property
    def fork(self) -> Row | None:
        """The fork that its repository is: schema.FORKS; None: it is none, or nobody looked."""
        name = self.decision["repository"]
        if name is None:
            return None
        try:
            forks = manifest.load(self.workdir, "forks")
        except RunError:
            return None
        rows = [row for file in forks.files for row in _rows(forks.path(self.workdir, file.item), pc.field("repository") == name)]
        return rows[0] if rows else None

    def rules(self) -> list[Row]:
        """Each measured rule in its order: name, value (None: not measured), minimum and maximum where they are known."""
        params = manifest.load(self.workdir, "decisions").params[self.source]
        steps = build_steps([spec for spec in map(StepSpec.model_validate, params["curation"]) if spec.name in STEPS])
        known = {rule.name: rule for step in steps for rule in step.rules}
        bounds = {name: {"minimum": rule.minimum, "maximum": rule.maximum} for name, rule in known.items()}
        measured = [name for name in self.decision if name not in schema.DECISIONS.names]
        return [{"name": name, "value": self.decision[name]} | bounds.get(name, {}) for name in measured]

    def overlap(self) -> Overlap | None:
        """With the document that it duplicates; None: it duplicates none, or near-duplicates were not looked for."""
        near = manifest.load(self.workdir, "survivors").params.get("near")
        if near is None or self.keeper is None or self.text is None or self.keeper.text is None:
            return None
        fold_case = manifest.load(self.workdir, "decisions").params[self.source]["kind"] == "text"
        texts, ngram_tokens = pa.array([self.text, self.keeper.text], pa.string()), NearParams.model_validate(near).ngram_tokens
        sets = shingle_sets(shingle_hashes(texts, ngram_tokens=ngram_tokens, fold_case=fold_case))
        mine, its = (sets.hashes[start:end] for start, end in zip(sets.offsets, sets.offsets[1:], strict=False))
        [similarity] = exact_similarity(sets, left=np.array([0]), right=np.array([1]))
        return Overlap(len(np.intersect1d(mine, its)), len(mine), len(its), float(similarity))

    def _has(self, dataset: str) -> bool:
        try:
            return self.unit in manifest.load(self.workdir, dataset).by_item
        except RunError:
            return False

    def _row(self, dataset: str, columns: list[str] | None = None) -> Row | None:
        file = manifest.load(self.workdir, dataset).path(self.workdir, self.unit)
        rows = _rows(file, pc.field("id") == pa.scalar(self.id, pa.uint64()), columns)
        return rows[0] if rows else None


def find(workdir: str, *, id: int | None = None, path: str | None = None) -> list[Story]:
    """The documents with an id, or whose path matches a pattern with `*` and `?`; one at least, MOST_FOUND at most.

    Raises:
        RunError: curate did not run.
        UsageError: there is none, or too many match.
    """
    decisions = manifest.load(workdir, "decisions")
    condition, wanted = ("id = $1", id) if path is None else ("path glob $1", path)
    places = _search(workdir, decisions, condition, wanted)
    if not places:
        what = f"id {id}" if path is None else f"a path like {path!r}: * stands for any characters, as in '*/README.md'"
        raise UsageError(f"no document of {workdir} has {what}")
    if len(places) > MOST_FOUND:
        raise UsageError(f"over {MOST_FOUND} documents of {workdir} have a path like {path!r}: write more of it")
    return [Story(workdir, place, unit) for place, unit in places]


def _search(workdir: str, decisions: Manifest, condition: str, wanted: int | str | None) -> list[tuple[int, str]]:
    """(id, unit) of the documents that match, one more than MOST_FOUND at most."""
    units = {decisions.path(workdir, file.item): file.item for file in decisions.files}
    if not units:
        return []
    query = f"select id, filename from read_parquet($2, filename = true) where {condition} limit {MOST_FOUND + 1}"
    with duckdb.connect() as base:
        found = base.execute(query, [wanted, list(units)]).fetchall()
    return sorted((int(place), units[file]) for place, file in found)


def _rows(file: str, condition: pc.Expression, columns: list[str] | None = None) -> list[Row]:
    return pq.read_table(file, columns=columns, filters=condition).to_pylist()


def _text(workdir: str, unit: str, place: int) -> str | None:
    documents = manifest.load(workdir, "documents").path(workdir, unit)
    cuts = None
    try:
        found = manifest.load(workdir, "cuts")
        cuts = found.path(workdir, unit) if unit in found.by_item else None
    except RunError:  # dedupe did not run yet: nothing is cut
        pass
    for batch in read_documents(documents, cuts, ["id", "text"], max_rows=1024):
        row = np.flatnonzero(batch["id"].to_numpy() == np.uint64(place))
        if len(row):
            text: str | None = batch["text"][int(row[0])].as_py()
            return text
    return None
