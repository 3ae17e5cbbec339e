"""RefinedWeb's line-wise corrections for prose: lines of menus and counters are cut, pages that are mostly such dropped."""

from typing import Annotated

import numpy as np
from pydantic import Field

from pipeline.curation.line_edits import EditedLines, as_edit, phrases
from pipeline.curation.prose import Count, Ratio
from pipeline.curation.refinedweb_lines import KINDS, LineLimits, RefinedWebCounts, cut_refinedweb_lines
from pipeline.curation.rule import Columns, Edit, Rule, RuleSet, once_per_batch, ratio


class RefinedWebParams(RuleSet):
    """Cuts lines mostly in upper case, of digits alone, of one word, and counters (`3 likes`, `1.2K views`); in short lines also
    phrases of menus. A page that loses too many of its words is dropped.

    Words are what lies between white space; a blank page counts as cut whole. Blank lines stay, but for more than `max_line_feeds`
    one after the other.

    Attributes:
        counters: what a counter counts, in a line that says nothing else.
        max_phrase_line_words: the longest line that phrases are cut from.
        phrases, start_phrases, end_phrases: cut wherever they are, at a line's start, at its end; whatever the case of the letters.

    Source: Penedo et al. 2023 (2306.01116), Table 7, as DCLM's released configuration has it (2406.11794).
    """

    meant_for = "text"
    edit_ignores = frozenset(["max_cut_word_fraction"])

    max_upper_case_fraction: Ratio = 0.5
    cut_digits: bool = True
    counters: tuple[str, ...] = (
        "likes",
        "shares",
        "comments",
        "retweets",
        "reposts",
        "quotes",
        "bookmarks",
        "upvotes",
        "downvotes",
        "downloads",
        "views",
        "followers",
    )
    min_line_words: Count = 2
    max_phrase_line_words: Annotated[int, Field(ge=0)] = 10
    phrases: tuple[str, ...] = ("items in cart",)
    start_phrases: tuple[str, ...] = ("Sign-in",)
    end_phrases: tuple[str, ...] = ("Read more...",)
    max_line_feeds: Annotated[int, Field(ge=1)] | None = 2
    max_cut_word_fraction: Ratio = 0.05

    def rules(self) -> list[Rule]:
        def counts(columns: Columns) -> RefinedWebCounts:
            return RefinedWebCounts(*_cut(columns, self).counts)

        return [
            Rule(
                "refinedweb_cut_word_fraction",
                lambda c: np.where(counts(c).num_words > 0, ratio(counts(c).num_cut_words, counts(c).num_words), 1),
                maximum=self.max_cut_word_fraction,
            ),
            Rule("refinedweb_cut_line_fraction", lambda c: ratio(counts(c).num_cut_lines, counts(c).num_lines)),
        ]

    def edit(self, columns: Columns) -> Edit:
        return as_edit(columns["text"], _cut(columns, self), KINDS)


@once_per_batch
def _cut(columns: Columns, params: RefinedWebParams) -> EditedLines:
    limits = LineLimits(
        np.inf if params.max_upper_case_fraction is None else params.max_upper_case_fraction,
        params.cut_digits,
        params.min_line_words or 0,
        params.max_phrase_line_words,
        np.iinfo(np.int64).max if params.max_line_feeds is None else params.max_line_feeds,
    )
    wanted = phrases(params.counters, params.phrases, params.start_phrases, params.end_phrases)
    return cut_refinedweb_lines(columns["text"], limits, wanted)
