"""One shard of the training stream as what is written: records, their Parquet twin, and its counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline import schema
from pipeline.packing.sequential import Assembled
from pipeline.records import encode_records


@dataclass(frozen=True)
class Shard:
    """Sequences in training order.

    Attributes:
        first: the training position of the first one.
        names: the sources by their numbers in records.
        phase_ends: the position after each phase's last sequence.
    """

    assembled: Assembled
    first: int
    names: tuple[str, ...]
    phase_ends: Sequence[int]

    @property
    def num_sequences(self) -> int:
        return len(self.assembled.tokens)

    @cached_property
    def sources(self) -> np.ndarray:
        """int16 [num_sequences]; all segments of a sequence have one source, so its first one's."""
        indices = self.assembled.segments["source"].indices.to_numpy()
        return indices[self.assembled.segment_offsets[:-1]].astype(np.int16)

    @cached_property
    def phases(self) -> np.ndarray:
        """int16 [num_sequences]"""
        return np.searchsorted(self.phase_ends, self.first + np.arange(self.num_sequences), side="right").astype(np.int16)

    def records(self) -> list[bytes]:
        """What ArrayRecord holds."""
        parts = self.assembled
        return encode_records(
            parts.tokens,
            segment_lengths=parts.segment_lengths,
            segment_offsets=parts.segment_offsets,
            sources=self.sources,
            phases=self.phases,
        )

    def twin(self) -> pa.RecordBatch:
        """The same as schema.sequences."""
        parts = self.assembled
        tokens = pa.array(parts.tokens.ravel())
        columns = [
            pa.array(self.first + np.arange(self.num_sequences)),
            pa.DictionaryArray.from_arrays(pa.array(self.sources), pa.array(self.names, pa.string())),
            pa.array(self.phases),
            pa.ListArray.from_arrays(pa.array(parts.segment_offsets.astype(np.int32)), pa.array(parts.segment_lengths)),
            pa.FixedSizeListArray.from_arrays(tokens, parts.tokens.shape[1]),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema.sequences(tokens.type, parts.tokens.shape[1]))

    def counts(self) -> dict[str, Any]:
        """Sequences, segments and tokens, by source, counted in what is written."""
        segments = self.assembled.segments
        by_segment = segments["source"].indices.to_numpy()
        tokens = np.zeros(len(self.names), np.int64)
        np.add.at(tokens, by_segment, segments["num_tokens"].to_numpy())
        sequences = np.bincount(self.sources, minlength=len(self.names))
        return {
            "num_sequences": self.num_sequences,
            "num_segments": segments.num_rows,
            "sequences": dict(zip(self.names, sequences.tolist(), strict=True)),
            "tokens": dict(zip(self.names, tokens.tolist(), strict=True)),
        }
