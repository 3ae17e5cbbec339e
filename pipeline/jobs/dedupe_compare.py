"""The first steps of dedupe: every document's priority, then the candidates of each partition of bands."""

from collections.abc import Callable, Iterable, Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import schema
from pipeline.dedup.bands import band_records, columns, record_type
from pipeline.dedup.lsh import bucket_edges
from pipeline.dedup.pairs import make_pairs
from pipeline.dedup.params import NearParams
from pipeline.dedup.priority import best_of_equal, put_last, ranks_in_source
from pipeline.dedup.signatures import binary_rows
from pipeline.jobs.block import Block, BlockWriter, blocks, read_arrays
from pipeline.jobs.dedupe_work import COMPARE, PARTITION_BYTES, RANK, Dedupe, UnitFiles, part_name, read_column, write_pairs
from pipeline.shards import committing, read_batches


class RankDocuments(beam.DoFn):
    """One worker: priorities of all documents, from 40 bytes each -> (index of a unit, nothing)."""

    def __init__(self, work: Dedupe) -> None:
        self._work = work

    def process(self, _: None) -> Iterator[tuple[int, None]]:
        work = self._work
        if not all(work.stands(RANK, unit.name) for unit in work.units):
            self._rank()
        for place in range(len(work.units)):
            yield place, None

    def _rank(self) -> None:
        units = self._work.units
        ends = np.cumsum([0, *(pq.read_metadata(unit.signatures).num_rows for unit in units)])
        rank = put_last(_ranks(units, ends, seed=self._work.config.seed), _removed(units, ends))
        node, _ = best_of_equal((_gather(units, ends, lambda unit: read_column(unit.signatures, "signature_hash")),), rank)
        hashes = _gather(units, ends, _text_hashes)
        first, copies = best_of_equal((hashes[0::2], hashes[1::2]), rank)
        for place, unit in enumerate(units):
            if not self._work.stands(RANK, unit.name):
                rows = slice(ends[place], ends[place + 1])
                self._write(unit.name, rank[rows], node[rows], first[rows], copies[rows])

    def _write(self, unit: str, rank: np.ndarray, node: np.ndarray, first: np.ndarray, copies: np.ndarray) -> None:
        with committing(self._work.workdir, RANK, item=unit, fingerprint=self._work.fingerprint) as outputs:
            values = [pa.array(rank, pa.int64()), pa.array(node, pa.int64()), pa.array(first != rank), pa.array(copies, pa.int64())]
            outputs.parquet("nodes", schema.NODES).write(pa.RecordBatch.from_arrays(values, schema=schema.NODES))


class BandBlocks(beam.DoFn):
    """A unit -> (partition, the band records of its nodes that fall into it)."""

    def __init__(self, work: Dedupe, spill: str | None) -> None:
        self._work, self._spill = work, spill

    def process(self, element: tuple[int, Iterable[None]]) -> Iterator[tuple[int, Block]]:
        work = self._work
        pending = [part for part in range(work.num_partitions) if not work.stands(COMPARE, part_name(part))]
        near = work.config.dedup.near
        if not pending or near is None:
            return
        unit = work.units[element[0]]
        if element[0] == 0:  # a partition that nobody sends to is written, too
            yield from ((part, Block()) for part in pending)
        with BlockWriter(unit.name, self._spill) as writer:
            for records in _band_records(unit.signatures, work.file("nodes", unit.name), near):
                yield from blocks(records, records["band_hash"] % np.uint64(work.num_partitions), pending, writer)


class CompareBuckets(beam.DoFn):
    """(partition, its blocks) -> its name, once its candidates are committed."""

    def __init__(self, work: Dedupe) -> None:
        self._work = work

    def process(self, element: tuple[int, Iterable[Block]]) -> Iterator[str]:
        partition, blocks = element
        work, near = self._work, self._work.config.dedup.near
        assert near is not None
        records = read_arrays(list(blocks), record_type(near))
        statistics, batches = bucket_edges(columns(records), params=near)
        with committing(work.workdir, COMPARE, item=part_name(partition), fingerprint=work.fingerprint) as outputs:
            shard = outputs.parquet("edges", schema.EDGES)
            write_pairs(shard, (make_pairs(found.high, found.low, found.similarity) for found in batches))
            outputs.counts.update({name: int(value) for name, value in vars(statistics).items()}, num_edges=shard.num_rows)
        yield part_name(partition)


def _gather(units: tuple[UnitFiles, ...], ends: np.ndarray, read: Callable[[UnitFiles], np.ndarray]) -> np.ndarray:
    """What every unit has of a column, joined without a second copy; as many values a document as the first unit has."""
    parts = (read(unit) for unit in units)
    values = np.empty(0, np.uint64)
    for part, start, end in zip(parts, ends[:-1], ends[1:], strict=True):
        each = len(part) // max(int(end - start), 1)
        if len(part) and not len(values):
            values = np.empty(each * ends[-1], np.uint64)
        values[each * start : each * end] = part
    return values


def _removed(units: tuple[UnitFiles, ...], ends: np.ndarray) -> np.ndarray:
    """Which documents an opt-out list names: what stands for others should not be what has to go."""
    removed = np.zeros(ends[-1], bool)
    for unit, start, end in zip(units, ends[:-1], ends[1:], strict=True):
        if unit.removals:
            removed[start:end] = np.isin(read_column(unit.signatures, "id"), read_column(unit.removals, "id"))
    return removed


def _ranks(units: tuple[UnitFiles, ...], ends: np.ndarray, *, seed: int) -> np.ndarray:
    """A source at a time: all its documents come after all of the source before."""
    rank = np.empty(ends[-1], np.uint32)
    for source in sorted({unit.source for unit in units}):
        own = [place for place, unit in enumerate(units) if unit.source == source]
        start, end = ends[own[0]], ends[own[-1] + 1]
        ids, stars, num_chars = (
            np.concatenate([read_column(units[place].signatures, name) for place in own]) for name in ("id", "stars", "num_chars")
        )
        rank[start:end] = ranks_in_source(ids, stars=stars, num_chars=num_chars, seed=seed) + np.uint32(start)
    return rank


def _text_hashes(unit: UnitFiles) -> np.ndarray:
    """uint64 [2 n]."""
    column = pq.read_table(unit.signatures, columns=["text_hash"])["text_hash"].combine_chunks()
    return binary_rows(column, np.uint64).ravel() if len(column) else np.empty(0, np.uint64)


def _band_records(signatures_file: str, nodes_file: str, near: NearParams) -> Iterator[np.ndarray]:
    """The band records of one unit's nodes, some PARTITION_BYTES of record_type at a time; a document that is not the best of its
    node sends none."""
    nodes = pq.read_table(nodes_file, columns=["rank", "node"])
    rank, node = nodes["rank"].to_numpy(), nodes["node"].to_numpy()
    max_rows = max(1, PARTITION_BYTES // (near.bands * record_type(near).itemsize))
    start = 0
    for batch in read_batches(signatures_file, ["signature"], max_rows=max_rows):
        rows = slice(start, start := start + batch.num_rows)
        best = rank[rows] == node[rows]
        yield band_records(binary_rows(batch["signature"], np.uint32)[best], node[rows][best], near)
