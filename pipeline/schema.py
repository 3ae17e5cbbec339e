"""The Arrow schema of every dataset: the contract between the jobs, on one page.

Datasets of one unit are co-partitioned: `documents/`, `decisions/`, `signatures/`, `survivors/` and `tokens/` of a unit hold
the same documents in the same order (`documents/`, `signatures/`, `survivors/`: the kept ones; `tokens/`: the survivors).
"""

import pyarrow as pa

# What a reader yields: one row an input document, in the order of its container. `error` is null, or the reason why the
# record is broken (`text` is null then) and `detail` says more. Ids: see pipeline/units.py.
RAW = pa.schema(
    [
        ("id", pa.uint64()),
        ("container", pa.string()),
        ("row", pa.int64()),
        ("text", pa.string()),
        ("path", pa.string()),
        ("repository", pa.string()),
        ("licences", pa.list_(pa.string())),
        ("language", pa.string()),
        ("stars", pa.int64()),
        ("root_licences", pa.list_(pa.string())),  # what the root of its repository says, where the curation asks for it
        ("error", pa.string()),
        ("detail", pa.string()),
    ]
)

# What the curation kept. The text is normalised, and edited by the steps.
DOCUMENTS = pa.schema(
    [
        ("id", pa.uint64()),
        ("text", pa.string()),
        ("num_bytes", pa.int64()),  # of the text, in UTF-8
        ("path", pa.string()),
        ("repository", pa.string()),
        ("licences", pa.list_(pa.string())),
        ("language", pa.string()),
        ("stars", pa.int64()),
    ]
)

