"""The laws of the training stream: sequences/ and segments/ hold what tokens/ gave, once, in the order of the mixture."""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow.parquet as pq

from mixtures.schedule import Schedule, check_schedule
from mixtures.spec import shares
from pipeline import laws
from pipeline.params import LawBroken
from pipeline.report.check_documents import differences
from pipeline.report.check_files import Damaged
from pipeline.report.check_shards import Layout, ShardCheck
from pipeline.report.datasets import Run, add_counts, read_columns
from pipeline.report.fold import fold_chain, fold_runs


def check_stream(run: Run, *, damaged: Damaged, progress: Callable[[str], None]) -> list[str]:
    """
    Returns:
        a line a fault.
    """
    hurt = {dataset for dataset, _ in damaged}
    layout, faults = (None, []) if "positions" in hurt else _layout(run)
    shards = ShardCheck(run, layout)
    progress(f"training stream: {run.num_sequences:,} sequences in {len(run['segments'].files):,} shards")
    for file in run["segments"].files:
        held = [("segments", file.name), *(("sequences", other.name) for other in run["sequences"].files if other.item == file.item)]
        if not damaged.intersection(held):
            faults += shards.check(file.item)
    if faults or hurt & {"positions", "sequences", "segments"}:
        return faults
    faults = [*_counts(run, shards), *_mixture(run, shards), *_removals(run)]
    for number, source in enumerate(run.names):
        units = [unit for unit, of in run.units.items() if of == source]
        if _intact(run, units, damaged):
            packed = shards.counts["tokens"][source]
            progress(f"tokens of {source}: {packed:,} in sequences")
            faults += _tokens(run, source, units, packed=packed, fold=int(shards.folds[number]))
    return faults


def _intact(run: Run, units: list[str], damaged: Damaged) -> bool:
    """Whether tokens/ and runs/ of these units are there and whole."""
    files = [(dataset, run[dataset].by_item.get(unit)) for dataset in ("tokens", "runs") for unit in units]
    return all(file is not None and (dataset, file.name) not in damaged for dataset, file in files)


def _layout(run: Run) -> tuple[Layout | None, list[str]]:
    """positions/ as one list; every place of the stream is in it once."""
    layout = Layout(np.full(run.num_sequences, -1, np.int16), np.zeros(run.num_sequences, np.int64))
    for index, source in enumerate(run.names):
        if source not in run["positions"].by_item:
            return None, [f"positions/ has no file of the source {source}"]
        file = run["positions"].by_item[source]
        positions = read_columns(run.path("positions", file), ["position"])["position"].to_numpy()
        name, inside = f"positions/{file.name}", positions[(positions >= 0) & (positions < run.num_sequences)]
        if len(inside) < len(positions):
            return None, [f"{name}: {len(positions) - len(inside):,} positions are outside the stream of {run.num_sequences:,} sequences"]
        num_twice = len(positions) - len(np.unique(positions)) + int(np.count_nonzero(layout.source[positions] >= 0))
        if num_twice:
            return None, [f"{name}: {num_twice:,} of its {len(positions):,} positions are taken twice"]
        layout.source[positions], layout.number[positions] = index, np.arange(len(positions))
    num_free = int(np.count_nonzero(layout.source < 0))
    return (None, [f"positions/: {num_free:,} of {run.num_sequences:,} places of the stream have no source"]) if num_free else (layout, [])


def _counts(run: Run, shards: ShardCheck) -> Iterator[str]:
    """The manifests' counts of sequences, segments and tokens against the rows'."""
    for dataset in ("sequences", "segments"):
        said = {key: value for key, value in run[dataset].counts.items() if key != "sources"}
        yield from differences(f"{dataset}/manifest.json", said, shards.counts)
    extra, where = run["sequences"].extra, "sequences/manifest.json"
    yield from differences(where, {"num_sequences": extra["num_sequences"]}, {"num_sequences": shards.counts["num_sequences"]})
    yield from differences(f"{where}, num_sequences_by_source", extra["num_sequences_by_source"], shards.counts["sequences"])
    tokenizer = run["tokenizer"]
    for dataset, said in (("sequences", extra["tokenizer"]), ("tokenizer", tokenizer.extra["sha256"])):
        if said != tokenizer.files[0].sha256:
            yield f"{dataset}/manifest.json: the tokenizer is {said}, the model in tokenizer/ is {tokenizer.files[0].sha256}"


def _removals(run: Run) -> Iterator[str]:
    """The stream was packed without what removals/ names today; and its count is the rows'."""
    if run["sequences"].extra["removals"] != run["removals"].fingerprint:
        yield "sequences/ was packed with other removals/ than these: run pack again (tenfold run CONFIG does)"
    for source in run.sources:
        said = {"num_documents": run["removals"].counts.get(source, {}).get("num_documents", 0)}
        counted = {"num_documents": sum(len(run.removed(unit)) for unit, of in run.units.items() if of == source)}
        yield from differences(f"removals/manifest.json: {source}", said, counted)


