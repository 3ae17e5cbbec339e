"""`tenfold classifier train`: a fastText classifier of good and bad documents, with its card."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import fasttext
import numpy as np
import pyarrow as pa
from pydantic import Field

from pipeline import storage
from pipeline.classifier.examples import Examples, gather
from pipeline.classifier.scores import evaluate
from pipeline.curation.fasttext_models import LABEL, NUM_WINDOWS
from pipeline.curation.quality import GOOD, QualityParams, scores
from pipeline.params import Params, UsageError
from pipeline.shards import canonical_json, sha256

_BATCH_LINES = 2000


class ClassifierParams(Params):
    """What a classifier is made with; all of it is in its card.

    Attributes:
        ngram_words: it counts runs of so many words, hashed into `buckets`.
        min_count: rarer words are known by their n-grams alone.
        max_chars: of a longer document it reads windows, as the step does with the same setting.
    """

    seed: Annotated[int, Field(ge=0)] = 1
    held_out_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    max_chars: Annotated[int, Field(ge=NUM_WINDOWS)] | None = QualityParams.model_fields["max_chars"].default
    dim: Annotated[int, Field(ge=1)] = 16
    ngram_words: Annotated[int, Field(ge=1)] = 2
    buckets: Annotated[int, Field(ge=1)] = 1 << 19
    min_count: Annotated[int, Field(ge=1)] = 5
    epochs: Annotated[int, Field(ge=1)] = 5
    learning_rate: Annotated[float, Field(gt=0)] = 0.3


def train_classifier(good: Sequence[str], bad: Sequence[str], output: str, *, params: ClassifierParams) -> dict[str, Any]:
    """Trains on all but the held-out documents, scores those, writes the model and its card beside it.

    The same documents give the same bytes: one thread, a fixed seed, and lines in the order of their hashes; no path is in the model.

    Args:
        good, bad: files and folders that the readers know.
    Returns:
        the card.
    Raises:
        UsageError: no documents of a class, or none with a word that is frequent enough.
    """
    storage.local(output)
    folder = os.path.dirname(os.path.abspath(output))
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".classifier-") as scratch:
        chosen = params.model_dump(include={"seed", "held_out_fraction", "max_chars"})
        examples = gather(Path(scratch), good, bad, **chosen)
        model = _train(examples, params)
        with storage.committing(output) as path:
            model.save_model(path)
            # What a run will load, so its scores are those of the file.
            held_out = _score(fasttext.load_model(path), examples)
    card = {
        "model": os.path.basename(output),
        "sha256": sha256(output),
        "num_bytes": storage.stat(output).num_bytes,
        "params": params.model_dump(),
        "fasttext": version("fasttext-community"),
        "inputs": [asdict(found) for found in examples.inputs],
        "training": dict(examples.training),
        "copies_left_out": examples.num_copies,
        "in_both_classes_left_out": examples.num_in_both,
        "held_out": held_out,
    }
    storage.write_bytes(card_path(output), canonical_json(card))
    return card


def card_path(model: str) -> str:
    return f"{model}.json"


def _train(examples: Examples, params: ClassifierParams) -> Any:
    try:
        return fasttext.train_supervised(
            input=str(examples.training_path),
            lr=params.learning_rate,
            dim=params.dim,
            epoch=params.epochs,
            minCount=params.min_count,
            wordNgrams=params.ngram_words,
            bucket=params.buckets,
            label=LABEL,
            seed=params.seed,
            thread=1,
            verbose=0,
        )
    except (RuntimeError, ValueError) as error:
        raise UsageError(f"the classifier can't be trained ({error}): give more documents, or a lower --min-count") from error


def _score(model: Any, examples: Examples) -> dict[str, Any]:
    """The scores of the held-out lines, which are what the step would make of their texts."""
    found, is_good = [np.empty(0)], [np.empty(0, bool)]
    with open(examples.held_out_path, encoding="utf-8", newline="\n") as stream:
        while lines := [line for _, line in zip(range(_BATCH_LINES), stream, strict=False)]:
            labels, texts = zip(*(line.removesuffix("\n").split(" ", 1) for line in lines), strict=True)
            found.append(scores(model, pa.array(texts, pa.string()), max_chars=None))
            is_good.append(np.array([label == LABEL + GOOD for label in labels]))
    return evaluate(np.concatenate(found), np.concatenate(is_good))
