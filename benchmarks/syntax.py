"""How fast code is parsed and measured for the step opencoder_syntax, and what the step drops.

    python benchmarks/syntax.py PATH...

A path is a Parquet file (columns `content` or `text`, and `lang` or `language`) or a folder of them. Prints for each language MB per
second of CPU time of the parser alone and of the whole step (its own process included), their ratio, the documents that were
not measured, and the share that each rule drops. Nothing here bounds the parser's memory while it runs alone.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.curation.code_measures import canonical_language
from pipeline.curation.grammars import NAMES, grammar_index
from pipeline.curation.normalise import normalise
from pipeline.curation.parser_process import process_id
from pipeline.curation.parsing import parser_of
from pipeline.curation.rule import Columns, measure
from pipeline.curation.rules_syntax import OpenCoderSyntaxParams

_BATCH_BYTES = 8 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--max-mb", type=float, default=20, help="text to read of each language")
    args = parser.parse_args()
    rules = OpenCoderSyntaxParams().rules()
    measure(Columns(_batch(["x = 1"], "python")), rules)
    print(f"{'language':12} {'MB':>6} {'parser':>7} {'step':>6} MB/s      not measured  drops")
    for language, texts in sorted(_texts(args.paths, args.max_mb * 1e6).items()):
        grammar = grammar_index(canonical_language(language))
        num_bytes = sum(len(text.encode()) for text in texts)
        alone = _alone(texts, grammar)
        dropped, num_null, started = dict.fromkeys([rule.name for rule in rules], 0), 0, _cpu_seconds()
        for batch in _batches(texts, language):
            measured = measure(Columns(batch), rules)
            num_null += int(np.isnan(measured.values["opencoder_syntax_comment_fraction"]).sum())
            for rule in rules:
                dropped[rule.name] += int(rule.drops(measured.values[rule.name]).sum())
        seconds = _cpu_seconds() - started
        shares = {name.removeprefix("opencoder_syntax_"): count / len(texts) for name, count in dropped.items() if count}
        megabytes = num_bytes / 1e6
        print(
            f"{NAMES[grammar]:12} {megabytes:6.1f} {megabytes / alone:7.1f} {megabytes / seconds:6.1f} ({alone / seconds:4.0%})"
            f" {num_null:6} of {len(texts):6}  {', '.join(f'{name} {share:.1%}' for name, share in shares.items())}"
        )


def _texts(paths: list[Path], max_bytes: float) -> dict[str, list[str]]:
    """By language, normalised; of what has a grammar."""
    texts: dict[str, list[str]] = defaultdict(list)
    sizes: dict[str, int] = defaultdict(int)
    for path in paths:
        for file in sorted(path.rglob("*.parquet")) if path.is_dir() else [path]:
            table = pq.read_table(file)
            content, language = (
                next(name for name in names if name in table.column_names) for names in (("content", "text"), ("lang", "language"))
            )
            for name in set(table[language].to_pylist()) - {None}:
                if grammar_index(canonical_language(name)) < 0 or sizes[name] > max_bytes:
                    continue
                mask = pc.equal(table[language], name)
                for text in normalise(table[content].filter(mask).combine_chunks().cast(pa.string())).to_pylist():
                    if text is not None and len(text) <= 1 << 20 and sizes[name] <= max_bytes:
                        texts[name].append(text)
                        sizes[name] += len(text)
    return texts


def _batches(texts: list[str], language: str) -> Iterator[pa.RecordBatch]:
    group, size = [], 0
    for text in texts:
        group.append(text)
        size += len(text)
        if size > _BATCH_BYTES:
            yield _batch(group, language)
            group, size = [], 0
    if group:
        yield _batch(group, language)


def _batch(texts: list[str], language: str) -> pa.RecordBatch:
    columns = {"text": texts, "path": [""] * len(texts), "language": [language] * len(texts)}
    return pa.record_batch({name: pa.array(values, pa.string()) for name, values in columns.items()})


def _alone(texts: list[str], grammar: int) -> float:
    """CPU seconds of the parser."""
    encoded, parser = [text.encode() for text in texts], parser_of(grammar)
    started = time.process_time()
    for text in encoded:
        parser.parse(text)
    return time.process_time() - started


def _cpu_seconds() -> float:
    """Of this process and the parser's; those of one that a document ended are lost."""
    other = process_id()
    return time.process_time() + (sum(psutil.Process(other).cpu_times()[:2]) if other else 0)


if __name__ == "__main__":
    main()
