"""Gopher's rule sets for prose: quality and repetition."""

from collections.abc import Callable
from functools import partial

import numpy as np
from pydantic import Field

from pipeline.curation.ngrams import MAX_WORDS, REPEATED_LENGTHS, TOP_LENGTHS
from pipeline.curation.prose import Count, Ratio, line_counts, ngram_chars, word_counts, words_of
from pipeline.curation.rule import Columns, Rule, RuleSet, ratio
from pipeline.curation.word_measures import MAX_STOP_WORDS, WordMeasures


class GopherQualityParams(RuleSet):
    """Natural text in English: enough words, of a usual length, few symbols, no mere list.

    Marks such as `,` and `--` have no part in the number of words and their mean length, but in what is measured per word. For another
    language give its `stop_words` and look at its word lengths.

    Attributes:
        split_marks: marks come off the words and count each, as in datatrove and FineWeb. False: a word is what lies between white
            space, as in Dolma and DCLM; text full of markup then keeps far more of its pages.

    Source: Rae et al. 2021 (2112.11446), Table A1, as datatrove reads it: stop words count once each, marks as said.
    """

    meant_for = "text"

    min_words: Count = 50
    max_words: Count = 100_000
    min_mean_word_chars: Ratio = 3
    max_mean_word_chars: Ratio = 10
    max_hashes_per_word: Ratio = 0.1
    max_ellipses_per_word: Ratio = 0.1
    max_bullet_line_fraction: Ratio = 0.9
    max_ellipsis_line_fraction: Ratio = 0.3
    min_alpha_word_fraction: Ratio = 0.8
    min_stop_words: Count = 2
    stop_words: tuple[str, ...] = Field(("the", "be", "to", "of", "and", "that", "have", "with"), max_length=MAX_STOP_WORDS)
    split_marks: bool = True

    def rules(self) -> list[Rule]:
        def words(columns: Columns) -> WordMeasures:
            return word_counts(columns, self.split_marks, self.stop_words)

        def all_words(columns: Columns) -> np.ndarray:
            return words(columns).num_words + words(columns).num_symbols

        lines = line_counts
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
                lambda c: ratio(lines(c).num_hashes, all_words(c)),
                maximum=self.max_hashes_per_word,
            ),
            Rule(
                "gopher_quality_ellipses_per_word",
                lambda c: ratio(lines(c).num_ellipses, all_words(c)),
                maximum=self.max_ellipses_per_word,
            ),
            Rule(
                "gopher_quality_bullet_line_fraction",
                lambda c: ratio(lines(c).num_bullet_lines, lines(c).num_lines),
                maximum=self.max_bullet_line_fraction,
            ),
            Rule(
                "gopher_quality_ellipsis_line_fraction",
                lambda c: ratio(lines(c).num_ellipsis_lines, lines(c).num_lines),
                maximum=self.max_ellipsis_line_fraction,
            ),
            Rule(
                "gopher_quality_alpha_word_fraction",
                lambda c: ratio(words(c).num_alpha_words, all_words(c)),
                minimum=self.min_alpha_word_fraction,
            ),
            Rule("gopher_quality_num_stop_words", lambda c: words(c).num_stop_words, minimum=self.min_stop_words),
        ]


class GopherRepetitionParams(RuleSet):
    """Text that does not repeat itself: in lines, in paragraphs, in n-grams of words.

    A duplicate is what came before in the same text; blank lines are none, but a blank text counts as nothing else. Characters of
    n-grams are taken as a fraction of all characters; n-grams are looked for among the first 2**20 words.

    Attributes:
        split_marks: as in `gopher_quality`.

    Source: Rae et al. 2021 (2112.11446), Table A1, with n-grams counted as datatrove does.
    """

    meant_for = "text"

    max_duplicate_line_fraction: Ratio = 0.30
    max_duplicate_paragraph_fraction: Ratio = 0.30
    max_duplicate_line_char_fraction: Ratio = 0.20
    max_duplicate_paragraph_char_fraction: Ratio = 0.20
    max_top_2gram_char_fraction: Ratio = 0.20
    max_top_3gram_char_fraction: Ratio = 0.18
    max_top_4gram_char_fraction: Ratio = 0.16
    max_duplicate_5gram_char_fraction: Ratio = 0.15
    max_duplicate_6gram_char_fraction: Ratio = 0.14
    max_duplicate_7gram_char_fraction: Ratio = 0.13
    max_duplicate_8gram_char_fraction: Ratio = 0.12
    max_duplicate_9gram_char_fraction: Ratio = 0.11
    max_duplicate_10gram_char_fraction: Ratio = 0.10
    split_marks: bool = True

    def rules(self) -> list[Rule]:
        lines = line_counts
        measures: dict[str, Callable[[Columns], np.ndarray]] = {
            "duplicate_paragraph_fraction": lambda c: np.where(
                lines(c).num_paragraphs > 0, ratio(lines(c).num_repeated_paragraphs, lines(c).num_paragraphs), 1
            ),
            "duplicate_paragraph_char_fraction": lambda c: ratio(lines(c).num_repeated_paragraph_chars, lines(c).num_chars),
            "duplicate_line_fraction": lambda c: ratio(lines(c).num_repeated_lines, lines(c).num_full_lines),
            "duplicate_line_char_fraction": lambda c: ratio(lines(c).num_repeated_line_chars, lines(c).num_chars),
        }
        for place, length in enumerate(TOP_LENGTHS):
            measures[f"top_{length}gram_char_fraction"] = partial(self._ngram_fraction, kind=0, place=place)
        for place, length in enumerate(REPEATED_LENGTHS):
            measures[f"duplicate_{length}gram_char_fraction"] = partial(self._ngram_fraction, kind=1, place=place)
        return [Rule(f"gopher_repetition_{name}", measure, maximum=getattr(self, f"max_{name}")) for name, measure in measures.items()]

    def _ngram_fraction(self, columns: Columns, *, kind: int, place: int) -> np.ndarray:
        chars = ngram_chars(columns, self.split_marks)[kind][place]
        num_words = np.diff(words_of(columns, self.split_marks).starts)
        # Of a text with more words than n-grams are looked for in, the share of its characters that they stand for.
        return ratio(chars, line_counts(columns).num_chars) * np.maximum(num_words / MAX_WORDS, 1)
