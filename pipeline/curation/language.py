"""The step that keeps documents in wanted natural languages, by fastText's language identification."""

from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from mixtures.models import LID_176, cached
from pipeline.curation.fasttext_file import ClassifierFile, read_classifier
from pipeline.curation.fasttext_models import LABEL, load, one_line
from pipeline.curation.fasttext_scores import label_scores
from pipeline.curation.rule import Columns, Rule, RuleSet
from pipeline.params import UsageError

# fastText leaves out labels below; they would round to 0.
_NEGLIGIBLE = 4e-4


class LanguageParams(RuleSet):
    """Natural text in one of the wanted languages: the highest score of theirs is high enough.

    A text without a letter is in no language: its score is 0. Scores are rounded to 1e-3. The whole text is read, as one line.

    Attributes:
        languages: as the model names them: ISO 639-1 codes, or 639-3 where there is none. `no` is in quotes in YAML.
        model: a fastText model file; None: lid.176.ftz from the cache, where `make setup` puts it.

    Source: the threshold is FineWeb's for English (Penedo et al. 2024, 2406.17557).
    """

    meant_for = "text"

    languages: tuple[str, ...] = Field(("en",), min_length=1)
    min_score: Annotated[float, Field(ge=0, le=1)] | None = 0.65
    model: str | None = None

    def rules(self) -> list[Rule]:
        return [Rule("language_score", self._scores, minimum=self.min_score)]

    def files(self) -> list[str]:
        known = {label.removeprefix(LABEL) for label in load_model(self.model).labels}
        if unknown := sorted(set(self.languages) - known):
            close = get_close_matches(unknown[0], sorted(known), n=3) or sorted(known)
            raise UsageError(f"curation.language.languages: the model knows no {unknown[0]!r}, but {', '.join(close)}")
        return [_path(self.model)]

    def _scores(self, columns: Columns) -> np.ndarray:
        texts = columns["text"]
        wanted = {LABEL + language for language in self.languages}
        file = _classifier(self.model)
        if file is None:
            best = _fasttext_scores(texts, load_model(self.model), wanted)
        else:
            labels = [place for place, label in enumerate(file.labels) if label in wanted]
            best = label_scores(texts, file.classifier, np.array(labels, np.int64)).max(axis=1, initial=0)
        has_letter = pc.match_substring_regex(texts, r"\p{L}").fill_null(False).to_numpy(zero_copy_only=False)
        return np.round(best, 3) * has_letter


def load_model(path: str | None) -> Any:
    """The fastText model, once a process; None: the one from the cache.

    Raises:
        UsageError: no file is there, or it is no fastText model.
    """
    return load(_path(path), remedy=f"give the path of a fastText model, or leave it out for {LID_176.filename}", setting="language.model")


@cache
def _classifier(path: str | None) -> ClassifierFile | None:
    return read_classifier(_path(path))


def _path(path: str | None) -> str:
    return path if path is not None else str(cached(LID_176))


def _fasttext_scores(texts: pa.StringArray, model: Any, wanted: set[str]) -> np.ndarray:
    """The best score of the wanted labels, float64 [n]: for a model that `label_scores` can't go by."""
    found = model.predict([one_line(text or "", None) for text in texts.to_pylist()], k=-1, threshold=_NEGLIGIBLE)
    return np.array(
        [max((score for label, score in zip(*each, strict=True) if label in wanted), default=0) for each in zip(*found, strict=True)],
        np.float64,
    )
