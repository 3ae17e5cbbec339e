"""What the manifests' counts don't say: figures taken from the rows, a file at a time."""

import tempfile
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq

from pipeline import schema
from pipeline.report.datasets import Run, add_counts, read_columns

# Prefixes at which the deviation is drawn: more would not show on a page.
NUM_BINS = 200
# Rows of a source's table of licences: shards name thousands of combinations.
NUM_LICENCES = 30
# Of the table of forks.
NUM_FORKS = 20
# The joins of the largest runs spill to disk over this.
MEMORY_LIMIT = "1GB"


class Histogram:
    """Counts of non-negative integers by powers of two: {0}, {1}, {2, 3}, {4 .. 7} and so on."""

    def __init__(self) -> None:
        self._num = np.zeros(65, np.int64)
        self._total = np.zeros(65, np.int64)

    def add(self, values: np.ndarray) -> None:
        bins = np.frexp(values.astype(np.float64))[1]  # the number of bits, exact for what a float64 holds
        self._num += np.bincount(bins, minlength=65)
        np.add.at(self._total, bins, values.astype(np.int64))

    def rows(self) -> list[dict[str, int]]:
        """The bins from the first to the last that has entries: the least value, how many, and what they sum to."""
        held = np.flatnonzero(self._num)
        bins = range(held[0], held[-1] + 1) if held.size else ()
        return [{"from": 1 << k >> 1, "count": int(self._num[k]), "sum": int(self._total[k])} for k in bins]


def document_rows(run: Run, source: str) -> dict[str, Any]:
    """Lengths of a source's documents in tokens, without BOS and EOS, and how packing cut them.

    Returns:
        lengths: a Histogram's rows; num_long_documents: those longer than a sequence; num_packed_documents; num_runs: documents
        times epochs; num_cut_runs: those that lie in more than one sequence, or reach over the stream's end.
    """
    lengths = Histogram()
    counts = dict.fromkeys(("num_long_documents", "num_packed_documents", "num_runs", "num_cut_runs"), 0)
    sequence_length, markers = run.packing.sequence_length, run.packing.num_markers
    cut = run["sequences"].extra["num_sequences_by_source"].get(source, 0) * sequence_length
    for file in run.files("tokens", source):
        num_tokens = read_columns(run.path("tokens", file), ["num_tokens"])["num_tokens"].to_numpy()
        lengths.add(num_tokens)
        counts["num_long_documents"] += int(np.count_nonzero(num_tokens + markers > sequence_length))
        if source in run.groups:
            counts["num_packed_documents"] += _count_runs(run, file.item, num_tokens + markers, cut, counts)
    return counts | {"lengths": lengths.rows()}


