"""Near-deduplication judged by the truth: exact Jaccard similarities of all pairs, by brute force.

    python benchmarks/dedup_truth.py PATH... [--documents 4000] [--suffixes .py .js .c .h ...]
    python benchmarks/dedup_truth.py --run WORKDIR [--documents 4000]

First form: texts below the PATHs (source files; Parquet and JSONL shards, too) go through the real jobs, curate and dedupe, with the
exact check and with sketches alone. The truth knows nothing of hashes: a text's shingles are tuples of words, and every pair is
compared. Copies of a text are left out of every figure: they are too easy.

    precision   of the documents that fell: those whose keeper is as similar as the threshold asks
    recall      of the documents that had to fall: those that did; a document that stays had to, if a better one that stays is as similar
    same fate   of all documents: those that stay or fall as they do in the first independent set over the exact similarities

If the PATHs hold more documents, those are taken whose files' names have the lowest hashes, so that versions of a file come together.

Second form: a finished run. Every document that fell is compared with its keeper, and some that stay with all others that do.
"""

import argparse
import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from reading import batches
from rich.console import Console

from pipeline import manifest
from pipeline.config import RunConfig
from pipeline.dedup.jaccard import exact_similarity, shingle_sets
from pipeline.dedup.params import NearParams, standard_error
from pipeline.dedup.shingles import Shingles
from pipeline.jobs import curate, dedupe
from pipeline.jobs.engine import Engine
from pipeline.jobs.workspace import Workspace

SUFFIXES = (".py", ".js", ".ts", ".c", ".h", ".cc", ".cpp", ".java", ".go", ".rs", ".lua", ".rb", ".rst", ".md", ".txt")
WORD = re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff]+")
PAIRS_AT_ONCE = 1 << 20


