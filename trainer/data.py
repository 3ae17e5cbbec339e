"""Batches in training order, straight from the shards: the order of the files is the order of training.

No shuffle and no repeat: the mixture's schedule and its epochs are in the stream already. A step's batch is a function of the
step's number alone, so that number is all the state that a checkpoint needs.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import grain
import numpy as np

from pipeline.params import RunError, UsageError
from pipeline.records import SequencesManifest, decode_record, parse_sequences_manifest
from trainer.config import TrainParams

# numpy's on the host, JAX's inside a step; this module needs no JAX.
Array = Any


class Batch(NamedTuple):
    """B sequences of S tokens."""

    tokens: Array  # int32 [B, S]
    segments: Array  # int32 [B, S]; 0: padding
    positions: Array  # int32 [B, S], from 0 in each segment
    counted: Array  # bool [B, S]: whether the loss may ask for the token
    sources: Array  # int32 [B]


@dataclass(frozen=True)
class Stream:
    """The shards of a manifest as batches."""

    manifest: SequencesManifest
    folder: str
    params: TrainParams

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in the shards; sequences after the last are left out."""
        return self.manifest.num_sequences // self.params.batch_sequences

    @property
    def steps(self) -> int:
        return self.params.steps or self.steps_per_epoch * self.params.epochs_over_shards

    def sequences_of(self, step: int) -> range:
        """The places, in training order, of the sequences of a step (the first is 0)."""
        start = step % self.steps_per_epoch * self.params.batch_sequences
        return range(start, start + self.params.batch_sequences)

    def batches(self, start_step: int) -> Iterator[Batch]:
        """The batches of the steps from `start_step` to the last."""
        shards = [_Whole(os.path.join(self.folder, shard.name), shard.num_rows) for shard in self.manifest.shards if shard.num_rows]
        examples = grain.MapDataset.source(grain.sources.ArrayRecordDataSource(shards)).map_with_index(self._example)
        batches = examples.batch(self.params.batch_sequences, drop_remainder=True, batch_fn=_stack).repeat(self.params.epochs_over_shards)
        options = grain.ReadOptions(num_threads=self.params.reading_threads, prefetch_buffer_size=2 * self.params.reading_threads)
        return iter(batches.slice(slice(start_step, self.steps)).to_iter_dataset(options))

    def _example(self, index: int, data: bytes) -> Batch:
        try:
            record = decode_record(data)
        except RunError as error:
            raise RunError(f"sequence {index} in {self.folder}: {error}") from error
        manifest, place = self.manifest, f"sequence {index} in {self.folder}"
        if len(record.tokens) != manifest.sequence_length:
            raise RunError(f"{place}: {len(record.tokens)} tokens, sequence_length in the manifest is {manifest.sequence_length}")
        if record.tokens.max() >= manifest.vocab_size:
            raise RunError(f"{place}: token {record.tokens.max()}, vocab_size in the manifest is {manifest.vocab_size}")
        if record.source >= len(manifest.sources):
            raise RunError(f"{place}: source {record.source}, sources in the manifest number {len(manifest.sources)}")
        segments = record.segment_ids
        counted = segments > 0 if record.loss_bits is None else record.loss_bits & (segments > 0)
        return Batch(record.tokens.astype(np.int32), segments, record.positions, counted, np.int32(record.source))


@dataclass(frozen=True)
class _Whole:
    """What array_record calls a file instruction. With it a run opens a shard when its turn comes, not all of them at the start."""

    filename: str
    take: int
    skip: int = 0

    @property
    def examples_in_shard(self) -> int:
        return self.take


def _stack(examples: Sequence[Batch]) -> Batch:
    return Batch(*(np.stack(column) for column in zip(*examples, strict=True)))


def open_stream(folder: str, params: TrainParams) -> Stream:
    """The stream of a `sequences/` folder, refused if it is not what its manifest or the config says.

    Raises:
        UsageError: no manifest, or a field of the config that differs from the manifest's; more steps than the data has.
        RunError: a broken manifest; a shard that is missing or of another size.
    """
    path = os.path.join(folder, "manifest.json")
    try:
        with open(path, "rb") as file:
            manifest = parse_sequences_manifest(file.read())
    except FileNotFoundError as error:
        raise UsageError(f"no manifest at {path}: pack the sequences first (`tenfold run`)") from error
    _check_config(manifest, params)
    for shard in manifest.shards:
        _check_size(os.path.join(folder, shard.name), shard.num_bytes)
    stream = Stream(manifest, folder, params)
    _check_length(stream)
    return stream


def _check_config(manifest: SequencesManifest, params: TrainParams) -> None:
    wanted = {"sequence_length": params.sequence_length, "tokenizer": params.tokenizer, "vocab_size": params.sizes.vocab_size}
    for field, value in wanted.items():
        given = getattr(manifest, field)
        if value is not None and value != given:
            name = "trainer.model.vocab_size" if field == "vocab_size" else f"trainer.{field}"
            raise UsageError(f"{name} is {json.dumps(value)}, the manifest of the sequences says {json.dumps(given)}")


def _check_size(path: str, num_bytes: int) -> None:
    try:
        size = os.path.getsize(path)
    except FileNotFoundError as error:
        raise RunError(f"{path} is in the manifest and not on disk: copy it again or pack again") from error
    if size != num_bytes:
        raise RunError(f"{path}: num_bytes is {size}, the manifest says {num_bytes}: copy it again or pack again")


def _check_length(stream: Stream) -> None:
    params, available = stream.params, stream.steps_per_epoch * stream.params.epochs_over_shards
    if not stream.steps_per_epoch:
        num_sequences = stream.manifest.num_sequences
        raise UsageError(f"trainer.batch_sequences is {params.batch_sequences}, the data has {num_sequences} sequences: lower it")
    if stream.steps > available:
        raise UsageError(
            f"trainer.steps is {params.steps}, the data ends after {available} steps of {params.batch_sequences} sequences: "
            f"lower it, pack a larger budget, or raise trainer.epochs_over_shards (the mixture's own epochs are in the stream already)"
        )
    if params.warmup_steps >= stream.steps:
        raise UsageError(f"trainer.warmup_steps is {params.warmup_steps}, the run has {stream.steps} steps: lower it")