def _count_runs(run: Run, unit: str, lengths: np.ndarray, cut: int, counts: dict[str, int]) -> int:
    """Adds a unit's runs to the counts; the documents that have one."""
    starts = read_columns(run["runs"].path(run.workdir, unit), ["starts"])["starts"].combine_chunks()
    num_epochs = len(starts.values) // max(len(lengths), 1)
    start = starts.values.to_numpy().reshape(len(lengths), num_epochs)
    packed = (start >= 0) & (lengths > 0)[:, None]
    end = start + lengths[:, None]
    size = run.packing.sequence_length
    counts["num_runs"] += int(np.count_nonzero(packed))
    counts["num_cut_runs"] += int(np.count_nonzero(packed & ((start // size != (end - 1) // size) | (end > cut))))
    return int(np.count_nonzero(packed.any(axis=1)))


def segment_rows(run: Run) -> dict[str, Any]:
    """By source: num_segments, segment_lengths and segments_per_sequence (a Histogram's rows each)."""
    lengths, per_sequence = ({name: Histogram() for name in run.names} for _ in range(2))
    for file in run["segments"].files:
        table = read_columns(run.path("segments", file), ["sequence", "source", "num_tokens"])
        column = table["source"].combine_chunks()
        source, held = column.indices.to_numpy(), column.dictionary.to_pylist()
        num_tokens, sequence = table["num_tokens"].to_numpy(), table["sequence"].to_numpy()
        first = np.flatnonzero(np.diff(sequence, prepend=-1))
        num_segments = np.diff(np.append(first, len(sequence)))
        for index, name in enumerate(held):
            lengths[name].add(num_tokens[source == index])
            per_sequence[name].add(num_segments[source[first] == index])
    made = {name: (lengths[name].rows(), per_sequence[name].rows()) for name in run.names}
    return {
        name: {"num_segments": sum(row["count"] for row in held), "segment_lengths": held, "segments_per_sequence": per}
        for name, (held, per) in made.items()
    }


def phase_rows(run: Run) -> dict[str, list[int]]:
    """The sequences of each phase, by source."""
    ends = np.array([0, *run.phase_ends])
    counts = {}
    for name in run.names:
        counts[name] = np.histogram(_positions(run, name), ends)[0].tolist()
    return counts


def first_prefix(run: Run) -> int:
    """The shortest prefix whose shares are worth a figure: one sequence is always all of one source."""
    return -(-run.num_sequences // 100)


def share_range(run: Run, sources: list[str]) -> tuple[float, float]:
    """The least and the greatest share that these sources together have at any prefix from `first_prefix` on."""
    first, last = first_prefix(run), run.num_sequences
    positions = np.sort(np.concatenate([_positions(run, name) for name in sources]))
    # The share falls until just before one of their sequences, and is highest just after it.
    before = positions[positions >= first]
    after = positions[positions + 1 >= first]
    low, high = np.append(before, last), np.append(after + 1, first)
    return float((np.searchsorted(positions, low) / low).min()), float((np.searchsorted(positions, high) / high).max())


def _positions(run: Run, name: str) -> np.ndarray:
    return read_columns(run["positions"].path(run.workdir, name), ["position"])["position"].to_numpy()


def duplicate_rows(run: Run) -> list[dict[str, Any]]:
    """How many documents of each source (`dropped`) fell for one that another, or the same, source kept (`kept`)."""
    with tempfile.TemporaryDirectory() as spill:
        base = duckdb.connect(config={"threads": 2, "memory_limit": MEMORY_LIMIT, "temp_directory": spill})
        base.execute("create table kept (id ubigint, source integer); create table dropped (id ubigint, source integer)")
        for index, source in enumerate(run.sources):
            files = [run.path("survivors", file) for file in run.files("survivors", source)]
            if files:
                base.execute("insert into kept select id, $1 from read_parquet($2) where kept", [index, files])
                base.execute("insert into dropped select duplicate_of, $1 from read_parquet($2) where not kept", [index, files])
        found = base.execute(
            "select dropped.source, kept.source, count(*) from dropped join kept using (id) group by all order by all"
        ).fetchall()
        base.close()
    return [{"dropped": run.sources[i], "kept": run.sources[j], "num_documents": count} for i, j, count in found]


def licence_rows(run: Run, source: str) -> list[dict[str, Any]]:
    """How many documents of a source are under which licences, kept or not, the most first; `licences` null: nobody says any.

    At most NUM_LICENCES rows, and one of all others; empty: no document of the source has one.
    """
    files = [run.path("decisions", file) for file in run.files("decisions", source)]
    if not files:
        return []
    names = ("licences", "num_documents", "num_bytes", "num_kept", "kept_bytes")
    found = duckdb.execute(
        """
        select nullif(array_to_string(licences, ', '), ''), count(*), sum(num_bytes)::bigint,
               count(*) filter (verdict = $2), coalesce(sum(num_bytes) filter (verdict = $2), 0)::bigint
        from read_parquet($1) where verdict <> $3 group by 1 order by 2 desc, 1
        """,
        [files, schema.KEPT, schema.BROKEN],
    ).fetchall()
    if all(licences is None for licences, *_ in found):
        return []
    if others := found[NUM_LICENCES:]:
        found = found[:NUM_LICENCES] + [(f"{len(others):,} others", *(sum(column) for column in list(zip(*others, strict=True))[1:]))]
    return [dict(zip(names, row, strict=True)) for row in found]


def fork_rows(run: Run) -> dict[str, Any]:
    """num_forks and the `largest`, NUM_FORKS at most: schema.FORKS without the hashes."""
    files = run["forks"].files
    table = pq.read_table(run.path("forks", files[0])) if files else schema.FORKS.empty_table()
    largest = table.slice(0, NUM_FORKS).drop_columns(["repository_hash", "fork_of_hash"])
    return {"num_forks": table.num_rows, "largest": largest.to_pylist()}


def removal_rows(run: Run) -> list[dict[str, Any]]:
    """What opt-out lists name: by source and list the documents, and those of `tokens/` among them with their tokens."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for file in (file for file in run["removals"].files if file.num_rows):
        source, named = run.units[file.item], pq.read_table(run.path("removals", file), columns=["id", "list"])
        tokens = read_columns(run["tokens"].path(run.workdir, file.item), ["id", "num_tokens"])
        ids, lists = named["id"].to_numpy(), np.array(named["list"].to_pylist(), object)
        for name in dict.fromkeys(lists):
            gone = np.isin(tokens["id"].to_numpy(), ids[lists == name])
            counts = {
                "num_documents": int((lists == name).sum()),
                "num_tokenized": int(gone.sum()),
                "num_tokens": int(tokens["num_tokens"].to_numpy()[gone].sum(dtype=np.int64)),
            }
            add_counts(found.setdefault((source, name), {"source": source, "list": name}), counts)
    return list(found.values())


def deviation_rows(run: Run) -> dict[str, Any]:
    """The extremes of each source's deviation in at most NUM_BINS bins of prefixes: `prefix`, and by source `lowest` and `highest`."""
    table = pq.read_table(run.path("deviation", run["deviation"].files[0]))
    source = np.array(table["source"].to_pylist(), object)
    curves: dict[str, Any] = {"prefix": [], "sources": {}}
    for name in run.names:
        prefix, lowest, highest = (table[column].to_numpy()[source == name] for column in ("prefix", "lowest", "highest"))
        starts = np.arange(0, len(prefix), max(1, -(-len(prefix) // NUM_BINS)))
        curves["prefix"] = prefix[np.append(starts[1:], len(prefix)) - 1].tolist()
        extremes = {"lowest": np.minimum.reduceat(lowest, starts), "highest": np.maximum.reduceat(highest, starts)}
        curves["sources"][name] = {side: np.round(values, 4).tolist() for side, values in extremes.items()}
    return curves
