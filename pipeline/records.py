"""One training sequence as bytes and back, and the manifest beside them: what pack and every trainer share.

A record is little-endian: the header below, then u32 segment_lengths[num_segments], then the sequence's tokens (u16, or u32
if flag 1 is set), then, if flag 2 is set, one bit a token (the first token is the lowest bit): whether it counts in the loss.
Segments fill a sequence from its start; what they leave is padding. Segment ids and positions are derived, not stored.

    S = 8, two documents:  tokens 1 7 7 2 1 9 2 0    segment_lengths 4 3
    segment_ids                   1 1 1 1 2 2 2 0
    positions                     0 1 2 3 0 1 2 0
"""

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.params import RunError

RECORD_VERSION = 1
# Group size 1: a trainer reads single records. The level is explicit, so that a shard's bytes don't hang on a library's default.
WRITER_OPTIONS = "group_size:1,zstd:3"

HEADER = np.dtype(
    [("version", "<u2"), ("flags", "<u2"), ("sequence_length", "<u4"), ("num_segments", "<u4"), ("source", "<u2"), ("phase", "<u2")]
)
WIDE_TOKENS, LOSS_BITS = 1, 2


@dataclass(frozen=True)
class Record:
    """tokens uint16|uint32 [S], segment_lengths uint32 [k], loss_bits bool [S] (None: every token of a segment counts)."""

    tokens: np.ndarray
    segment_lengths: np.ndarray
    source: int
    phase: int
    loss_bits: np.ndarray | None

    @property
    def segment_ids(self) -> np.ndarray:
        return segment_ids(self.segment_lengths, len(self.tokens))

    @property
    def positions(self) -> np.ndarray:
        return positions(self.segment_lengths, len(self.tokens))


