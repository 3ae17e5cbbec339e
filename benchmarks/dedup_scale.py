"""How dedupe grows: seconds, CPU seconds and memory of the whole job on made documents of which 30 % are near-duplicates.

    python benchmarks/dedup_scale.py WORKDIR [--documents 100000 1000000 10000000] [--workers 2] [--plot docs/dedup_scale.svg]

A document has 80 words; a near-duplicate is another one with one, two or three words changed (a Jaccard similarity of about 0.88, 0.77
and 0.67), so a third of them lie just below the threshold and many have to be checked exactly. Texts and signatures are made first,
with the real kernels, and not timed. WORKDIR needs some 4.5 kB a document, and is removed afterwards. Memory is that of all processes.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import yaml
from run import Meter
from scale_plot import scale_plot

from pipeline import schema
from pipeline.config import load_config
from pipeline.dedup.params import NearParams
from pipeline.dedup.signatures import signatures
from pipeline.jobs.curate import signature_params
from pipeline.jobs.workspace import collect, commit_datasets
from pipeline.shards import committing

WORDS, LETTERS, NUM_WORDS = 1 << 16, 6, 80
DUPLICATE_FRACTION = 0.3
UNIT_DOCUMENTS, BATCH_DOCUMENTS = 100_000, 10_000


def make_texts(rng: np.random.Generator, vocabulary: np.ndarray, num_documents: int) -> pa.Array:
    """The last 30 % are edited copies of others before them, as they would lie in a corpus of versions."""
    words = rng.integers(0, WORDS, (num_documents, NUM_WORDS), np.int32)
    first = num_documents - int(DUPLICATE_FRACTION * num_documents)
    words[first:] = words[rng.integers(0, first, num_documents - first)]
    for row in range(first, num_documents):
        places = rng.choice(NUM_WORDS, rng.integers(1, 4), replace=False)
        words[row, places] = rng.integers(0, WORDS, len(places))
    data = vocabulary[words].reshape(-1)
    offsets = np.arange(num_documents + 1, dtype=np.int32) * (NUM_WORDS * (LETTERS + 1))
    return pa.StringArray.from_buffers(num_documents, pa.py_buffer(offsets), pa.py_buffer(data))


def make_corpus(config: str, num_documents: int) -> None:
    """documents/ and signatures/ as curate would leave them."""
    params = load_config(config)
    near = params.dedup.near
    rng = np.random.default_rng(7)
    vocabulary = np.full((WORDS, LETTERS + 1), ord(" "), np.uint8)
    vocabulary[:, :LETTERS] = rng.integers(ord("a"), ord("z") + 1, (WORDS, LETTERS))
    units = [f"synthetic-{unit:05d}" for unit in range(-(-num_documents // UNIT_DOCUMENTS))]
    kept_bytes = 0
    for unit, name in enumerate(units):
        with committing(params.workdir, "curate", item=name, fingerprint="made") as outputs:
            documents = outputs.parquet("documents", schema.DOCUMENTS)
            compared = outputs.parquet("signatures", schema.signatures(near.num_permutations if near else 0))
            for start in range(unit * UNIT_DOCUMENTS, min(num_documents, (unit + 1) * UNIT_DOCUMENTS), BATCH_DOCUMENTS):
                texts = make_texts(rng, vocabulary, min(BATCH_DOCUMENTS, num_documents - start))
                columns = {"id": pa.array(np.arange(start, start + len(texts)), pa.uint64()), "text": texts}
                values = [columns.get(field.name, pa.nulls(len(texts), field.type)) for field in schema.DOCUMENTS]
                batch = pa.RecordBatch.from_arrays(values, schema=schema.DOCUMENTS)
                documents.write(batch)
                compared.write(signatures(batch, near, fold_case=False))
                kept_bytes += len(texts) * NUM_WORDS * (LETTERS + 1)
    done = collect(params.workdir, "curate", [(name, "made") for name in units])
    counts = {"synthetic": {"num_documents": num_documents, "num_kept": num_documents, "kept_bytes": kept_bytes}}
    extra = {"units": dict.fromkeys(units, "synthetic"), "signature_params": signature_params(params)}
    whole = {"fingerprint": "made", "params": {}, "counts": counts, "extra": extra}
    commit_datasets(params.workdir, "curate", ["documents", "decisions", "signatures"], done=done, whole=whole)


def measure(workdir: Path, num_documents: int, *, workers: int) -> dict[str, float]:
    shutil.rmtree(workdir, ignore_errors=True)
    workdir.mkdir(parents=True)
    config = workdir / "config.yaml"
    values = {
        "workdir": str(workdir),
        "sources": {"synthetic": {"path": "/nowhere", "kind": "code"}},
        "dedup": {"near": NearParams().model_dump()},
        "mixture": {"groups": {"all": {"weight": 1, "sources": {"synthetic": 1}}}},
    }
    config.write_text(yaml.safe_dump(values))
    make_corpus(str(config), num_documents)
    meter, command = Meter(), [sys.executable, "-m", "pipeline.cli", "dedupe", str(config), "--workers", str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    seconds = meter.watch(process)
    if process.returncode:
        sys.exit("dedupe failed")
    manifest = json.loads((workdir / "survivors/manifest.json").read_text())
    shutil.rmtree(workdir)
    return {
        "documents": num_documents,
        "seconds": seconds,
        "cpu_seconds": sum(meter.cpu_seconds.values()),
        "peak_bytes": meter.peak_bytes,
        "fell": manifest["counts"]["synthetic"]["num_near_duplicates"],
        "checked": manifest["checks"]["num_verified"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("--documents", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--plot", type=Path, help="an SVG of the growth")
    args = parser.parse_args()
    rows = []
    print(f"{'documents':>12} {'seconds':>8} {'CPU s':>8} {'CPU us each':>12} {'peak GB':>8} {'fell':>10} {'checked':>10}")
    for num_documents in args.documents:
        started = time.monotonic()
        row = measure(args.workdir, num_documents, workers=args.workers)
        rows.append(row)
        each = row["cpu_seconds"] / num_documents * 1e6
        print(
            f"{num_documents:12,} {row['seconds']:8.1f} {row['cpu_seconds']:8.1f} {each:12.1f} {row['peak_bytes'] / 1e9:8.2f} "
            f"{row['fell']:10,.0f} {row['checked']:10,.0f}   (with making them {time.monotonic() - started:.0f} s)",
            flush=True,
        )
    if args.plot:
        args.plot.write_text(scale_plot(rows))


if __name__ == "__main__":
    main()
