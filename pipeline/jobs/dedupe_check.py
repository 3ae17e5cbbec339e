"""The middle steps of dedupe: all candidates in order, and the exact similarity of those near the threshold.

Text stays where it is: a unit sends the shingles of the documents that are asked for, once to each partition that asks.
"""

from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import schema
from pipeline.dedup.jaccard import exact_similarity, shingle_sets
from pipeline.dedup.pairs import Pairs, ascending, make_pairs
from pipeline.dedup.params import NearParams
from pipeline.dedup.shingles import Shingles, shingle_hashes
from pipeline.dedup.texts import read_documents
from pipeline.dedup.undecided import deal, pairs_to_check
from pipeline.jobs.block import Block, BlockWriter, read_table, to_stream
from pipeline.jobs.dedupe_work import ALL, CHECK, CHOOSE, Dedupe, UnitFiles, check_name, read_column, read_pairs, scratch, write_pairs
from pipeline.shards import committing

_HALF, _LOW_HALF = np.uint64(32), np.uint64(2**32 - 1)
TEXTS_AT_ONCE = 4096  # documents whose shingles are in memory, a row group's at most


class ChoosePairs(beam.DoFn):
    """One worker: the candidates of all partitions -> `pairs/`, `checks/`, `wanted/`; -> (index of a unit, nothing).

    Memory: the pairs that are sorted at a time, those to be checked, and 2 bytes a document (with `cluster: component`, 5).
    """

    def __init__(self, work: Dedupe, spill: str | None) -> None:
        self._work, self._spill = work, spill

    def process(self, start: None, partitions: Iterable[str]) -> Iterator[tuple[int, None]]:
        work = self._work
        for _name in partitions:  # all are there before this begins
            pass
        if not work.stands(CHOOSE, ALL):
            self._sort()
        units = [unit.name for unit in work.units]
        if work.num_checks and not all(work.stands(CHOOSE, item) for item in (*work.checks, *units)):
            self._choose()
        for place in range(len(work.units)):
            yield place, None

    def _sort(self) -> None:
        work = self._work
        with (
            scratch(self._spill) as folder,
            committing(work.workdir, CHOOSE, item=ALL, fingerprint=work.fingerprint) as outputs,
        ):
            found = (pairs for part in work.parts for pairs in read_pairs(work.file("edges", part)))
            write_pairs(
                outputs.parquet("pairs", schema.EDGES), ascending(found, folder=folder, max_held=work.config.dedup.max_sorted_pairs)
            )

    def _choose(self) -> None:
        work, near, cluster = self._work, self._work.config.dedup.near, self._work.config.dedup.cluster
        assert near is not None
        undecided = pairs_to_check(work.num_documents, lambda: read_pairs(work.file("pairs", ALL)), near=near, cluster=cluster)
        pairs = undecided.pairs
        nodes = np.unique(np.concatenate([pairs.high, pairs.low]))
        partition = deal(pairs, nodes=nodes, text_sizes=self._text_sizes(nodes), num_partitions=work.num_checks)
        for part in range(work.num_checks):
            counts = {"num_near": undecided.num_near, "num_over": undecided.num_over} if part == 0 else {}
            self._write_check(part, pairs[partition == part], counts)
        wanted = np.unique(np.concatenate([pairs.high, pairs.low]).astype(np.uint64) << _HALF | np.tile(partition, 2).astype(np.uint64))
        for unit in work.units:
            self._write_wanted(unit.name, wanted >> _HALF, (wanted & _LOW_HALF).astype(np.int32))

    def _text_sizes(self, nodes: np.ndarray) -> np.ndarray:
        """int64 [len(nodes)]: characters."""
        sizes = np.zeros(len(nodes), np.int64)
        for unit in self._work.units:
            rows, places = _matches(read_column(self._work.file("nodes", unit.name), "rank"), nodes)
            sizes[places] = read_column(unit.signatures, "num_chars")[rows]
        return sizes

    def _write_check(self, part: int, pairs: Pairs, counts: dict[str, int]) -> None:
        if self._work.stands(CHOOSE, check_name(part)):
            return
        with committing(self._work.workdir, CHOOSE, item=check_name(part), fingerprint=self._work.fingerprint) as outputs:
            columns = [pa.array(pairs.high, pa.int64()), pa.array(pairs.low, pa.int64())]
            outputs.parquet("checks", schema.CHECKS).write(pa.RecordBatch.from_arrays(columns, schema=schema.CHECKS))
            outputs.counts.update(counts, num_checks=len(pairs))

    def _write_wanted(self, unit: str, nodes: np.ndarray, partitions: np.ndarray) -> None:
        if self._work.stands(CHOOSE, unit):
            return
        rows, places = _matches(read_column(self._work.file("nodes", unit), "rank"), nodes)
        values = zip((rows, nodes[places], partitions[places]), schema.WANTED, strict=True)
        with committing(self._work.workdir, CHOOSE, item=unit, fingerprint=self._work.fingerprint) as outputs:
            batch = pa.RecordBatch.from_arrays([pa.array(value, field.type) for value, field in values], schema=schema.WANTED)
            outputs.parquet("wanted", schema.WANTED).write(batch)