def find_texts(paths: list[Path], suffixes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(name, text); of a shard the text's place is its name."""
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.name.endswith((".parquet", ".jsonl", ".jsonl.zst")):
                for batch in batches(file):
                    names = (Path(path or "").name for path in batch["path"].to_pylist())
                    yield from ((name, text) for name, text in zip(names, batch["text"].to_pylist(), strict=True) if text)
            elif file.suffix in suffixes and file.is_file() and 200 < file.stat().st_size < 200_000:
                yield file.name, file.read_bytes().decode(errors="ignore")


def sample(found: Iterator[tuple[str, str]], num_documents: int) -> list[str]:
    ordered = sorted(found, key=lambda item: hashlib.blake2b(item[0].encode()).digest())
    return [text for _, text in ordered[:num_documents]]


@dataclass(frozen=True)
class Documents:
    """What a run says of its documents, a row each, in the order of priority.

    Arrays [n]: keeper (the place of the document that it duplicates, itself if it stays), is_copy, is_exact, similarity.
    """

    texts: list[str]
    fold_case: list[bool]
    keeper: np.ndarray
    is_copy: np.ndarray
    is_exact: np.ndarray
    similarity: np.ndarray


def read_run(workdir: str, kinds: dict[str, str]) -> Documents:
    survivors = manifest.load(workdir, "survivors")
    rows: list[tuple[int, int, int, bool, bool, float, str, bool]] = []
    for file in survivors.files:
        fates, nodes, texts = (
            pq.read_table(manifest.load(workdir, dataset).path(workdir, file.item)) for dataset in ("survivors", "nodes", "documents")
        )
        fold = kinds[survivors.extra["units"][file.item]] == "text"
        for fate, node, text in zip(fates.to_pylist(), nodes.to_pylist(), texts["text"].to_pylist(), strict=True):
            keeper = fate["id"] if fate["kept"] else fate["duplicate_of"]
            similarity = 1.0 if fate["similarity"] is None else fate["similarity"]
            rows.append((node["rank"], fate["id"], keeper, node["is_copy"], fate["is_exact"], similarity, text, fold))
    rows.sort(key=lambda row: row[0])
    place = {row[1]: i for i, row in enumerate(rows)}
    columns = [np.array([row[k] for row in rows]) for k in (3, 4, 5)]
    return Documents([row[6] for row in rows], [row[7] for row in rows], np.array([place[row[2]] for row in rows]), *columns)


def true_shingles(documents: Documents, ngram_tokens: int) -> Shingles:
    """Sets of tuples of words, numbered as they are met."""
    number: dict[tuple[str, ...], int] = {}
    hashes, offsets = [], [0]
    for text, fold in zip(documents.texts, documents.fold_case, strict=True):
        words = WORD.findall(text.lower() if fold else text) or [text]
        grams = {tuple(words[i : i + ngram_tokens]) for i in range(max(1, len(words) - ngram_tokens + 1))}
        hashes.append(np.array([number.setdefault(gram, len(number)) for gram in grams], np.uint32))
        offsets.append(offsets[-1] + len(grams))
    return shingle_sets(Shingles(np.concatenate(hashes), np.array(offsets)))


def similar_pairs(sets: Shingles, rows: np.ndarray, others: np.ndarray, min_similarity: float) -> np.ndarray:
    """[num_pairs, 2] places (high, low) of different documents, one of `rows` and one of `others`, at the threshold or above."""
    found = [np.empty((0, 2), np.int64)]
    at_once = max(1, PAIRS_AT_ONCE // len(others))
    sizes = np.diff(sets.offsets)
    for start in range(0, len(rows), at_once):
        left, right = (side.ravel() for side in np.meshgrid(rows[start : start + at_once], others, indexing="ij"))
        # Sets of too different sizes can't be similar: that is arithmetic, and no estimate.
        can = (np.minimum(sizes[left], sizes[right]) >= min_similarity * np.maximum(sizes[left], sizes[right])) & (left != right)
        left, right = left[can], right[can]
        similar = exact_similarity(sets, left=left, right=right) >= np.float32(min_similarity)
        found.append(np.stack([np.minimum(left, right), np.maximum(left, right)], axis=1)[similar])
    return np.unique(np.concatenate(found), axis=0)


def first_independent_set(pairs: np.ndarray, num_documents: int) -> np.ndarray:
    """Who stays, by the truth: bool [n]."""
    stays = np.ones(num_documents, bool)
    for high, low in pairs.tolist():  # ascending: when a document's pairs as the higher one come, its own fate is known
        stays[low] &= not stays[high]
    return stays


def judge(documents: Documents, sets: Shingles, pairs: np.ndarray, min_similarity: float) -> dict[str, float]:
    n = len(documents.texts)
    stays = documents.keeper == np.arange(n)
    fell = np.flatnonzero(~stays & ~documents.is_copy)
    right = exact_similarity(sets, left=documents.keeper[fell], right=fell) >= np.float32(min_similarity)
    both_stay = pairs[stays[pairs[:, 0]] & stays[pairs[:, 1]]]
    missed = len(np.unique(both_stay[:, 1]))
    same = first_independent_set(pairs, n)[~documents.is_copy] == stays[~documents.is_copy]
    return {
        "num_fell": len(fell),
        "precision": float(right.mean()),
        "recall": float(right.sum() / (right.sum() + missed)),
        "same_fate": float(same.mean()),
    }


def run_jobs(texts: list[str], folder: Path, near: NearParams) -> Documents:
    source, workdir = folder / "texts", folder / near.verify
    source.mkdir(exist_ok=True)
    (source / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    config = RunConfig.model_validate(
        {
            "workdir": str(workdir),
            "sources": {"texts": {"path": str(source), "kind": "code"}},
            "dedup": {"near": near.model_dump()},
            "mixture": {"groups": {"all": {"weight": 1, "sources": {"texts": 1}}}},
        }
    )
    space = Workspace(config, Engine(workers=1), Console(quiet=True))
    curate.run(space)
    dedupe.run(space)
    return read_run(str(workdir), {"texts": "code"})


def judge_sample(texts: list[str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        for verify in ("exact", "sketch"):
            near = NearParams(verify=verify)
            documents = run_jobs(texts, Path(folder), near)
            everything = np.arange(len(documents.texts))
            if verify == "exact":
                sets = true_shingles(documents, near.ngram_tokens)
                pairs = similar_pairs(sets, everything, everything, near.min_similarity)
                print(f"{len(texts):,} documents, {len(everything) * (len(everything) - 1) // 2:,} pairs, of which {len(pairs):,} are")
                print(f"similar at {near.min_similarity} or above; {documents.is_copy.sum():,} copies of a better document's text")
                print(f"{'verify':10} {'fell':>8} {'precision':>10} {'recall':>8} {'same fate':>10}")
            found = judge(documents, sets, pairs, near.min_similarity)
            print(f"{verify:10} {found['num_fell']:8,} {found['precision']:10.4f} {found['recall']:8.4f} {found['same_fate']:10.4f}")
            if verify == "exact":
                good = min(found["precision"], found["recall"]) >= 0.95
    return good


def judge_run(workdir: str, num_documents: int) -> bool:
    """Every fallen document has a kept one at the threshold less the stated error; of those kept, few are above it."""
    curated, params = manifest.load(workdir, "documents"), manifest.load(workdir, "survivors").params
    near = NearParams.model_validate(params["near"])
    documents = read_run(workdir, {name: source["kind"] for name, source in curated.params.items()})
    n = len(documents.texts)
    sets = true_shingles(documents, near.ngram_tokens)
    stays = documents.keeper == np.arange(n)
    fell = np.flatnonzero(~stays & ~documents.is_copy)
    print(f"{n:,} documents, {int(stays.sum()):,} stay, {int((~stays & documents.is_copy).sum()):,} copies and {len(fell):,} others fell")
    exact = exact_similarity(sets, left=documents.keeper[fell], right=fell)
    is_exact, error = documents.is_exact[fell], exact - documents.similarity[fell]
    allowed = near.min_similarity - 4 * standard_error(near.min_similarity, near.num_permutations)
    for how, own in (("by an exact check", is_exact), ("by the estimate", ~is_exact)):
        print(f"fell {how}: {own.sum():,}, of them below the threshold {np.sum(exact[own] < near.min_similarity - 1e-3):,}")
    print(f"error of the estimate: {error[~is_exact].mean():+.4f} +- {error[~is_exact].std():.4f}")
    print(f"all: precision {np.mean(exact >= near.min_similarity - 1e-3):.4f}; the least similar {exact.min():.4f} (allowed {allowed:.4f})")
    kept = np.flatnonzero(stays)
    some = np.sort(np.random.default_rng(1).permutation(kept)[:num_documents])
    both = similar_pairs(sets, some, kept, near.min_similarity)
    missed = len(np.intersect1d(both[:, 1], some))
    share = missed / max(1, missed + len(fell) * len(some) / len(kept))
    print(f"of {len(some):,} that stay, {missed:,} have a better one that stays at the threshold or above: recall {1 - share:.4f}")
    return bool(exact.min() >= allowed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    parser.add_argument("--run", metavar="WORKDIR")
    parser.add_argument("--documents", type=int, default=4000)
    parser.add_argument("--suffixes", nargs="+", default=SUFFIXES)
    args = parser.parse_args()
    if args.run:
        sys.exit(0 if judge_run(args.run, args.documents) else 1)
    texts = sample(find_texts(args.paths, tuple(args.suffixes)), args.documents)
    if not texts:
        sys.exit("no text in these files")
    sys.exit(0 if judge_sample(texts) else 1)


if __name__ == "__main__":
    main()
