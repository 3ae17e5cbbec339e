"""The laws of documents, unit by unit: the datasets of a unit hold the same documents in the same order, and the counts are the rows'."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import laws, schema
from pipeline.params import LawBroken
from pipeline.report.check_files import Damaged
from pipeline.report.datasets import Run, add_counts, read_columns

# Every dataset that has a file a unit; cuts/ and compared/ only of units that lose lines, removals/ if there are lists, runs/ where
# the source is in the mixture.
BY_UNIT = ("decisions", "documents", "signatures", "cuts", "compared", "nodes", "survivors", "tokens", "removals", "runs")
BATCH_ROWS = 1024
Counts = dict[str, Any]


def check_documents(run: Run, *, damaged: Damaged, progress: Callable[[str], None]) -> list[str]:
    """
    Returns:
        a line a fault.
    """
    faults = list(_misnamed(run))
    counted: dict[str, dict[str, Counts]] = {source: {"decisions": {}, "survivors": {}, "tokens": {}} for source in run.sources}
    partial: set[str] = set()
    has_forks = all(dataset != "forks" for dataset, _ in damaged)
    ids, kept_ids = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    for source in run.sources:
        units = [unit for unit, of in run.units.items() if of == source]
        progress(f"documents of {source}: {len(units):,} units")
        for unit in units:
            names = _names(run, unit)
            if names is None or not has_forks or any(entry in damaged for entry in names.items()):
                partial.add(source)
                continue
            check = Unit(run, unit, names)
            faults += check.faults()
            for dataset, counts in (("decisions", check.curated), ("survivors", check.deduped), ("tokens", check.tokenized)):
                add_counts(counted[source][dataset], counts)
            ids.append(check.ids)
            kept_ids.append(check.kept_ids)
    for source in sorted(set(run.sources) - partial):
        faults += _totals(run, source, counted[source])
    every, kept = np.sort(np.concatenate(ids)), np.sort(np.concatenate(kept_ids))
    twice = int(np.count_nonzero(every[1:] == every[:-1]))
    if twice:
        faults.append(f"decisions/: {twice:,} of {len(every):,} document ids occur more than once")
    if not partial:
        progress(f"duplicates: {len(every):,} documents, {len(kept):,} survivors")
        faults += [fault for unit in run.units for fault in _dangling(run, unit, kept)]
    return faults


def _misnamed(run: Run) -> Iterator[str]:
    """Units without a file, and files without a unit."""
    for dataset in BY_UNIT:
        wanted = {unit for unit in run.units if _has_file(run, dataset, unit)}
        held = set(run[dataset].by_item)
        if dataset == "runs":
            held &= set(run.units)  # its job plans more than units
        for unit in sorted(wanted - held):
            yield f"{dataset}/ has no file of the unit {unit}"
        for unit in sorted(held - wanted):
            yield f"{dataset}/{run[dataset].by_item[unit].name} is of the unit {unit}, which decisions/ does not know"


def _has_file(run: Run, dataset: str, unit: str) -> bool:
    if dataset in ("cuts", "compared", "removals"):
        return unit in run[dataset].extra["units"]
    return dataset != "runs" or run.units[unit] in run.groups


def _names(run: Run, unit: str) -> dict[str, str] | None:
    """The unit's files by dataset; None: one is missing."""
    wanted = [dataset for dataset in BY_UNIT if _has_file(run, dataset, unit)]
    if any(unit not in run[dataset].by_item for dataset in wanted):
        return None
    return {dataset: run[dataset].by_item[unit].name for dataset in wanted}


