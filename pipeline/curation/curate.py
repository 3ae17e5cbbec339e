"""One batch of raw documents judged: what is kept, and a decision for every one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import schema
from pipeline.curation.judge import judge
from pipeline.curation.normalise import normalise
from pipeline.curation.steps import Step, rules_of
from pipeline.kernels import string_buffers


@dataclass(frozen=True)
class Curated:
    """`documents` (schema.DOCUMENTS) holds the kept rows of `decisions` (decision_schema), in their order."""

    documents: pa.RecordBatch
    decisions: pa.RecordBatch


def decision_schema(steps: Sequence[Step]) -> pa.Schema:
    """schema.DECISIONS and a column of float64 for each rule."""
    return pa.schema([*schema.DECISIONS, *(pa.field(rule.name, pa.float64()) for rule in rules_of(steps))])


def curate(raw: pa.RecordBatch, steps: Sequence[Step]) -> Curated:
    """Normalises the texts, takes them through the steps and decides.

    Args:
        raw: schema.RAW; rows with an `error` are broken and have no text.
    """
    # The steps see the readable rows alone; `back` puts their answers at the rows' own places, null for the broken ones.
    readable = pc.is_null(raw["error"])
    good = raw.filter(readable)
    texts = normalise(good["text"])
    judged = judge(_with_text(good, texts), steps)
    back = _places(readable)

    reason = pc.coalesce(raw["error"], judged.reason.take(back))
    verdict = pc.if_else(pc.is_valid(raw["error"]), schema.BROKEN, pc.if_else(pc.is_valid(reason), schema.DROPPED, schema.KEPT))
    columns = {name: raw[name] for name in ("id", "container", "row", "path", "repository", "language", "detail")} | {
        "verdict": verdict,
        "reason": reason,
        "licences": judged.batch["licences"].take(back),
        "num_bytes": pc.fill_null(pc.binary_length(raw["text"]).cast(pa.int64()), 0),
        "num_chars": pc.fill_null(pc.utf8_length(texts).cast(pa.int64()).take(back), 0),
        "sha256": _sha256(good["text"]).take(back),
        "findings": judged.findings.take(back),
    }
    columns |= {name: values.take(back) for name, values in judged.measured.items()}
    wanted = decision_schema(steps)
    decisions = pa.RecordBatch.from_arrays([columns[field.name].cast(field.type) for field in wanted], schema=wanted)
    kept = judged.batch.append_column("num_bytes", pc.binary_length(judged.batch["text"]).cast(pa.int64()))
    return Curated(kept.filter(pc.is_null(judged.reason)).select(schema.DOCUMENTS.names).cast(schema.DOCUMENTS), decisions)


def _sha256(texts: pa.StringArray) -> pa.FixedSizeBinaryArray:
    """Of each text's bytes, null where there is none."""
    offsets, data = string_buffers(texts)
    held = data.data
    digests = [hashlib.sha256(held[start:end]).digest() for start, end in pairwise(offsets.tolist())]
    return pa.array(digests, pa.binary(32), mask=texts.is_null().to_numpy(zero_copy_only=False))


def _with_text(batch: pa.RecordBatch, texts: pa.StringArray) -> pa.RecordBatch:
    return batch.set_column(batch.schema.get_field_index("text"), "text", texts)


def _places(mask: pa.BooleanArray) -> pa.Array:
    """For each row its place among the rows of the mask; null outside."""
    flags = mask.to_numpy(zero_copy_only=False)
    return pa.array(np.cumsum(flags) - 1, pa.int64(), mask=~flags)
