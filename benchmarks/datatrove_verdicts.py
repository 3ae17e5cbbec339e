"""What datatrove's filters say of each document: the half of `datatrove_parity.py` that runs in datatrove's own environment.

    python datatrove_verdicts.py TEXTS.jsonl VERDICTS.jsonl [--given-words]

A line of TEXTS has the key `text`, and `words` if they are given: then every filter gets those in place of its own tokenizer's. A
line of VERDICTS has, by filter, null (kept) or the reason. The last line has the seconds of CPU time that each filter took; the words
and sentences of a text are cached by datatrove, so the first filter that needs them pays.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    fineweb_quality_filter,
    gopher_quality_filter,
    gopher_repetition_filter,
)

FILTERS = {
    "gopher_repetition": GopherRepetitionFilter(),
    "gopher_quality": GopherQualityFilter(),
    "c4": C4QualityFilter(),
    "c4_fineweb": C4QualityFilter(filter_no_terminal_punct=False),
    "fineweb": FineWebQualityFilter(),
}


def main() -> None:
    texts, verdicts = sys.argv[1:3]
    seconds: Counter[str] = Counter()
    with open(texts) as lines, open(verdicts, "w") as out:
        for line in lines:
            given = json.loads(line)
            if "--given-words" in sys.argv:
                _give(given["words"])
            row = {}
            for name, each in FILTERS.items():
                started = time.process_time()
                row[name] = _verdict(each, given["text"])
                seconds[name] += time.process_time() - started
            out.write(json.dumps(row) + "\n")
        out.write(json.dumps(seconds) + "\n")


def _give(words: list[str]) -> None:
    split: Callable[..., list[str]] = lambda text, language: words  # noqa: E731
    for module in (fineweb_quality_filter, gopher_quality_filter, gopher_repetition_filter):
        module.split_into_words = split


def _verdict(each: object, text: str) -> str | None:
    try:
        result = each.filter(Document(text=text, id=""))  # type: ignore[attr-defined]
    except ZeroDivisionError:
        return "error"
    return None if result is True else result[1]


if __name__ == "__main__":
    main()