class SendShingles(beam.DoFn):
    """A unit -> (partition of checks, the shingles that it asks for)."""

    def __init__(self, work: Dedupe, spill: str | None) -> None:
        self._work, self._spill = work, spill

    def process(self, element: tuple[int, Iterable[None]]) -> Iterator[tuple[int, Block]]:
        work, near = self._work, self._work.config.dedup.near
        pending = [part for part in range(work.num_checks) if not work.stands(CHECK, check_name(part))]
        if not pending or near is None:
            return
        if element[0] == 0:  # a partition that nobody sends to is written, too
            yield from ((part, Block(inline=to_stream(pa.RecordBatch.from_pylist([], schema=schema.SHINGLES)))) for part in pending)
        unit = work.units[element[0]]
        wanted = pq.read_table(work.file("wanted", unit.name))
        wanted = wanted.filter(pa.array(np.isin(wanted["partition"].to_numpy(), pending)))
        if wanted.num_rows:
            with BlockWriter(f"{unit.name}-shingles", self._spill) as writer:
                for partition, shingles in _shingles(unit, wanted, near):
                    yield partition, writer.block(to_stream(shingles))


class CheckPairs(beam.DoFn):
    """(partition of checks, shingles) -> its name, once the exact similarities are committed."""

    def __init__(self, work: Dedupe) -> None:
        self._work = work

    def process(self, element: tuple[int, Iterable[Block]]) -> Iterator[str]:
        (partition, blocks), work, near = element, self._work, self._work.config.dedup.near
        assert near is not None
        table = read_table(list(blocks), schema.SHINGLES)
        lists, node = table["shingles"].combine_chunks(), table["node"].to_numpy()
        sets = Shingles(lists.values.to_numpy(), lists.offsets.to_numpy().astype(np.int64))
        checks = pq.read_table(work.file("checks", check_name(partition)))
        high, low = (checks[name].to_numpy() for name in schema.CHECKS.names)
        order = np.argsort(node)
        left, right = (order[np.searchsorted(node, nodes, sorter=order)] for nodes in (high, low))
        similarity = exact_similarity(sets, left=left, right=right)
        with committing(work.workdir, CHECK, item=check_name(partition), fingerprint=work.fingerprint) as outputs:
            write_pairs(outputs.parquet("verified", schema.EDGES), [make_pairs(high, low, similarity)])
            num_similar = int(np.count_nonzero(similarity >= np.float32(near.min_similarity)))
            outputs.counts.update(num_verified=len(high), num_similar=num_similar)
        yield check_name(partition)


def _matches(values: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (i, j) with values[i] == among[j], ascending; `among` ascends, and may repeat."""
    begin, end = np.searchsorted(among, values, "left"), np.searchsorted(among, values, "right")
    count = end - begin
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(np.arange(len(values)), count), np.repeat(begin, count) + within


def _shingles(unit: UnitFiles, wanted: pa.Table, near: NearParams) -> Iterator[tuple[int, pa.RecordBatch]]:
    """(partition, schema.SHINGLES of the documents that it asks for), some documents at a time."""
    row, node, partition = (wanted[name].to_numpy() for name in schema.WANTED.names)
    start = 0
    for batch in read_documents(unit.documents, unit.cuts, ["text"], max_rows=TEXTS_AT_ONCE):
        own = slice(*np.searchsorted(row, [start, start + batch.num_rows]))
        distinct, place = np.unique(row[own] - start, return_inverse=True)
        start += batch.num_rows
        if not len(distinct):
            continue
        texts = batch["text"].take(pa.array(distinct))
        sets = shingle_sets(shingle_hashes(texts, ngram_tokens=near.ngram_tokens, fold_case=unit.fold_case))
        lists = pa.ListArray.from_arrays(pa.array(sets.offsets, pa.int32()), pa.array(sets.hashes))
        for part in np.unique(partition[own]).tolist():
            asked = partition[own] == part
            columns = [pa.array(node[own][asked]), lists.take(pa.array(place[asked]))]
            yield part, pa.RecordBatch.from_arrays(columns, schema=schema.SHINGLES)
