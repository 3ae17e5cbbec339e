"""Rule sets for prose; none is meant for code."""

from typing import Annotated

import numpy as np
from pydantic import Field

from pipeline.curation.rule import Columns, Rule, RuleSet, once_per_batch, ratio
from pipeline.curation.text_measures import MAX_STOP_WORDS, LineMeasures, WordMeasures, line_measures, word_measures

_Count = Annotated[int, Field(ge=0)] | None
_Ratio = Annotated[float, Field(ge=0)] | None


class GopherQualityParams(RuleSet):
    """Natural text in English: enough words, of a usual length, few symbols, no mere list.

    What a word is, `text_measures.word_measures` says. Symbols such as `--` have no part in the number of words and their mean
    length, but in what is measured per word. For another language give its `stop_words` and look at its word lengths.

    Source: Rae et al. 2021 (2112.11446), Table A1, as datatrove reads it: stop words count once each, symbols as said.
    """

    min_words: _Count = 50
    max_words: _Count = 100_000
    min_mean_word_chars: _Ratio = 3
    max_mean_word_chars: _Ratio = 10
    max_hashes_per_word: _Ratio = 0.1
    max_ellipses_per_word: _Ratio = 0.1
    max_bullet_line_fraction: _Ratio = 0.9
    max_ellipsis_line_fraction: _Ratio = 0.3
    min_alpha_word_fraction: _Ratio = 0.8
    min_stop_words: _Count = 2
    stop_words: tuple[str, ...] = Field(("the", "be", "to", "of", "and", "that", "have", "with"), max_length=MAX_STOP_WORDS)

    def rules(self) -> list[Rule]:
        def words(columns: Columns) -> WordMeasures:
            return _words(columns, self.stop_words)

        def runs(columns: Columns) -> np.ndarray:
            return words(columns).num_words + words(columns).num_symbols

        return [
            Rule("gopher_quality_num_words", lambda c: words(c).num_words, minimum=self.min_words, maximum=self.max_words),
            Rule(
                "gopher_quality_mean_word_chars",
                lambda c: ratio(words(c).num_word_chars, words(c).num_words),
                minimum=self.min_mean_word_chars,
                maximum=self.max_mean_word_chars,
            ),
            Rule(
                "gopher_quality_hashes_per_word",
                lambda c: ratio(words(c).num_hashes, runs(c)),
                maximum=self.max_hashes_per_word,
            ),
            Rule(
                "gopher_quality_ellipses_per_word",
                lambda c: ratio(words(c).num_ellipses, runs(c)),
                maximum=self.max_ellipses_per_word,
            ),
            Rule(
                "gopher_quality_bullet_line_fraction",
                lambda c: ratio(_lines(c).num_bullet_lines, _lines(c).num_lines),
                maximum=self.max_bullet_line_fraction,
            ),
            Rule(
                "gopher_quality_ellipsis_line_fraction",
                lambda c: ratio(_lines(c).num_ellipsis_lines, _lines(c).num_lines),
                maximum=self.max_ellipsis_line_fraction,
            ),
            Rule(
                "gopher_quality_alpha_word_fraction",
                lambda c: ratio(words(c).num_alpha_words, runs(c)),
                minimum=self.min_alpha_word_fraction,
            ),
            Rule("gopher_quality_num_stop_words", lambda c: words(c).num_stop_words, minimum=self.min_stop_words),
        ]


@once_per_batch
def _words(columns: Columns, stop_words: tuple[str, ...]) -> WordMeasures:
    return word_measures(columns["text"], stop_words)


@once_per_batch
def _lines(columns: Columns) -> LineMeasures:
    return line_measures(columns["text"])
