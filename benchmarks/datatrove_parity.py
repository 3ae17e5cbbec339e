"""How often the published prose filters say the same here and in datatrove, and how fast each is.

    python benchmarks/datatrove_parity.py PATH... --venv FOLDER [--share 0.1] [--write docs/parity.md]

Paths are as for `rules.py`. datatrove runs in a virtual environment of its own, which is made in FOLDER if there is none. Both judge the
same normalised texts, each filter the text as it came. What differs is shown to datatrove once more with the words that are found here
in place of its own tokenizer's: what then agrees differed in the words alone. With --write the table in the page is replaced.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from reading import batches, by_folder

from pipeline.curation.judge import judge
from pipeline.curation.normalise import normalise
from pipeline.curation.steps import StepSpec, build_steps
from pipeline.curation.word_classes import word_classes
from pipeline.curation.words import MAX_RUN_BYTES, known, split_run
from pipeline.hashing import hash64

DATATROVE, SPACY = "datatrove==0.10.1", "spacy==3.8.18"

# datatrove's filters by our steps, with what it has set otherwise.
_C4 = {"min_line_words": 3, "min_sentences": 5}
STEPS: dict[str, dict[str, dict[str, Any]]] = {
    "gopher_repetition": {"gopher_repetition": {}},
    "gopher_quality": {"gopher_quality": {}},
    "c4": {"c4": _C4 | {"end_marks": [".", "?", "!", '"', "'"]}},
    "c4_fineweb": {"c4": _C4 | {"end_marks": None}},
    "fineweb": {"fineweb": {"max_duplicate_line_char_fraction": 0.01}},
}
_VERDICTS = Path(__file__).parent / "datatrove_verdicts.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--venv", type=Path, required=True, help="datatrove's virtual environment, made if it is not there")
    parser.add_argument("--share", type=float, default=1, help="of the documents that are judged, chosen by their hash")
    parser.add_argument("--write", type=Path, help="a page whose table is replaced")
    args = parser.parse_args()
    python = _environment(args.venv)
    texts = list(_texts(args.paths, args.share))
    theirs, their_seconds = _theirs(python, [{"text": text} for text in texts])
    ours, our_seconds = _ours(texts)
    table = _table(python, texts, ours=ours, theirs=theirs, seconds=(our_seconds, their_seconds))
    print(table)
    if args.write:
        page = args.write.read_text()
        args.write.write_text(re.sub(r"(?s)(<!-- table -->\n).*?(<!-- end -->)", lambda marks: marks[1] + table + "\n" + marks[2], page))


def _environment(folder: Path) -> Path:
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", DATATROVE, SPACY, "nltk", "tldextract", "fasteners", "orjson"], check=True
        )
    return python


def _texts(paths: list[Path], share: float) -> Iterator[str]:
    for files in by_folder(paths).values():
        for file in files:
            for batch in batches(file):
                for text in normalise(batch["text"]).to_pylist():
                    if text and hash64(text) < share * 2**64:
                        yield text


def _theirs(python: Path, documents: Sequence[dict[str, Any]], *options: str) -> tuple[list[dict[str, str | None]], dict[str, float]]:
    """By document and filter the reason, and by filter the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        texts, verdicts = Path(folder) / "texts.jsonl", Path(folder) / "verdicts.jsonl"
        texts.write_text("".join(json.dumps(document) + "\n" for document in documents))
        subprocess.run([python, _VERDICTS, texts, verdicts, *options], check=True)
        *rows, seconds = [json.loads(line) for line in verdicts.read_text().splitlines()]
    return rows, seconds


def _ours(texts: list[str]) -> tuple[list[dict[str, str | None]], dict[str, float]]:
    nulls = pa.nulls(len(texts), pa.string())
    batch = pa.record_batch({"text": pa.array(texts, pa.string()), "path": nulls, "language": nulls})
    reasons, seconds = {}, {}
    for name, step in STEPS.items():
        steps = build_steps([StepSpec.model_validate(step)])
        judge(batch.slice(0, 1), steps)  # compiles
        started = time.process_time()
        reasons[name] = judge(batch, steps).reason.to_pylist()
        seconds[name] = time.process_time() - started
    return [dict(zip(reasons, row, strict=True)) for row in zip(*reasons.values(), strict=True)], seconds


def _words(text: str) -> list[str]:
    ends = np.empty(MAX_RUN_BYTES + 8, np.int64)
    words = []
    for run in text.split():
        data = np.frombuffer(run.encode(), np.uint8)[:MAX_RUN_BYTES]
        count = split_run(data, 0, len(data), word_classes(), *known(), ends)
        words += [bytes(data[start:end]).decode(errors="replace") for start, end in zip([0, *ends[:count]], ends[:count], strict=False)]
    return words


def _table(
    python: Path,
    texts: list[str],
    *,
    ours: list[dict[str, str | None]],
    theirs: list[dict[str, str | None]],
    seconds: tuple[dict[str, float], dict[str, float]],
) -> str:
    differing = [i for i in range(len(texts)) if any((ours[i][name] is None) != (theirs[i][name] is None) for name in STEPS)]
    given = [{"text": texts[i], "words": _words(texts[i])} for i in differing]
    with_words = dict(zip(differing, _theirs(python, given, "--given-words")[0], strict=True))
    num_bytes = sum(len(text.encode()) for text in texts)
    lines = [
        f"{len(texts):,} documents, {num_bytes / 1e6:.1f} MB, {DATATROVE}, {SPACY}.",
        "",
        "| filter | equal verdicts | with the same words | dropped here | dropped there | MB/s here | MB/s there |",
        "|---|---|---|---|---|---|---|",
    ]
    details = ["", "| filter | here | there | documents | of these alike with the same words |", "|---|---|---|---|---|"]
    for name in STEPS:
        unequal = [i for i in differing if (ours[i][name] is None) != (theirs[i][name] is None)]
        alike = {i for i in unequal if (ours[i][name] is None) == (with_words[i][name] is None)}
        shares = [f"{1 - len(each) / len(texts):.2%}" for each in (unequal, set(unequal) - alike)]
        shares += [f"{sum(row[name] is not None for row in side) / len(texts):.1%}" for side in (ours, theirs)]
        speeds = [f"{num_bytes / 1e6 / side[name]:.1f}" for side in seconds]
        lines.append(f"| `{name}` | {' | '.join([*shares, *speeds])} |")
        pairs = Counter((ours[i][name], theirs[i][name]) for i in unequal)
        for (here, there), times in pairs.most_common():
            same = sum((ours[i][name], theirs[i][name]) == (here, there) for i in alike)
            details.append(f"| `{name}` | {here or 'kept'} | {there or 'kept'} | {times} | {same} |")
    return "\n".join([*lines, *details])


if __name__ == "__main__":
    main()
