"""Counts the table of pairs that tells random strings from written ones.

    python benchmarks/gibberish.py PATH... > pipeline/curation/redaction/bigrams.txt

A path is a file or a folder as for `benchmarks/rules.py`. A string counts once, however often it stands, and only if three documents
have it: what is drawn by lot stands in one.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

import numpy as np
from reading import batches, by_folder

from pipeline.curation.redaction.gibberish import NUM_STATES, STATES, bigram_table

_STRING = re.compile(r"[A-Za-z0-9+/_\-=]{3,}")
_MIN_DOCUMENTS = 3
_MAX_CHARS = 50_000  # of a document


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path)
    num_documents: Counter[str] = Counter()
    for files in by_folder(parser.parse_args().paths).values():
        for text in (text for file in files for batch in batches(file) for text in batch["text"].to_pylist()):
            num_documents.update(set(_STRING.findall((text or "")[:_MAX_CHARS])))
    counts = np.zeros((NUM_STATES, NUM_STATES))
    for string, num in num_documents.items():
        if num >= _MIN_DOCUMENTS:
            states = STATES[np.frombuffer(string.encode(), np.uint8)]
            np.add.at(counts, (states[:-1], states[1:]), 1)
    print(bigram_table(counts), end="")


if __name__ == "__main__":
    main()
