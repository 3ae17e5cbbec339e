"""FineWeb's own rules for prose, which come after Gopher's and C4's."""

from typing import Annotated

import numpy as np
from pydantic import Field

from pipeline.curation.line_measures import LineMeasures
from pipeline.curation.prose import SHORT_LINE_CHARS, Ratio, line_counts, words_of
from pipeline.curation.rule import Columns, Rule, RuleSet, ratio


class FineWebParams(RuleSet):
    """Text of sentences rather than of lists and repeated lines. Blank lines have no part in fractions of lines.

    Attributes:
        short_line_chars: a line of at most so many characters is short.
        max_duplicate_line_char_fraction: as in the paper; datatrove's code has 0.01.
        split_marks: as in `gopher_quality`.

    Source: Penedo et al. 2024 (2406.17557).
    """

    meant_for = "text"

    min_terminal_line_fraction: Ratio = 0.12
    max_short_line_fraction: Ratio = 0.67
    short_line_chars: Annotated[int, Field(ge=0)] = SHORT_LINE_CHARS
    max_duplicate_line_char_fraction: Ratio = 0.1
    max_line_feeds_per_word: Ratio = 0.3
    split_marks: bool = True

    def rules(self) -> list[Rule]:
        def lines(columns: Columns) -> LineMeasures:
            return line_counts(columns, self.short_line_chars)

        def num_words(columns: Columns) -> np.ndarray:
            return np.diff(words_of(columns, self.split_marks).starts)

        return [
            Rule(
                "fineweb_terminal_line_fraction",
                lambda c: ratio(lines(c).num_terminal_lines, lines(c).num_full_lines),
                minimum=self.min_terminal_line_fraction,
            ),
            Rule(
                "fineweb_short_line_fraction",
                lambda c: ratio(lines(c).num_short_lines, lines(c).num_full_lines),
                maximum=self.max_short_line_fraction,
            ),
            Rule(
                "fineweb_duplicate_line_char_fraction",
                lambda c: ratio(lines(c).num_repeated_line_chars, lines(c).num_chars - lines(c).num_line_feeds),
                maximum=self.max_duplicate_line_char_fraction,
            ),
            Rule(
                "fineweb_line_feeds_per_word",
                lambda c: ratio(lines(c).num_line_feeds, num_words(c)),
                maximum=self.max_line_feeds_per_word,
            ),
        ]