class Unit:
    """One unit's files, read side by side.

    Attributes:
        curated, deduped, tokenized: the counts that the manifests give by source.
        ids: of every document; kept_ids: of the survivors.
    """

    def __init__(self, run: Run, unit: str, names: dict[str, str]) -> None:
        self._run, self._unit, self._names = run, unit, names
        decisions = self._read("decisions", ["id", "verdict", "reason", "num_bytes"])
        self.ids = decisions["id"].to_numpy()
        self._verdicts = decisions["verdict"]
        kept = pc.fill_null(pc.equal(decisions["verdict"], schema.KEPT), False).to_numpy()
        self._curated_ids = self.ids[kept]
        self._document_ids, self._document_bytes, self._text_faults = self._documents()
        survivors = self._read("survivors", ["id", "kept", "duplicate_of", "fork_of"])
        self._survivor_ids, self._kept = survivors["id"].to_numpy(), survivors["kept"].to_numpy()
        self._has_keeper = pc.is_valid(survivors["duplicate_of"]).to_numpy()
        self._fork_of = pc.fill_null(survivors["fork_of"], 0).to_numpy()
        self._origin = run.forks.origin(self._read("signatures", ["repository"])["repository"].to_numpy())
        self.kept_ids = self._survivor_ids[self._kept]
        self._is_copy = self._read("nodes", ["is_copy"])["is_copy"].to_numpy()
        self._tokens = self._read("tokens", ["id", "num_tokens", "num_bytes"])
        self.curated = self._count_curated(decisions, kept)
        self.deduped = self._count_deduped()
        self.tokenized = {
            "num_documents": self._tokens.num_rows,
            "num_bytes": int(self._tokens["num_bytes"].to_numpy().sum()),
            "num_tokens": int(self._tokens["num_tokens"].to_numpy().sum(dtype=np.int64)),
        }

    def faults(self) -> Iterator[str]:
        known = (schema.KEPT, schema.DROPPED, schema.BROKEN)
        strange = int(pc.sum(pc.invert(pc.is_in(self._verdicts, pa.array(known)))).as_py() or 0)
        if strange:
            yield f"{self._place('decisions')}: {strange:,} verdicts are none of {', '.join(known)}"
        yield from self._text_faults
        yield from self._same("documents", self._document_ids, "decisions", self._curated_ids)
        for dataset in ("signatures", "cuts", "compared", "survivors"):
            if dataset in self._names:
                yield from self._same(dataset, self._read(dataset, ["id"])["id"].to_numpy(), "documents", self._document_ids)
        yield from self._same("tokens", self._tokens["id"].to_numpy(), "survivors", self.kept_ids)
        if "removals" in self._names:
            yield from self._removals()
        if "runs" in self._names:
            yield from self._same("runs", self._read("runs", ["id"])["id"].to_numpy(), "tokens", self._tokens["id"].to_numpy())
        wrong = int(np.count_nonzero(self._kept.astype(np.int8) + self._has_keeper + (self._fork_of != 0) != 1))
        if wrong:
            yield f"{self._place('survivors')}: {wrong:,} documents are not one of kept, duplicate and dropped with a fork"
        yield from self._forked()
        yield from self._lengths()

    def _forked(self) -> Iterator[str]:
        """Where forks are dropped, what is in them falls for what forks/ says, and nothing else does."""
        params = self._run["survivors"].params["forks"]
        wanted = self._origin if params and params["drop"] else np.zeros_like(self._origin)
        if len(wanted) == len(self._fork_of):
            wrong = int(np.count_nonzero(self._fork_of != wanted))
            if wrong:
                yield f"{self._place('survivors')}: fork_of of {wrong:,} documents is not what forks/ says of their repositories"

    def _removals(self) -> Iterator[str]:
        """removals/ names documents that are there, and no run of theirs is packed."""
        ids = self._run.removed(self._unit)
        strange = ids[~np.isin(ids, self._document_ids)]
        if len(strange):
            yield f"{self._place('removals')}: {len(strange):,} documents are not in documents/, such as {strange[0]}"
        if "runs" in self._names and len(ids):
            runs = self._read("runs", ["id", "starts"])
            packed = pc.list_parent_indices(runs["starts"].combine_chunks()).filter(
                pc.greater_equal(runs["starts"].combine_chunks().flatten(), 0)
            )
            wrong = np.intersect1d(runs["id"].take(packed).to_numpy(), ids)
            if len(wrong):
                yield f"{self._place('runs')}: {len(wrong):,} documents of removals/ are packed, such as {wrong[0]}: run pack again"

    def _documents(self) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """The ids and num_bytes of documents/, whose texts are read a batch at a time."""
        ids, sizes, wrong, empty = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], 0, [np.empty(0, np.uint64)]
        file = pq.ParquetFile(self._run.path("documents", self._run["documents"].by_item[self._unit]))
        for batch in file.iter_batches(BATCH_ROWS, columns=["id", "text", "num_bytes"]):
            ids.append(batch["id"].to_numpy())
            sizes.append(batch["num_bytes"].to_numpy())
            wrong += int(pc.sum(pc.not_equal(pc.binary_length(batch["text"]), batch["num_bytes"])).as_py() or 0)
            empty.append(batch["id"].filter(batch["text"].is_null()).to_numpy())
        faults = list(self._purged("documents", np.concatenate(empty)))
        if wrong:
            faults.append(f"{self._place('documents')}: num_bytes of {wrong:,} documents is not the length of their text")
        return np.concatenate(ids), np.concatenate(sizes), faults

    def _purged(self, dataset: str, empty: np.ndarray) -> Iterator[str]:
        """Only what removals/ names may have been emptied."""
        lost = empty[~np.isin(empty, self._run.removed(self._unit))]
        if len(lost):
            yield f"{self._place(dataset)}: {len(lost):,} documents are empty that removals/ does not name, such as {lost[0]}"

    def _lengths(self) -> Iterator[str]:
        """tokens/: num_tokens against the lists, token ids against the vocabulary, num_bytes against documents/."""
        file = pq.ParquetFile(self._run.path("tokens", self._run["tokens"].by_item[self._unit]))
        largest, wrong, empty = -1, 0, [np.empty(0, np.uint64)]
        for batch in file.iter_batches(BATCH_ROWS, columns=["id", "tokens", "num_tokens"]):
            wrong += int(pc.sum(pc.not_equal(batch["tokens"].value_lengths(), batch["num_tokens"])).as_py() or 0)
            largest = max(largest, pc.max(batch["tokens"].flatten()).as_py() or 0)
            empty.append(batch["id"].filter(batch["tokens"].is_null()).to_numpy())
        yield from self._purged("tokens", np.concatenate(empty))
        if wrong:
            yield f"{self._place('tokens')}: num_tokens of {wrong:,} documents is not the number of their tokens"
        vocab_size = self._run["tokenizer"].extra["vocab_size"]
        if largest >= vocab_size:
            yield f"{self._place('tokens')}: a token is {largest:,}, the vocabulary has {vocab_size:,}"
        if len(self._kept) == len(self._document_bytes) and self._tokens.num_rows == len(self.kept_ids):
            left = self._document_bytes - self._cut_bytes()
            wrong = int(np.count_nonzero(self._tokens["num_bytes"].to_numpy() != left[self._kept]))
            if wrong:
                yield f"{self._place('tokens')}: num_bytes of {wrong:,} documents is not that of documents/ less that of cuts/"

    def _cut_bytes(self) -> np.ndarray:
        """int64, what cuts/ takes from each document; all of nothing where it holds other documents."""
        lost = np.zeros(len(self._document_bytes), np.int64)
        if "cuts" in self._names:
            spans = self._read("cuts", ["starts", "ends"])
            lengths = pc.list_value_length(spans["starts"]).to_numpy()
            taken = pc.list_flatten(spans["ends"]).to_numpy() - pc.list_flatten(spans["starts"]).to_numpy()
            rows = np.repeat(np.arange(len(lengths)), lengths)
            if len(lengths) == len(lost):
                np.add.at(lost, rows, taken)
        return lost

    def _same(self, left: str, left_ids: np.ndarray, right: str, right_ids: np.ndarray) -> Iterator[str]:
        """The documents of `left` are those that `right` gave it, in their order."""
        if len(left_ids) != len(right_ids):
            yield f"{self._place(left)}: {len(left_ids):,} documents, {self._place(right)} gave it {len(right_ids):,}"
        elif not np.array_equal(left_ids, right_ids):
            row = int(np.flatnonzero(left_ids != right_ids)[0])
            yield f"{self._place(left)}: row {row:,} is document {left_ids[row]}, {self._place(right)} has {right_ids[row]} in its place"

    def _count_curated(self, decisions: pa.Table, kept: np.ndarray) -> Counts:
        counts: Counts = {
            "num_documents": decisions.num_rows,
            "num_kept": int(kept.sum()),
            "num_bytes": pc.sum(decisions["num_bytes"]).as_py() or 0,
            "kept_bytes": int(self._document_bytes.sum()),
        }
        for verdict in (schema.DROPPED, schema.BROKEN):
            reasons = decisions.filter(pc.equal(decisions["verdict"], verdict))["reason"].value_counts().to_pylist()
            counts[verdict] = {str(entry["values"]): entry["counts"] for entry in reasons}
        return counts

    def _count_deduped(self) -> Counts:
        """Without the copies and near-duplicates where nodes/ has other rows."""
        counts: Counts = {"num_documents": len(self._kept), "num_survivors": int(self._kept.sum())}
        is_forked = self._fork_of != 0
        counts |= {"num_forked": int(is_forked.sum()), "num_in_forks": int(np.count_nonzero(self._origin))}
        if len(self._is_copy) == len(self._kept):
            fell = ~self._kept & ~is_forked
            counts |= {"num_copies": int((fell & self._is_copy).sum()), "num_near_duplicates": int((fell & ~self._is_copy).sum())}
        return counts

    def _read(self, dataset: str, columns: list[str]) -> pa.Table:
        return read_columns(self._run.path(dataset, self._run[dataset].by_item[self._unit]), columns)

    def _place(self, dataset: str) -> str:
        return f"{dataset}/{self._names[dataset]}"


