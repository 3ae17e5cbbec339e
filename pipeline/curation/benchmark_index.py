"""A benchmark's n-grams as one file, and several such files as a table to look n-grams up in.

The file is Parquet, a row a string: its item, its field, how long it is and its n-grams as hashes; the text itself is not in it.
A *card* in the file's metadata says how it was made and from what.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field, ValidationError

from pipeline import storage
from pipeline.curation.benchmark_items import BenchmarkParams, BenchmarkString, read_strings
from pipeline.curation.grams import Grams, Kind, gram_hashes
from pipeline.curation.normalise import normalise
from pipeline.curation.overlap import MAX_NGRAM_TOKENS, GramTable, gram_table
from pipeline.params import Params, UsageError
from pipeline.shards import sha256

_CARD = b"tenfold_benchmark"
_VERSION = 1  # of what a hash is made of

SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("field", pa.string()),
        ("num_tokens", pa.int64()),
        ("ngram_tokens", pa.int64()),  # fewer than the card's: the string is shorter
        ("ngrams", pa.list_(pa.uint64())),  # ascending, each once
    ]
)


class IndexParams(Params):
    """What of the strings is compared.

    Attributes:
        ngram_tokens: tokens of an n-gram.
        min_short_tokens: a string of fewer tokens than an n-gram, but at least that many, is compared as a whole.
        max_items: an n-gram that stands in more items is boilerplate (imports, the words that begin every question, the frame of
            every test) and left out.

    Source: 10-grams, and exact strings of 3 to 9: DeepSeek-Coder (Guo et al. 2024, 2401.14196).
    """

    ngram_tokens: int = Field(10, ge=2, le=MAX_NGRAM_TOKENS)
    min_short_tokens: int = Field(3, ge=1)
    max_items: int = Field(10, ge=1)


def index_params(**given: int | None) -> IndexParams:
    """Raises UsageError: a number that can't be."""
    try:
        return IndexParams(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(f"{first['loc'][0]}: {first['input']!r}: {first['msg']}") from error


def build_index(paths: Sequence[str], out: str, *, benchmark: BenchmarkParams, params: IndexParams) -> dict[str, Any]:
    """Reads a benchmark's items and writes their index; the same files give the same bytes.

    Returns:
        the card.
    Raises:
        UsageError: as `read_strings`; no string has an n-gram of its own.
    """
    rows, counts = index_strings(read_strings(paths, benchmark), kind=benchmark.kind, params=params)
    if not len(rows):
        raise UsageError(f"{', '.join(paths)}: no string of {counts['num_items']:,} items can be told from the others: lower ngram_tokens")
    inputs = [{"bytes": storage.stat(path).num_bytes, "sha256": sha256(path)} for path in paths]
    card = {"version": _VERSION, **benchmark.model_dump(mode="json"), **params.model_dump(), **counts, "inputs": inputs}
    metadata = {_CARD: json.dumps(card, ensure_ascii=False, indent=1).encode()}
    with storage.committing(out) as temporary:
        pq.write_table(pa.Table.from_batches([rows]).replace_schema_metadata(metadata), temporary, compression="zstd")
    return card


def index_strings(strings: Sequence[BenchmarkString], *, kind: Kind, params: IndexParams) -> tuple[pa.RecordBatch, dict[str, Any]]:
    """The rows (SCHEMA) of the strings that can be found, and counts for the card.

    Of strings with the same tokens the first stands for all. A short one, and an n-gram, that more than `max_items` items have
    is left out, and so are n-grams of numbers alone (0, 1, 2, 3, ... stands everywhere); `items_left_out` names the items of
    which nothing is left.
    """
    n, texts = params.ngram_tokens, pa.array([string.text for string in strings], pa.string())
    grams = gram_hashes(normalise(texts), kind=kind, ngram_tokens=n)
    names, items = np.unique([string.item for string in strings], return_inverse=True)
    least = np.where([string.is_long for string in strings], n, min(params.min_short_tokens, n))
    wanted = np.flatnonzero(grams.num_tokens >= least)
    _, first, same = np.unique(grams.text_hashes[wanted], return_index=True, return_inverse=True)
    num_items = _num_items(same, items[wanted])
    first = np.sort(first[(grams.num_tokens[wanted[first]] >= n) | (num_items <= params.max_items)])

    chosen = wanted[first]
    sets = [_distinctive(grams, i) for i in chosen]
    hashes = np.concatenate([np.empty(0, np.uint64), *sets])
    owners = np.repeat(np.arange(len(sets)), [len(own) for own in sets])
    _, places = np.unique(hashes, return_inverse=True)
    is_common = _num_items(places, items[chosen][owners]) > params.max_items
    stays = ~is_common[places]
    num_grams = np.bincount(owners[stays], minlength=len(sets))
    ends = np.concatenate([[0], np.cumsum(num_grams)])
    columns = {
        "item": pa.array([strings[i].item for i in chosen], pa.string()),
        "field": pa.array([strings[i].field for i in chosen], pa.string()),
        "num_tokens": pa.array(grams.num_tokens[chosen], pa.int64()),
        "ngram_tokens": pa.array(np.minimum(grams.num_tokens[chosen], n), pa.int64()),
        "ngrams": pa.LargeListArray.from_arrays(ends, pa.array(hashes[stays])).cast(SCHEMA.field("ngrams").type),
    }
    rows = pa.RecordBatch.from_pydict(columns, schema=SCHEMA).filter(pa.array(num_grams > 0))
    is_found = np.isin(same, same[first[num_grams > 0]])  # as such, or as another with the same tokens
    counts = {
        "num_items": len(names),
        "num_strings": rows.num_rows,
        "num_ngrams": int((~is_common).sum()),
        "num_common_ngrams": int(is_common.sum()),
        "strings_by_field": dict(sorted(Counter(rows["field"].to_pylist()).items())),
        "items_left_out": np.delete(names, np.unique(items[wanted[is_found]])).tolist(),
    }
    return rows, counts


def _distinctive(grams: Grams, text: int) -> np.ndarray:
    """The n-grams of a text that are not numbers alone, ascending, each once."""
    own = slice(grams.offsets[text], grams.offsets[text + 1])
    return np.unique(grams.hashes[own][~grams.is_numeric[own]])


def _num_items(groups: np.ndarray, items: np.ndarray) -> np.ndarray:
    """How many different items each group has, int64 [num_groups]; both arrays say it of one member each."""
    order = np.lexsort((items, groups))
    groups, items = groups[order], items[order]
    is_new = np.append(True, (np.diff(groups) != 0) | (np.diff(items) != 0))[: len(groups)]
    return np.bincount(groups[is_new])


@dataclass(frozen=True)
class Index:
    """Strings of one kind of tokens, of one or more benchmarks: what finds them, and the item of each."""

    kind: Kind
    table: GramTable
    items: pa.StringArray


def read_card(path: str) -> dict[str, Any]:
    """What an index says of itself.

    Raises:
        UsageError: the file is missing, or no index.
    """
    return _read(path)[1]


@cache
def load_indexes(paths: tuple[str, ...]) -> tuple[Index, ...]:
    """The indexes as one of each kind, once a process.

    Raises:
        UsageError: a file is missing, or no index.
    """
    read = [_read(path) for path in paths]
    loaded = []
    for kind in sorted({card["kind"] for _, card in read}):
        rows = pa.concat_tables([table for table, card in read if card["kind"] == kind]).combine_chunks()
        grams = rows["ngrams"].combine_chunks()
        table = gram_table(grams.flatten().to_numpy(), pc.list_value_length(grams).to_numpy(), lengths=rows["ngram_tokens"].to_numpy())
        loaded.append(Index(kind, table, rows["item"].combine_chunks()))
    return tuple(loaded)


def _read(path: str) -> tuple[pa.Table, dict[str, Any]]:
    try:
        with storage.open_read(path) as stream:
            table = pq.read_table(stream)
    except (OSError, pa.ArrowInvalid) as error:
        raise UsageError(f"{path}: {error}: make an index with `tenfold benchmarks build`") from error
    card = json.loads((table.schema.metadata or {}).get(_CARD, b"{}"))
    if card.get("version") != _VERSION:
        raise UsageError(f"{path}: no index that this version of Tenfold can use: make it anew with `tenfold benchmarks build`")
    return table.cast(SCHEMA), card
