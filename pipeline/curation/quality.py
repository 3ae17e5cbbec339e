"""The step that keeps documents like good ones, by a fastText classifier of the user's own or another's."""

import os
from typing import Annotated, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from pipeline.curation.fasttext_models import LABEL, NUM_WINDOWS, load, one_line
from pipeline.curation.rule import Columns, Rule, RuleSet
from pipeline.params import UsageError

GOOD, BAD = "good", "bad"


class QualityParams(RuleSet):
    """The classifier's score for the good class is high enough; it lies between 0 and 1 and is rounded to 1e-3.

    The text is read as `language` reads it: one line, and of a long one eight windows. A text of nothing but white space scores 0.
    The score to ask for depends on the classifier: its card has what several would keep, and `tenfold rethreshold WORKDIR
    quality.min_score=30%` says which one keeps that share of what reached the step.

    Attributes:
        model: a file that `tenfold classifier train` wrote, or any fastText model of labels.
        label: the good class, without `__label__`.
    """

    costly: ClassVar[bool] = True

    model: str
    label: str = GOOD
    min_score: Annotated[float, Field(ge=0, le=1)] | None = 0.5
    max_chars: Annotated[int, Field(ge=NUM_WINDOWS)] | None = 10_000

    @field_validator("model")
    @classmethod
    def _absolute(cls, path: str) -> str:
        return os.path.abspath(os.path.expanduser(path))

    def rules(self) -> list[Rule]:
        return [Rule("quality_score", self._scores, minimum=self.min_score)]

    def files(self) -> list[str]:
        labels = [label.removeprefix(LABEL) for label in load_classifier(self.model).labels]
        if self.label not in labels:
            raise UsageError(f"curation.quality.label: {self.model} knows no {self.label!r}, but {', '.join(sorted(labels)[:20])}")
        return [self.model]

    def _scores(self, columns: Columns) -> np.ndarray:
        return scores(load_classifier(self.model), columns["text"], label=self.label, max_chars=self.max_chars)


def load_classifier(path: str) -> Any:
    return load(path, setting="quality.model", remedy="give the path of a model that `tenfold classifier train` wrote")


def scores(model: Any, texts: pa.StringArray, *, label: str = GOOD, max_chars: int | None = 10_000) -> np.ndarray:
    """The probability that the model gives the label, float64 [n] in steps of 1e-3.

    Args:
        texts: pa.string(), normalised; a null scores 0, and so does a text of nothing but white space.
    """
    samples = [classified_line(text or "", max_chars) for text in texts.to_pylist()]
    if not samples:
        return np.zeros(0)
    labels, found = model.predict(samples, k=-1)
    wanted = LABEL + label
    best = [next((score for name, score in zip(*pair, strict=True) if name == wanted), 0.0) for pair in zip(labels, found, strict=True)]
    has_word = pc.match_substring_regex(texts, r"\S").fill_null(False).to_numpy(zero_copy_only=False)
    return np.round(np.clip(np.array(best, np.float64), 0, 1), 3) * has_word


def classified_line(text: str, max_chars: int | None) -> str:
    """The text as the classifier reads it, in training too: none of its words is a label."""
    return one_line(text, max_chars).replace(LABEL, "__label ")
