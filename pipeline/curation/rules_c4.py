"""C4's rules for prose: lines that are no sentences are cut, pages of what is no prose dropped."""

from pydantic import field_validator

from pipeline.curation.c4_lines import KINDS, C4Counts, cut_c4_lines, line_limits
from pipeline.curation.line_edits import EditedLines, as_edit, phrases
from pipeline.curation.prose import Count
from pipeline.curation.rule import Columns, Edit, Rule, RuleSet, once_per_batch, ratio


class C4Params(RuleSet):
    """Keeps the lines that end as sentences do, stripped of the white space around them; blank lines go too.

    A line is cut if it has a word that is too long, then loses its citations (`[12]`, `[edit]`), and is cut if it has no end mark or
    ends in `...`, has too few words (between white space), or a phrase; in this order, which gives the cut its kind. Lorem ipsum and
    curly brackets count in the lines that come so far. C4's list of bad words is not part of this.

    Attributes:
        end_marks: null: a line may end as it likes, as in FineWeb.
        citations: null: they stay.
        javascript_phrases, policy_phrases: a line with one is cut, whatever the case of its letters.

    As datatrove has it: `{min_line_words: 3, min_sentences: 5, end_marks: [".", "?", "!", '"', "'"]}`; as FineWeb uses that:
    `end_marks: null`.

    Source: Raffel et al. 2020 (1910.10683), in the order and with the thresholds of its implementation in TensorFlow Datasets.
    """

    meant_for = "text"
    edit_ignores = frozenset(["max_lorem_ipsum_lines", "max_curly_bracket_lines", "min_sentences"])

    max_word_chars: Count = 1000
    end_marks: tuple[str, ...] | None = (".", "?", "!", '"')
    min_line_words: Count = 5
    citations: tuple[str, ...] | None = ("[edit]", "[citation needed]")
    javascript_phrases: tuple[str, ...] = ("javascript",)
    policy_phrases: tuple[str, ...] = (
        "terms of use",
        "privacy policy",
        "cookie policy",
        "uses cookies",
        "use of cookies",
        "use cookies",
    )
    max_lorem_ipsum_lines: Count = 0
    max_curly_bracket_lines: Count = 0
    min_sentences: Count = 3

    @field_validator("end_marks")
    @classmethod
    def _one_character_each(cls, marks: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if long := [mark for mark in marks or () if len(mark) != 1]:
            raise ValueError(f"end_marks are single characters, {long[0]!r} is none; null turns the rule off")
        return marks

    def rules(self) -> list[Rule]:
        def counts(columns: Columns) -> C4Counts:
            return C4Counts(*_cut(columns, self).counts)

        return [
            Rule("c4_num_lorem_ipsum_lines", lambda c: counts(c).num_lorem_ipsum_lines, maximum=self.max_lorem_ipsum_lines),
            Rule("c4_num_curly_bracket_lines", lambda c: counts(c).num_bracket_lines, maximum=self.max_curly_bracket_lines),
            Rule("c4_num_sentences", lambda c: counts(c).num_sentences, minimum=self.min_sentences),
            Rule("c4_cut_line_fraction", lambda c: ratio(counts(c).num_cut_lines, counts(c).num_lines)),
        ]

    def edit(self, columns: Columns) -> Edit:
        return as_edit(columns["text"], _cut(columns, self), KINDS)


@once_per_batch
def _cut(columns: Columns, params: C4Params) -> EditedLines:
    limits = line_limits(max_word_chars=params.max_word_chars, min_line_words=params.min_line_words, end_marks=params.end_marks)
    # `[12]` is cut wherever there is a phrase of citations to look for.
    groups = (("lorem ipsum",), params.javascript_phrases, params.policy_phrases, params.citations or (), ("{",))
    return cut_c4_lines(columns["text"], limits, phrases(*groups))