def encode_records(
    tokens: np.ndarray,
    *,
    segment_lengths: np.ndarray,
    segment_offsets: np.ndarray,
    sources: np.ndarray,
    phases: np.ndarray,
    loss_bits: np.ndarray | None = None,
) -> list[bytes]:
    """Sequences as records.

    Args:
        tokens: uint16 (or uint32, where the vocabulary exceeds 65,536) [n, S].
        segment_lengths: integers [segment_offsets[-1]], all sequences' one after the other.
        segment_offsets: int64 [n + 1]; sequence i has the lengths from offset i to offset i + 1.
        sources: integers [n], indexes into the manifest's list.
        phases: integers [n].
        loss_bits: bool [n, S]; None: every token of a segment counts.
    Raises:
        ValueError: a dtype, a shape or a length that no record can hold.
    """
    _check_arrays(tokens, segment_lengths=segment_lengths, segment_offsets=segment_offsets, sources=sources, phases=phases)
    n, S = tokens.shape
    wide = tokens.dtype == np.uint32
    headers = np.zeros(n, HEADER)
    headers["version"] = RECORD_VERSION
    headers["flags"] = WIDE_TOKENS * wide + LOSS_BITS * (loss_bits is not None)
    headers["sequence_length"] = S
    headers["num_segments"] = np.diff(segment_offsets)
    headers["source"] = sources
    headers["phase"] = phases

    head = memoryview(headers.tobytes())
    lengths = memoryview(segment_lengths.astype("<u4").tobytes())
    body = memoryview(tokens.astype("<u4" if wide else "<u2", copy=False).tobytes())
    bits = memoryview(b"" if loss_bits is None else np.packbits(loss_bits, axis=1, bitorder="little").tobytes())
    h, t, b = HEADER.itemsize, S * tokens.dtype.itemsize, 0 if loss_bits is None else -(-S // 8)
    ends = (4 * np.asarray(segment_offsets)).tolist()
    return [
        b"".join((head[h * i : h * (i + 1)], lengths[ends[i] : ends[i + 1]], body[t * i : t * (i + 1)], bits[b * i : b * (i + 1)]))
        for i in range(n)
    ]


def _check_arrays(
    tokens: np.ndarray, *, segment_lengths: np.ndarray, segment_offsets: np.ndarray, sources: np.ndarray, phases: np.ndarray
) -> None:
    if tokens.ndim != 2 or tokens.dtype not in (np.uint16, np.uint32):
        raise ValueError(f"tokens must be uint16 or uint32 [n, S], not {tokens.dtype} {list(tokens.shape)}")
    n, S = tokens.shape
    if len(segment_offsets) != n + 1 or len(sources) != n or len(phases) != n:
        raise ValueError(f"{n} sequences, but {len(segment_offsets)} offsets, {len(sources)} sources, {len(phases)} phases")
    if segment_offsets[0] != 0 or segment_offsets[-1] != len(segment_lengths):
        raise ValueError(f"segment_offsets must run from 0 to {len(segment_lengths)}")
    if len(segment_lengths) and segment_lengths.min() < 1:
        raise ValueError("a segment has at least one token")
    totals = np.diff(np.concatenate(([0], np.cumsum(segment_lengths, dtype=np.int64)))[segment_offsets])
    if n and totals.max() > S:
        raise ValueError(f"sequence {int(totals.argmax())}: its segments sum to {totals.max()} tokens, over the {S} of a sequence")
    for name, values in (("sources", sources), ("phases", phases)):
        if n and not 0 <= values.min() <= values.max() < 1 << 16:
            raise ValueError(f"{name} must be in [0, 65535]")


def decode_record(data: bytes) -> Record:
    """The sequence that the record holds; its arrays are views of the bytes.

    Raises:
        RunError: the bytes are no record, or one of another version; the message says what is wrong.
    """
    if len(data) < HEADER.itemsize:
        raise RunError(f"truncated record: {len(data)} bytes, and the header alone takes {HEADER.itemsize}")
    version, flags, S, k, source, phase = np.frombuffer(data, HEADER, count=1)[0].item()
    if version != RECORD_VERSION:
        raise RunError(f"record version {version}, this reader knows {RECORD_VERSION}: pack again")
    if flags & ~(WIDE_TOKENS | LOSS_BITS):
        raise RunError(f"record flags {flags:#06x}: unknown bits are set")
    token_type = np.dtype("<u4" if flags & WIDE_TOKENS else "<u2")
    tokens_at = HEADER.itemsize + 4 * k
    bits_at = tokens_at + token_type.itemsize * S
    size = bits_at + (-(-S // 8) if flags & LOSS_BITS else 0)
    if len(data) != size:
        kind = "truncated record" if len(data) < size else "record with bytes to spare"
        raise RunError(f"{kind}: {len(data)} bytes, and its header (sequence_length {S}, num_segments {k}) asks for {size}")
    segment_lengths = np.frombuffer(data, "<u4", k, HEADER.itemsize)
    total = int(segment_lengths.sum(dtype=np.int64))
    if total > S or (k and not segment_lengths.min()):
        raise RunError(f"record with impossible segment_lengths: {k} of them sum to {total}, in a sequence of {S} tokens")
    tokens = np.frombuffer(data, token_type, S, tokens_at)
    if not flags & LOSS_BITS:
        return Record(tokens, segment_lengths, source, phase, None)
    bits = np.unpackbits(np.frombuffer(data, np.uint8, offset=bits_at), count=S, bitorder="little")
    return Record(tokens, segment_lengths, source, phase, bits.view(bool))


def segment_ids(segment_lengths: np.ndarray, sequence_length: int) -> np.ndarray:
    """int32 [S]: 1 for the first segment's tokens, 2 for the next, 0 for padding."""
    ids = np.zeros(sequence_length, np.int32)
    used = int(segment_lengths.sum(dtype=np.int64))
    ids[:used] = np.repeat(np.arange(1, len(segment_lengths) + 1, dtype=np.int32), segment_lengths)
    return ids


def positions(segment_lengths: np.ndarray, sequence_length: int) -> np.ndarray:
    """int32 [S]: a token's place in its segment; 0 for padding."""
    places = np.zeros(sequence_length, np.int32)
    ends = np.cumsum(segment_lengths, dtype=np.int64)
    used = int(ends[-1]) if len(ends) else 0
    places[:used] = np.arange(used) - np.repeat(ends - segment_lengths, segment_lengths)
    return places


class _Read(BaseModel):
    # A later writer may say more than this reader knows.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Shard(_Read):
    name: str
    num_rows: int
    num_bytes: int
    sha256: str


class SequencesManifest(_Read):
    """`sequences/manifest.json`, as far as a trainer needs it; `files` are in training order."""

    fingerprint: str
    record_version: int
    sequence_length: int
    vocab_size: int
    tokenizer: str
    special_ids: dict[str, int]
    sources: list[str]
    num_sequences: int
    num_sequences_by_source: dict[str, int]
    files: list[Shard]

    @property
    def shards(self) -> list[Shard]:
        """The ArrayRecord files, without their Parquet twins."""
        return [file for file in self.files if file.name.endswith(".arrayrecord")]


def parse_sequences_manifest(text: str | bytes) -> SequencesManifest:
    """The manifest, checked against itself and this reader.

    Raises:
        RunError: a field is missing or of another type; another record version; shards that don't add up.
    """
    try:
        manifest = SequencesManifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the whole"
        raise RunError(f"manifest of sequences: {field}: {first['msg']}") from error
    if manifest.record_version != RECORD_VERSION:
        raise RunError(f"manifest of sequences: record_version {manifest.record_version}, this reader knows {RECORD_VERSION}: pack again")
    num_rows = sum(shard.num_rows for shard in manifest.shards)
    if num_rows != manifest.num_sequences:
        raise RunError(f"manifest of sequences: its shards hold {num_rows} rows, num_sequences says {manifest.num_sequences}")
    return manifest
