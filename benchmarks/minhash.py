"""MinHash signatures of your documents, by Tenfold and by datasketch: megabytes of text a second of one core.

    python benchmarks/minhash.py PATH... [--column text] [--megabytes 8] [--fold-case]

A PATH is a Parquet file, a JSONL file (.gz, .zst and .bz2 too), or a folder of them. Both sides cut the same documents into the
same shingles and make signatures of the same permutations, in this process, one thread each; times are CPU seconds, the best of
`--repeats`. datasketch runs as its documentation advises for many documents (`MinHash.bulk`), with its default hash function and
with CRC-32, the fastest that Python brings.
"""

import argparse
import re
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq
from datasketch import MinHash

from pipeline.dedup.minhash import minhash_signatures
from pipeline.dedup.params import NearParams
from pipeline.dedup.shingles import Shingles, shingle_hashes

COLUMNS = ("text", "content")
TOKEN = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")
JSONL = (".jsonl", ".json")


def read_documents(paths: list[Path], *, column: str | None, max_bytes: int) -> pa.Array:
    """The first documents, whole, up to max_bytes of text."""
    texts: list[str] = []
    left_bytes = max_bytes
    for text in _texts(paths, column):
        left_bytes -= len(text.encode())
        if left_bytes < 0 and texts:
            break
        texts.append(text)
    return pa.array(texts, pa.string())


def _texts(paths: list[Path], column: str | None) -> Iterator[str]:
    for path in paths:
        if path.is_dir():
            yield from _texts(sorted(p for p in path.rglob("*") if p.suffix == ".parquet" or set(p.suffixes) & set(JSONL)), column)
        elif path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                name = _column(file.schema_arrow.names, column, path)
                for batch in file.iter_batches(1024, columns=[name]):
                    yield from filter(None, batch[name].to_pylist())
        else:
            with pa.input_stream(path, compression="detect") as stream:
                table = pyarrow.json.read_json(stream, pyarrow.json.ReadOptions(block_size=2**26))
            yield from filter(None, table[_column(table.column_names, column, path)].to_pylist())


def _column(names: list[str], wanted: str | None, path: Path) -> str:
    for name in [wanted] if wanted else COLUMNS:
        if name in names:
            return name
    sys.exit(f"{path} has no column {wanted or ' or '.join(COLUMNS)}: name one with --column ({', '.join(names)})")


def cpu_seconds(run: Callable[[], object], *, repeats: int) -> float:
    def once() -> float:
        start = time.process_time()
        run()
        return time.process_time() - start

    return min(once() for _ in range(repeats))


def datasketch_shingles(data: bytes, *, ngram_tokens: int, fold_case: bool) -> list[bytes]:
    tokens = TOKEN.findall(data.lower() if fold_case else data)
    return [b" ".join(tokens[i : i + ngram_tokens]) for i in range(max(1, len(tokens) - ngram_tokens + 1))]


def datasketch_signatures(shingles: Shingles, params: NearParams) -> list[MinHash]:
    """From our shingle hashes, so that nothing but the signatures is timed."""
    documents = np.split(shingles.hashes, shingles.offsets[1:-1])
    return MinHash.bulk(documents, num_perm=params.num_permutations, seed=params.seed, hashfunc=lambda h: h)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--column", help=f"of the text; default: {' or '.join(COLUMNS)}")
    parser.add_argument("--megabytes", type=float, default=8, help="of text to read at most; default: 8")
    parser.add_argument("--fold-case", action="store_true", help="for prose")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()

    params = NearParams()
    cut = {"ngram_tokens": params.ngram_tokens, "fold_case": args.fold_case}
    texts = read_documents(args.paths, column=args.column, max_bytes=int(args.megabytes * 1e6))
    if not len(texts):
        sys.exit("no text in these files")
    encoded = [text.encode() for text in texts.to_pylist()]
    num_megabytes = sum(map(len, encoded)) / 1e6
    shingles = shingle_hashes(texts, **cut)  # compiles the kernels, as the next line does: not timed
    signatures = minhash_signatures(shingles, params)
    print(f"{len(texts)} documents, {num_megabytes:.1f} MB, {len(shingles.hashes)} shingles, {params.num_permutations} permutations")

    def speed(name: str, run: Callable[[], object]) -> float:
        megabytes_per_second = num_megabytes / cpu_seconds(run, repeats=args.repeats)
        print(f"{name:<44}{megabytes_per_second:>10.2f} MB/s")
        return megabytes_per_second

    def bulk(**kwargs: Callable) -> list[MinHash]:
        documents = (datasketch_shingles(data, **cut) for data in encoded)
        return MinHash.bulk(documents, num_perm=params.num_permutations, seed=params.seed, **kwargs)

    ours = speed("Tenfold, text to signatures", lambda: minhash_signatures(shingle_hashes(texts, **cut), params))
    peers = [
        speed("datasketch, text to signatures, SHA-1", bulk),
        speed("datasketch, text to signatures, CRC-32", lambda: bulk(hashfunc=zlib.crc32)),
    ]
    print(f"{'ratio to the faster':<44}{ours / max(peers):>10.1f}")
    ours = speed("Tenfold, shingle hashes to signatures", lambda: minhash_signatures(shingles, params))
    peer = speed("datasketch, shingle hashes to signatures", lambda: datasketch_signatures(shingles, params))
    print(f"{'ratio':<44}{ours / peer:>10.1f}")
    same = np.array_equal(signatures, [minhash.hashvalues for minhash in datasketch_signatures(shingles, params)])
    print(f"signatures are {'equal, bit for bit' if same else 'DIFFERENT'}")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