# What the steps of the curation found where: a redacted address, a cut line, a benchmark's item. Spans are in code points of the text as
# it came into the step; `value`: an overlap or a score. Never a secret itself.
FINDINGS = pa.list_(
    pa.struct(
        [
            ("step", pa.string()),
            ("kind", pa.string()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("value", pa.float64()),
        ]
    )
)

# One row for every input document. The rules of the source add a column of float64 each, named after the rule
# (`gopher_quality_num_words`); null: not measured.
DECISIONS = pa.schema(
    [
        ("id", pa.uint64()),
        ("container", pa.string()),
        ("row", pa.int64()),
        ("path", pa.string()),
        ("repository", pa.string()),
        ("licences", pa.list_(pa.string())),  # all of them hold; as it was read, or as the step `licence` found
        ("language", pa.string()),
        ("verdict", pa.string()),  # kept | dropped | broken
        ("reason", pa.string()),  # the first rule that dropped it, or how it is broken; null: kept
        ("detail", pa.string()),  # what the reader could say of a broken record
        ("num_bytes", pa.int64()),  # of the text as it was read, in UTF-8; 0: broken
        ("num_chars", pa.int64()),  # of the normalised text, in code points; 0: broken
        ("sha256", pa.binary(32)),  # of the text as it was read, in UTF-8: of a file's bytes; null: broken
        ("findings", FINDINGS),  # null: none
    ]
)
KEPT, DROPPED, BROKEN = "kept", "dropped", "broken"

# The kept documents that an opt-out list names, and by which of its entries; `pack` leaves them out.
REMOVALS = pa.schema([("id", pa.uint64()), ("list", pa.string()), ("line", pa.int64()), ("entry", pa.string())])


def signatures(num_permutations: int) -> pa.Schema:
    """What dedupe compares; `signature` holds little-endian uint32s, and is not there where near-deduplication is off."""
    return pa.schema(
        [
            ("id", pa.uint64()),
            ("text_hash", pa.binary(16)),
            ("signature_hash", pa.uint64()),  # equal signatures; of the text where near-deduplication is off
            *([("signature", pa.binary(4 * num_permutations))] if num_permutations else []),  # Parquet has no empty ones
            ("repository", pa.uint64()),  # hash64 of the repository's name; 0: none
            ("stars", pa.int64()),
            ("num_chars", pa.int64()),
        ]
    )


# What is cut from the texts of prose before they are compared: common lines and runs. Co-partitioned with `documents/`, for the units
# that may lose any. Spans in bytes of the text in `documents/`, in order and apart.
CUTS = pa.schema([("id", pa.uint64()), ("starts", pa.list_(pa.int64())), ("ends", pa.list_(pa.int64()))])

SURVIVORS = pa.schema(
    [
        ("id", pa.uint64()),
        ("kept", pa.bool_()),
        ("duplicate_of", pa.uint64()),  # a kept document; null: kept itself, or dropped with its repository
        ("similarity", pa.float32()),  # to duplicate_of; 1: the same text or signature; null: no duplicate, or only joined over others
        ("is_exact", pa.bool_()),  # the similarity was counted from the shingles; false: it is the signatures' estimate
        ("component", pa.uint64()),  # the id of the best document of the cluster that edges join; its own: alone
        ("copies", pa.int64()),  # documents with the very same text, itself included
        # The repository (hash64 of its name) that its own is a fork of, if forks are dropped; null: it was not dropped for that.
        ("fork_of", pa.uint64()),
    ]
)

# Repositories most of whose documents another one has, the largest first.
FORKS = pa.schema(
    [
        ("repository", pa.string()),
        ("fork_of", pa.string()),
        ("num_documents", pa.int64()),  # that the curation kept
        ("num_duplicates", pa.int64()),  # of them, that fork_of has
        ("sources", pa.list_(pa.string())),  # that hold its documents
        ("repository_hash", pa.uint64()),  # as in signatures/
        ("fork_of_hash", pa.uint64()),
    ]
)

# Every document that dedupe compares, co-partitioned with `signatures/`. A rank is a place in the total order of priorities: 0 is the best.
NODES = pa.schema(
    [
        ("rank", pa.int64()),
        ("node", pa.int64()),  # the best rank among those with the same signature: they stand or fall together
        ("is_copy", pa.bool_()),  # a better one has the very same text
        ("copies", pa.int64()),
    ]
)

# Pairs of nodes; high < low: high has priority. `edges/` has the candidates of one partition of bands a file, with their similarities as
# estimated; `pairs/` all of them, ascending by (high, low), each once; `verified/` those near the threshold, with exact similarities.
EDGES = pa.schema([("high", pa.int64()), ("low", pa.int64()), ("similarity", pa.float32())])

# What is to be checked, a partition of pairs a file; and, co-partitioned with `documents/`, whose shingles go to which partition.
CHECKS = pa.schema([("high", pa.int64()), ("low", pa.int64())])
WANTED = pa.schema([("row", pa.int64()), ("node", pa.int64()), ("partition", pa.int32())])

# Blocks on their way to a check: each document's distinct shingles, ascending.
SHINGLES = pa.schema([("node", pa.int64()), ("shingles", pa.list_(pa.uint32()))])


def tokens(token_type: pa.DataType) -> pa.Schema:
    """The survivors' tokens, without BOS and EOS; `token_type` is uint16 where the vocabulary allows, else uint32."""
    return pa.schema(
        [
            ("id", pa.uint64()),
            ("tokens", pa.list_(token_type)),
            ("num_tokens", pa.int32()),
            ("num_bytes", pa.int64()),  # of the text
            ("component", pa.uint64()),
            ("repository", pa.uint64()),
            ("language", pa.string()),
        ]
    )


def sequences(token_type: pa.DataType, sequence_length: int) -> pa.Schema:
    """The Parquet twin of the ArrayRecord shards, row for row."""
    return pa.schema(
        [
            ("sequence", pa.int64()),  # its place in the training order
            ("source", pa.dictionary(pa.int16(), pa.string())),
            ("phase", pa.int16()),
            ("segment_lengths", pa.list_(pa.uint32())),
            ("tokens", pa.list_(token_type, sequence_length)),
        ]
    )


# Where each document's run starts in its source's stream, an entry an epoch (-1: beyond the budget); co-partitioned with `tokens/`.
RUNS = pa.schema([("id", pa.uint64()), ("starts", pa.list_(pa.int64()))])

# One source's stream: the place in the training order of its sequence number `i` (the row).
POSITIONS = pa.schema([("position", pa.int64())])

# How far each source is from its share, in sequences, over the training stream: the extremes of a bin of prefixes.
DEVIATION = pa.schema([("source", pa.string()), ("prefix", pa.int64()), ("lowest", pa.float64()), ("highest", pa.float64())])


# Where every packed token came from. A document's run in the stream is BOS, its tokens, EOS, as the packing params add them;
# `token_start` counts in that run.
SEGMENTS = pa.schema(
    [
        ("sequence", pa.int64()),
        ("segment", pa.int32()),
        ("id", pa.uint64()),
        ("source", pa.dictionary(pa.int16(), pa.string())),
        ("epoch", pa.int32()),
        ("token_start", pa.int64()),
        ("num_tokens", pa.int32()),
    ]
)
