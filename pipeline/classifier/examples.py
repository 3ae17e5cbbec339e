"""Good and bad documents on disk, each once, in an order that their texts alone decide."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.curation.fasttext_models import LABEL
from pipeline.curation.normalise import normalise
from pipeline.curation.quality import BAD, GOOD, classified_line
from pipeline.hashing import luck
from pipeline.params import UsageError
from pipeline.readers.source import list_containers, read_unit
from pipeline.survey.draft import read_params
from pipeline.survey.listing import list_paths
from pipeline.survey.places import find_places
from pipeline.units import Piece, Unit

# Lines wait in as many files, by the hash of their text, so that each can be put in order in memory.
_BUCKETS = 64


@dataclass
class Input:
    """One path that was read: its documents, and a digest of their texts in their order."""

    name: str
    label: str
    num_documents: int = 0
    num_chars: int = 0
    num_broken: int = 0
    digest: str = ""


@dataclass
class Examples:
    """Where the lines for fastText are, and what went into them.

    Attributes:
        training, held_out: documents by label.
        num_copies: documents with a text that came before in the same class; num_in_both: those with one that is in both classes, which are
            left out of both.
    """

    folder: Path
    inputs: list[Input]
    training: Counter[str] = field(default_factory=Counter)
    held_out: Counter[str] = field(default_factory=Counter)
    num_copies: int = 0
    num_in_both: int = 0

    @property
    def training_path(self) -> Path:
        return self.folder / "training.txt"

    @property
    def held_out_path(self) -> Path:
        return self.folder / "held_out.txt"


def gather(
    folder: Path, good: Sequence[str], bad: Sequence[str], *, seed: int, held_out_fraction: float, max_chars: int | None
) -> Examples:
    """Reads every document, and writes a line for each text to the training's file or the held-out one.

    Args:
        folder: an empty one, for files as large as the texts.
        good, bad: files and folders that the readers know.
        held_out_fraction: of the texts, chosen by their hashes: the same texts are held out whatever else is there.
    Raises:
        UsageError: a path holds no documents; a class has none left.
    """
    examples = Examples(folder, [])
    with contextlib.ExitStack() as stack:
        buckets = [stack.enter_context(open(folder / f"bucket-{index}", "wb")) for index in range(_BUCKETS)]
        for label, paths in ((GOOD, good), (BAD, bad)):
            examples.inputs += [_read(path, label, buckets, max_chars) for path in paths]
    bound = np.uint64(int(held_out_fraction * 2.0**64))
    with open(examples.training_path, "wb") as training, open(examples.held_out_path, "wb") as held_out:
        for index in range(_BUCKETS):
            path = folder / f"bucket-{index}"
            for line, key in _once(path, examples):
                is_held_out = bool(luck(seed, "classifier/held-out", np.array([key], np.uint64))[0] < bound)
                (held_out if is_held_out else training).write(line)
                label = line[len(LABEL) : line.index(b" ")].decode()
                (examples.held_out if is_held_out else examples.training)[label] += 1
            path.unlink()
    for label in (GOOD, BAD):
        for what, counts in (("to train on", examples.training), ("held out", examples.held_out)):
            if not counts[label]:
                raise UsageError(f"--{label}: no documents {what} ({examples.num_in_both:,} texts are in both classes): give more")
    return examples


def _read(path: str, label: str, buckets: Sequence[BinaryIO], max_chars: int | None) -> Input:
    found = Input(os.path.basename(os.path.abspath(path)), label)
    digest = blake2b(digest_size=16)
    for batch in _documents(path):
        good = batch.filter(pc.is_null(batch["error"]))
        found.num_broken += batch.num_rows - good.num_rows
        for text in normalise(good["text"]).to_pylist():
            key = blake2b(text.encode(), digest_size=8).hexdigest()
            digest.update(key.encode())
            found.num_documents += 1
            found.num_chars += len(text)
            line = f"{LABEL}{label} {classified_line(text, max_chars)}\n"
            buckets[int(key[:2], 16) % _BUCKETS].write(f"{key}{line}".encode())
    if not found.num_documents:
        raise UsageError(f"--{label} {path}: no documents that can be read ({found.num_broken:,} are broken)")
    found.digest = digest.hexdigest()
    return found


def _documents(path: str) -> Iterator[pa.RecordBatch]:
    """schema.RAW."""
    places = find_places(list_paths([path]).roots)
    if not places:
        raise UsageError(f"{path}: nothing that a reader knows: give Parquet, JSON lines, archives or a folder of source files")
    for place in places:
        params = read_params(place)
        for container in list_containers("examples", params, unit_bytes=1 << 40):
            piece = Piece(container.name, container.format, 0, container.max_rows)
            yield from read_unit(Unit("examples", "examples", (piece,), container.text_bytes, ""), params)


def _once(path: Path, examples: Examples) -> Iterator[tuple[bytes, int]]:
    """(line, hash) of each text of a bucket that is in one class, in the order of the hashes, 16 digits that stand before each line."""
    with open(path, "rb") as stream:
        lines = sorted(stream)
    labels: dict[bytes, set[bytes]] = {}
    for line in lines:
        labels.setdefault(line[:16], set()).add(line[16 : line.index(b" ")])
    before = b""
    for line in lines:
        key = line[:16]
        if len(labels[key]) > 1:
            examples.num_in_both += 1
        elif key == before:
            examples.num_copies += 1
        else:
            yield line[16:], int(key, 16)
        before = key
