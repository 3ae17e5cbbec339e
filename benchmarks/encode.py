"""How fast documents of your own are encoded, by Tenfold and by sentencepiece itself, with the ids compared.

    python benchmarks/encode.py MODEL PATH... [--megabytes N]

MODEL is a SentencePiece model file. A PATH is a Parquet file (column `content` or `text`), a JSONL file (key `text`; .gz, .zst and
.bz2 too), or a folder of them. All encode the same documents in this process, one thread each; times are CPU seconds. Tenfold
encodes them twice: with nothing in its cache, then again. The packages kitoken and tokenizers are measured too where they are
installed; tokenizers gets the model's pieces as merges, by score.
"""

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq
import sentencepiece

from pipeline.kernels import string_buffers
from tokenization.encode import Tokenizer
from tokenization.vocabulary import BYTE, NORMAL, UNKNOWN, USER_DEFINED, read_model

BATCH_ROWS = 1024  # as in the job
COLD_BYTES = 20_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--megabytes", type=float, default=float("inf"), help="of text to read at most; default: all")
    args = parser.parse_args()
    model = args.model.read_bytes()
    batches = list(read_batches(args.paths, max_bytes=args.megabytes * 1e6))
    sizes = np.array([batch_bytes(batch) for batch in batches])
    if not sizes.sum():
        sys.exit("no text in these files")
    cold = np.cumsum(sizes) - sizes < COLD_BYTES
    print(f"{sum(map(len, batches)):,} documents, {sizes.sum() / 1e6:.1f} MB")

    Tokenizer(model).encode(pa.array(["this compiles the kernels, or loads them"]))
    start = time.process_time()
    tokenizer = Tokenizer(model)
    print(f"{'reading the model, proving the cuts':<44}{time.process_time() - start:>10.2f} s")
    ids, seconds = encode_all(batches, tokenizer.encode)
    again, again_seconds = encode_all(batches, tokenizer.encode)
    same = ids == again
    del again

    texts = [batch.to_pylist() for batch in batches]
    expected, of_sentencepiece = encode_all(texts, sentencepiece.SentencePieceProcessor(model_proto=model).encode)
    same &= same_documents(ids, expected) == sum(map(len, batches))
    first = f"the first {sizes[cold].sum() / 1e6:.0f} MB"
    for name, chosen, spent in (
        (f"sentencepiece, {first}", cold, of_sentencepiece),
        (f"Tenfold, {first}, cold", cold, seconds),
        ("sentencepiece, all", slice(None), of_sentencepiece),
        ("Tenfold, all", slice(None), seconds),
        ("Tenfold, all again, warm", slice(None), again_seconds),
    ):
        show(name, sizes[chosen], spent[chosen], of_sentencepiece[chosen])
    for name, encode in peers(args.model).items():
        others, spent = encode_all(texts, encode)
        show(name, sizes, spent, of_sentencepiece, f", {same_documents(ids, others):,} documents with the same ids")
    print(f"Tenfold's ids are {'those of sentencepiece in all documents, both times' if same else 'DIFFERENT from those of sentencepiece'}")
    sys.exit(not same)


def show(name: str, sizes: np.ndarray, seconds: np.ndarray, of_sentencepiece: np.ndarray, more: str = "") -> None:
    megabytes_per_second = sizes.sum() / 1e6 / seconds.sum()
    print(f"{name:<44}{megabytes_per_second:>10.1f} MB/s{of_sentencepiece.sum() / seconds.sum():>10.1f} x sentencepiece{more}")


def encode_all(batches: Sequence[Any], encode: Callable[[Any], Any]) -> tuple[list[Any], np.ndarray]:
    """Each batch's ids and CPU seconds."""
    ids, seconds = [], []
    for batch in batches:
        start = time.process_time()
        encoded = encode(batch)
        seconds.append(time.process_time() - start)
        # Compact, since lists of ids would take forty times the text's memory.
        ids.append(encoded if isinstance(encoded, pa.Array) else pa.array(encoded, pa.list_(pa.uint32())))
    return ids, np.array(seconds)


def same_documents(left: list[pa.ListArray], right: list[pa.ListArray]) -> int:
    wide = pa.list_(pa.uint32())
    pairs = ((a.cast(wide), b) for a, b in zip(left, right, strict=True))
    return sum(len(a) if a.equals(b) else sum(x.equals(y) for x, y in zip(a, b, strict=True)) for a, b in pairs)


def peers(model: Path) -> dict[str, Callable[[list[str]], list[list[int]]]]:
    found: dict[str, Callable[[list[str]], list[list[int]]]] = {}
    if importlib.util.find_spec("kitoken"):
        from kitoken import Kitoken

        kitoken = Kitoken.from_sentencepiece_file(str(model))
        found["kitoken"] = lambda texts: [kitoken.encode(text) for text in texts]
    if importlib.util.find_spec("tokenizers"):
        tokenizers = as_tokenizers(model.read_bytes())
        found["tokenizers"] = lambda texts: [tokenizers.encode(text, add_special_tokens=False).ids for text in texts]
    return found


def as_tokenizers(data: bytes) -> Any:
    from tokenizers import AddedToken, Tokenizer, models, normalizers

    model = read_model(data)
    names = [text.decode().replace(" ", "\u2581") for text in model.texts]
    ids = {name: id for id, name in enumerate(names)}
    pairs = [
        (-model.scores[id], ids[names[id][:i]], ids[names[id][i:]])
        for id in model.of_kind(NORMAL)
        for i in range(1, len(names[id]))
        if names[id][:i] in ids and names[id][i:] in ids
    ]
    merges = [(names[left], names[right]) for _, left, right in sorted(pairs)]
    unknown = names[model.of_kind(UNKNOWN)[0]]
    made = Tokenizer(models.BPE(ids, merges, unk_token=unknown, fuse_unk=True, byte_fallback=bool(model.of_kind(BYTE))))
    steps = [normalizers.Prepend("\u2581")] * model.add_dummy_prefix + [normalizers.Replace(" ", "\u2581")]
    made.normalizer = normalizers.Sequence(steps)
    made.add_tokens([AddedToken(names[id], normalized=False) for id in model.of_kind(USER_DEFINED)])
    return made


def read_batches(paths: list[Path], *, max_bytes: float) -> Iterator[pa.StringArray]:
    for texts in _texts(paths):
        for start in range(0, len(texts), BATCH_ROWS):
            batch = texts.slice(start, BATCH_ROWS)
            max_bytes -= batch_bytes(batch)
            if max_bytes < 0:
                return
            yield batch


def batch_bytes(batch: pa.StringArray) -> int:
    offsets = string_buffers(batch).offsets
    return int(offsets[-1] - offsets[0])


def _texts(paths: list[Path]) -> Iterator[pa.StringArray]:
    for path in paths:
        if path.is_dir():
            yield from _texts(sorted(path.iterdir()))
        elif path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                column = "content" if "content" in file.schema_arrow.names else "text"
                yield from (batch[column].drop_null() for batch in file.iter_batches(BATCH_ROWS, columns=[column]))
        elif {".jsonl", ".json"} & set(path.suffixes):
            with pa.input_stream(path, compression="detect") as stream:
                yield pj.read_json(stream, pj.ReadOptions(block_size=2**28))["text"].combine_chunks().drop_null()


if __name__ == "__main__":
    main()