def _mixture(run: Run, shards: ShardCheck) -> Iterator[str]:
    """The law of the mixture, on the sources that the records name; and deviation/ against it."""
    try:
        schedule = Schedule(tuple(run.names), shards.sources, np.array(run.phase_ends, np.int64))
        found = check_schedule(schedule, shares(run.mixture))
    except LawBroken as error:
        yield f"sequences/: {error}"
        return
    said = run["sequences"].extra["deviation"]
    if (said["worst"], said["source"], said["prefix"]) != (float(found.worst), found.source, found.prefix):
        told = f"{said['worst']} of {said['source']} after {said['prefix']:,}"
        seen = f"{float(found.worst)} of {found.source} after {found.prefix:,}"
        yield f"sequences/manifest.json: the worst deviation is {told}, the sequences show {seen}"
    file = run["deviation"].files[0]
    path = run.path("deviation", file)
    if pq.read_metadata(path).num_rows != found.lowest.size:
        yield f"deviation/{file.name}: {pq.read_metadata(path).num_rows:,} rows, measured {found.lowest.size:,}"
        return
    table = pq.read_table(path)
    for side, measured in (("lowest", found.lowest), ("highest", found.highest)):
        if not np.array_equal(table[side].to_numpy(), measured.ravel()):
            yield f"deviation/{file.name}: {side} is not what the sequences show"


def _tokens(run: Run, source: str, units: list[str], *, packed: int, fold: int) -> Iterator[str]:
    """Every token of every run is in the stream once, up to the cut; the runs follow one another."""
    special = run["sequences"].extra["special_ids"]
    bos, eos = (special[name] if getattr(run.packing, f"add_{name}") else -1 for name in ("bos", "eos"))
    (tokenized, trainable), given, chain, reach = _tokenized(run, units), 0, 0, 0
    for unit in units:
        file = run["runs"].by_item[unit]
        starts = read_columns(run.path("runs", file), ["starts"])["starts"].combine_chunks()
        tokens = read_columns(run.path("tokens", run["tokens"].by_item[unit]), ["id", "tokens"])
        ids, lists = tokens["id"].to_numpy(), tokens["tokens"].combine_chunks()
        num_epochs = -(-packed // trainable)
        if len(starts.values) != len(ids) * num_epochs or (starts.value_lengths().to_numpy() != num_epochs).any():
            yield f"runs/{file.name}: {len(starts.values):,} entries, {len(ids):,} documents x {num_epochs} epochs are wanted"
            return
        bounds = lists.offsets.to_numpy().astype(np.int64)
        lengths = np.diff(bounds) + run.packing.num_markers
        for epoch, start in enumerate(starts.values.to_numpy().reshape(len(ids), num_epochs).T):
            present = (start >= 0) & (lengths > 0)
            wrong = int(np.count_nonzero(start[present] // trainable != epoch))
            if wrong:
                yield f"runs/{file.name}: {wrong:,} runs of epoch {epoch} start outside of it"
                return
            ends = start[present] + lengths[present]
            chain = (chain + int(fold_chain(start[present], ends))) % 2**64
            reach = max(reach, int(ends.max(initial=0)))
            whole = np.ascontiguousarray(start)
            given = (given + int(fold_runs(lists.values.to_numpy(), bounds, ids, whole, epoch, bos, eos, packed))) % 2**64
    if chain != int(fold_chain(np.array([0]), np.array([reach]))) or reach < packed:
        yield f"runs/: the runs of {source} do not follow one another without a gap or an overlap, up to {packed:,} tokens"
    elif given != fold:
        yield f"sequences/: {source}: its {packed:,} tokens are not those that tokens/ and runs/ put there ({fold:016x}, not {given:016x})"
    yield from _law(run, source, tokenized, packed=packed, trainable=trainable)


def _tokenized(run: Run, units: list[str]) -> tuple[dict[str, int], int]:
    """What tokens/ holds of a source; and one epoch without what is removed, with BOS and EOS."""
    counts, trainable = {"num_documents": 0, "num_tokens": 0}, 0
    for unit in units:
        table = read_columns(run["tokens"].path(run.workdir, unit), ["id", "num_tokens"])
        lengths = table["num_tokens"].to_numpy()
        left = lengths[~np.isin(table["id"].to_numpy(), run.removed(unit))]
        add_counts(counts, {"num_documents": len(lengths), "num_tokens": int(lengths.sum(dtype=np.int64))})
        trainable += int(left.sum(dtype=np.int64)) + len(left) * run.packing.num_markers
    return counts, trainable


def _law(run: Run, source: str, tokenized: dict[str, int], *, packed: int, trainable: int) -> Iterator[str]:
    plan = run["sequences"].counts["sources"][source]
    if plan["trainable_tokens"] != trainable:
        yield f"sequences/manifest.json: {source}, trainable_tokens: it says {plan['trainable_tokens']:,}, the rows say {trainable:,}"
        return
    try:
        laws.check_trainable(source, tokenized, plan, num_markers=run.packing.num_markers)
        laws.check_packed(source, plan, packed, sequence_length=run.packing.sequence_length)
    except LawBroken as error:
        yield str(error)
