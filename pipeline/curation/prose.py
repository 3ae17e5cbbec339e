"""The passes over a batch that the prose rule sets share."""

from typing import Annotated

from pydantic import Field

from pipeline.curation.line_measures import LineMeasures, line_measures
from pipeline.curation.ngrams import NgramMeasures, ngram_measures
from pipeline.curation.rule import Columns, once_per_batch
from pipeline.curation.word_measures import WordMeasures, Words, split_words, word_measures

Count = Annotated[int, Field(ge=0)] | None
Ratio = Annotated[float, Field(ge=0)] | None

SHORT_LINE_CHARS = 30  # FineWeb's; the sets that don't ask for short lines share its pass


@once_per_batch
def words_of(columns: Columns, split_marks: bool) -> Words:
    return split_words(columns["text"], split_marks=split_marks)


@once_per_batch
def word_counts(columns: Columns, split_marks: bool, stop_words: tuple[str, ...]) -> WordMeasures:
    return word_measures(words_of(columns, split_marks), stop_words)


@once_per_batch
def ngram_chars(columns: Columns, split_marks: bool) -> NgramMeasures:
    return ngram_measures(words_of(columns, split_marks))


@once_per_batch
def line_counts(columns: Columns, max_short_chars: int = SHORT_LINE_CHARS) -> LineMeasures:
    return line_measures(columns["text"], max_short_chars=max_short_chars)