def _totals(run: Run, source: str, counted: dict[str, Counts]) -> Iterator[str]:
    """The manifests' counts against the rows', then the laws on the rows'."""
    for dataset in ("documents", "decisions", "signatures", "survivors", "tokens"):
        own = counted["decisions" if dataset in ("documents", "signatures") else dataset]
        yield from differences(f"{dataset}/manifest.json: {source}", run[dataset].counts.get(source, {}), own)
    for law in (
        lambda: laws.check_documents(source, counted["decisions"]),
        lambda: laws.check_survivors(source, counted["decisions"], counted["survivors"]),
        lambda: laws.check_tokenized(source, counted["survivors"], counted["tokens"]),
    ):
        try:
            law()
        except LawBroken as error:
            yield str(error)


def differences(where: str, said: Counts, counted: Counts) -> Iterator[str]:
    """A line for each count of a manifest that the rows don't bear out; what is missing is 0."""
    for key in sorted(said.keys() | counted.keys()):
        left, right = said.get(key, 0), counted.get(key, 0)
        if isinstance(left, dict) or isinstance(right, dict):
            yield from differences(f"{where}, {key}", left or {}, right or {})
        elif left != right:
            yield f"{where}, {key}: it says {left:,}, the rows say {right:,}"


def _dangling(run: Run, unit: str, kept: np.ndarray) -> Iterator[str]:
    """Duplicates of a document that is not kept."""
    file = run["survivors"].by_item[unit]
    targets = read_columns(run.path("survivors", file), ["duplicate_of"])["duplicate_of"].drop_null().to_numpy()
    places = np.minimum(np.searchsorted(kept, targets), max(len(kept) - 1, 0))
    lost = targets[kept[places] != targets] if len(kept) else targets
    if len(lost):
        yield f"survivors/{file.name}: {len(lost):,} documents duplicate one that is not kept, such as {lost[0]}"
