"""How fast and how sharply the rule sets judge text of one's own.

    python benchmarks/rules.py PATH... [--examples 2]

A path is a Parquet file (columns `content` and `lang`, as in The Stack, or `text`), a .jsonl or .jsonl.zst file (key `text`), or a
folder of them. Prints MB per second of CPU time (one thread) for normalisation and each rule set, its edits included, and what
share of each folder's documents each rule drops, alone and as the first; with --examples also how dropped documents begin.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from reading import COLUMNS, LICENCES, batches, by_folder

from pipeline.curation.judge import Judgement, judge
from pipeline.curation.normalise import normalise
from pipeline.curation.rule import Rule
from pipeline.curation.steps import STEPS, StepSpec, build_steps

_NEED_SETTINGS = {"decontaminate", "quality"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--examples", type=int, default=0, help="how many dropped documents to show for each rule and folder")
    args = parser.parse_args()
    steps = {name: build_steps([StepSpec(name=name)])[0] for name in STEPS if name not in _NEED_SETTINGS}
    warm_up = pa.record_batch({column: pa.array(["html"]) for column in COLUMNS} | {name: pa.array([["MIT"]]) for name in LICENCES})
    normalise(warm_up["text"])
    for step in steps.values():
        judge(warm_up, [step])

    num_bytes, seconds = 0, dict.fromkeys(["normalise", *steps], 0.0)
    for folder, files in by_folder(args.paths).items():
        judged: dict[str, list[tuple[pa.RecordBatch, Judgement]]] = {name: [] for name in steps}
        for raw in (batch for file in files for batch in batches(file)):
            num_bytes += raw["text"].nbytes
            started = time.thread_time()
            batch = raw.set_column(0, "text", normalise(raw["text"]))
            seconds["normalise"] += time.thread_time() - started
            for name, step in steps.items():
                started = time.thread_time()
                judged[name].append((batch, judge(batch, [step])))
                seconds[name] += time.thread_time() - started
        for name, step in steps.items():
            _print_shares(folder, judged[name], rules=step.rules, num_examples=args.examples)
    print(f"\n{num_bytes / 1e6:.1f} MB of text")
    for name, spent in seconds.items():
        print(f"{name:20} {num_bytes / 1e6 / spent:8.1f} MB/s")


def _print_shares(folder: Path, judged: list[tuple[pa.RecordBatch, Judgement]], *, rules: Sequence[Rule], num_examples: int) -> None:
    num_documents = sum(batch.num_rows for batch, _ in judged)
    reasons = pa.chunked_array([judgement.reason for _, judgement in judged], pa.string())
    print(f"\n{folder}: {num_documents} documents; dropped (as the first rule)")
    for rule in rules:
        values = np.concatenate([judgement.measured[rule.name].to_numpy(zero_copy_only=False) for _, judgement in judged])
        drops = rule.drops(values)
        if not drops.any():
            continue
        num_first = reasons.to_pylist().count(rule.name)
        print(f"  {rule.name:42} {drops.sum() / num_documents:7.2%} ({num_first / num_documents:7.2%})")
        if num_examples:
            _print_examples(judged, np.flatnonzero(drops), values=values, num_examples=num_examples)


def _print_examples(judged: list[tuple[pa.RecordBatch, Judgement]], dropped: np.ndarray, *, values: np.ndarray, num_examples: int) -> None:
    table = pa.Table.from_batches([batch for batch, _ in judged])
    for row in dropped[:: max(1, len(dropped) // num_examples)][:num_examples]:
        document = table.slice(row, 1).to_pylist()[0]
        print(f"      {values[row]:.4g}  {document['path']}: {document['text'][:300]!r}")


if __name__ == "__main__":
    main()
