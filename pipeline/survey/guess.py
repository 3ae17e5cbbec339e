"""What documents are: code or prose, in which languages."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Literal

import pyarrow as pa

from pipeline.survey.languages import DATA, PROSE, canonical_language, is_language, language_of
from pipeline.survey.sample import evenly

Kind = Literal["code", "text"]

# Lines as code has them, and prose seldom: heads of definitions and statements, comments, line ends.
_CODE_LINE = re.compile(
    r"\s*(#\s*(include|define|if|endif|!)|import\s+[\w.{*\"]|from\s+\S+\s+import\b|(def|class|public|private|static|func|fn|var|let|const)\s+\w"
    r"|return\b.*[;\w)\]]$|(if|for|while|switch)\s*\(|//|/\*|\*/|[})\]]+[;,)]*\s*$)|.*[;{}]\s*$|</?[a-zA-Z!?]|\s+[\w.\[\]]+\s*[-+*/|&]?=\s*\S"
)
# Pages and records whose text may have been taken out of them already.
_EITHER = frozenset(["html", "xml"]) | DATA
_CODE_LINES_FRACTION = 0.25
_HEAD_CHARS = 20_000
_MAX_LINE_CHARS = 500

_MAX_DOCUMENTS = 100
_MIN_SHARE, _MIN_SCORE = 0.05, 0.5


def file_languages(documents: pa.Table) -> Counter[str]:
    """Bytes of text by canonical language, as the documents' columns or paths say; "" is unknown."""
    found: Counter[str] = Counter()
    for language, path, text in zip(*(documents[name].to_pylist() for name in ("language", "path", "text")), strict=True):
        named = language if language is not None and len(language) > 3 else path and language_of(path)
        found[canonical_language(named) if named else canonical_language(language or "")] += len(text or "")
    return found


def kind_of(documents: pa.Table, names: Iterable[str]) -> Kind:
    """By the languages that columns and paths name, else by the folders' names, else by the lines of the texts."""
    languages = file_languages(documents)
    sizes = {"code": 0, "text": 0}
    for language, size in languages.items():
        if is_language(language) and language not in _EITHER:
            sizes["text" if language in PROSE else "code"] += size
    for kind in ("code", "text"):
        if sizes[kind] > 0.5 * languages.total():
            return kind  # type: ignore[return-value]
    if any(is_language(name := canonical_language(folder)) and name not in PROSE for folder in names):
        return "code"
    texts = [text for text in documents["text"].to_pylist() if text]
    votes = [looks_like_code(text) for text in evenly(texts, _MAX_DOCUMENTS)]
    return "code" if sum(votes) > 0.5 * len(votes) else "text"


def looks_like_code(text: str) -> bool:
    """Whether a quarter of the lines are such as code has."""
    lines = [line[:_MAX_LINE_CHARS] for line in text[:_HEAD_CHARS].split("\n") if line and not line.isspace()]
    return sum(_CODE_LINE.match(line) is not None for line in lines) > _CODE_LINES_FRACTION * len(lines)


def natural_languages(documents: pa.Table) -> dict[str, float]:
    """Shares of the documents by lid.176's codes, the largest first, none under a twentieth; those that it is unsure of count for none.

    Raises:
        UsageError: the model is not in the cache.
    """
    from pipeline.curation.fasttext_models import one_line
    from pipeline.curation.language import load_model

    texts = [one_line(text, 4000) for text in evenly([text for text in documents["text"].to_pylist() if text], _MAX_DOCUMENTS)]
    if not texts:
        return {}
    labels, scores = load_model(None).predict(texts, k=1)
    sure = Counter(
        label[0].removeprefix("__label__") for label, score in zip(labels, scores, strict=True) if len(label) and score[0] >= _MIN_SCORE
    )
    return {language: count / len(texts) for language, count in sure.most_common() if count >= _MIN_SHARE * len(texts)}
