"""How surely benchmark items are found in text of one's own, what else is taken for one, and how fast.

    python benchmarks/decontaminate.py ITEMS.jsonl.gz PATH... [--preset humaneval] [--max-megabytes 100]

A path is as in rules.py. Each item's question with its solution, and each alone, is pasted into one of the files, at the start of
a line, in each of several layouts, and has to be found there by name. The same files without it must give no hit: every item that
is found in them is printed with its overlap and text, to be judged.
"""

import argparse
import json
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from reading import batches, by_folder

from pipeline.curation.benchmark_index import IndexParams, build_index
from pipeline.curation.benchmark_items import PRESETS, BenchmarkString, read_strings
from pipeline.curation.decontaminate import DecontaminateParams, Hits, find_hits
from pipeline.curation.normalise import normalise
from pipeline.curation.rule import Columns

_THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
_SHOWN = 20


def _lines(edit: Callable[[int, str], str]) -> Callable[[str], str]:
    return lambda text: "".join(edit(i, line) for i, line in enumerate(text.splitlines(keepends=True)))


LAYOUTS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "indented by 8": _lines(lambda _, line: " " * 8 + line),
    "not indented": _lines(lambda _, line: line.lstrip(" ")),
    "tabs": lambda text: text.replace("    ", "\t"),
    "several blanks": lambda text: text.replace(" ", "   "),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "a word a line": lambda text: "\n".join(text.split()),
    "one line": lambda text: " ".join(text.split()),
    "comment": _lines(lambda _, line: f"# {line}"),
    "diff": _lines(lambda _, line: f"+{line}"),
    "JSON string": json.dumps,
    "upper case": str.upper,
}
# Copies of which a part is missing or other: what they show is the price of a threshold.
PARTS: dict[str, Callable[[str], str]] = {
    "first half": lambda text: text[: len(text) // 2],
    "every 4th line gone": _lines(lambda i, line: "" if i % 4 == 3 else line),
    "every 20th word other": lambda text: " ".join("other" if i % 20 == 10 else word for i, word in enumerate(text.split(" "))),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("items", type=Path)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--preset", default="humaneval", choices=PRESETS)
    parser.add_argument("--max-megabytes", type=float, default=100, help="text to read of each folder")
    args = parser.parse_args()
    benchmark = PRESETS[args.preset]
    with tempfile.TemporaryDirectory() as folder:
        index = str(Path(folder) / "index")
        card = build_index([str(args.items)], index, benchmark=benchmark, params=IndexParams())
        params = DecontaminateParams(indexes=(index,), max_overlap=0)
        print({name: card[name] for name in ("num_items", "num_strings", "num_ngrams", "num_common_ngrams", "items_left_out")})
        texts = [text for paths in by_folder(args.paths).values() for text in _texts(paths, args.max_megabytes * 1e6)]
        _report_unseeded(texts, params)
        _report_seeded(texts, params, read_strings([str(args.items)], benchmark))


def _texts(paths: list[Path], max_bytes: float) -> Iterator[pa.StringArray]:
    for batch in (batch for path in paths for batch in batches(path)):
        if max_bytes <= 0:
            return
        texts = normalise(batch["text"])
        max_bytes -= pc.sum(pc.binary_length(texts)).as_py() or 0
        yield texts


def _hits(texts: pa.StringArray, params: DecontaminateParams) -> Hits:
    return find_hits(Columns(pa.record_batch({"text": texts})), params)


def _report_unseeded(texts: list[pa.StringArray], params: DecontaminateParams) -> None:
    _hits(pa.array(["warm up"]), params)
    started = time.thread_time()
    found = [_hits(part, params) for part in texts]
    seconds = time.thread_time() - started
    num_bytes = sum(pc.sum(pc.binary_length(part)).as_py() or 0 for part in texts)
    greatest = np.concatenate([hits.greatest for hits in found])
    print(f"\nunseeded: {len(greatest):,} documents, {num_bytes / 1e6:.1f} MB, {num_bytes / 1e6 / seconds:.0f} MB/s of CPU time")
    for threshold in _THRESHOLDS:
        print(f"  over {threshold:3}: {np.sum(greatest > threshold):6,} documents")
    places = [
        (overlap, item, text[row].as_py()[start:end])
        for text, hits in zip(texts, found, strict=True)
        for row, item, start, end, overlap in zip(hits.row, hits.item.to_pylist(), hits.start, hits.end, hits.overlap, strict=True)
    ]
    for overlap, item, span in sorted(places, key=lambda place: (-place[0], place[1]))[:_SHOWN]:
        print(f"  {overlap:.3f} {item}: {span[:160]!r}")


def _report_seeded(texts: list[pa.StringArray], params: DecontaminateParams, strings: list[BenchmarkString]) -> None:
    items: dict[str, list[str]] = defaultdict(list)
    for string in strings:
        items[string.item].append(string.text)
    whole = {item: "\n".join(own[:2]) for item, own in items.items()}
    print(f"\nseeded: share of {len(items)} items found by name with an overlap over", *(f"{threshold:6}" for threshold in _THRESHOLDS))
    documents = pa.concat_arrays(texts)
    for layout, copy in LAYOUTS.items():
        _report_recall(f"question and solution, {layout}", documents, params, {item: copy(text) for item, text in whole.items()})
    for place, what in enumerate(("question", "solution")):
        alone = {item: own[place] for item, own in items.items() if len(own) > place}
        _report_recall(f"{what} alone", documents, params, alone)
        for part, copy in PARTS.items():
            _report_recall(f"{what}, {part}", documents, params, {item: copy(text) for item, text in alone.items()})


def _report_recall(name: str, documents: pa.StringArray, params: DecontaminateParams, copies: dict[str, str]) -> None:
    luck = random.Random(name)
    seeded = [_pasted(documents[luck.randrange(len(documents))].as_py(), copy, luck) for copy in copies.values()]
    hits = _hits(normalise(pa.array(seeded, pa.string())), params)
    overlaps = dict.fromkeys(range(len(seeded)), 0.0)
    wanted = list(copies)
    for row, item, overlap in zip(hits.row.tolist(), hits.item.to_pylist(), hits.overlap.tolist(), strict=True):
        if item == wanted[row]:
            overlaps[row] = max(overlaps[row], overlap)
    shares = [np.mean([overlap > threshold for overlap in overlaps.values()]) for threshold in _THRESHOLDS]
    print(f"  {name:49}", *(f"{share:6.3f}" for share in shares))


def _pasted(text: str, copy: str, luck: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    place = luck.randrange(len(lines) + 1)
    return "".join([*lines[:place], "\n", copy, "\n", *lines[place:]])


if __name__ == "__main__":
    main()
