"""OpenCoder's rules for code of any language, as far as they need no parser; `opencoder_syntax` has the others."""

import numpy as np
import pyarrow.compute as pc

from pipeline.curation.code_columns import (
    Measure,
    characters,
    encoded_fraction,
    inside,
    is_in,
    longest_encoded_run_chars,
    num_chars,
    num_lines,
    outside,
    xml_declarations,
)
from pipeline.curation.code_lines import CodeLineMeasures, code_line_measures
from pipeline.curation.code_measures import head_markers
from pipeline.curation.code_words import code_words, distinct_words, word_chars
from pipeline.curation.ngrams import REPEATED_LENGTHS, TOP_LENGTHS, NgramMeasures, covered_ngram_measures
from pipeline.curation.rule import Columns, Rule, RuleSet, once_per_batch, ratio
from pipeline.curation.rules_code import Count, Ratio
from pipeline.curation.word_measures import Words
from pipeline.readers.languages import data_languages

_SQL, _HTML, _SHELL, _GO = frozenset(["sql"]), frozenset(["html"]), frozenset(["shell"]), frozenset(["go"])

# Where OpenCoder's table of languages differs from Linguist's.
_ALSO_DATA, _NO_DATA = frozenset(["bibtex", "cartocss", "css", "linker-script", "postcss", "scss"]), frozenset(["diff", "sql"])

_GENERATED, _GENERATED_CHARS = ("generate", "autogen", "do not edit"), 200


class OpenCoderParams(RuleSet):
    """Files with enough of their own to say: words, lines, letters, and little that repeats, counts or is encoded.

    Some rules go by language: SQL may have more digits, HTML less that repeats, data (JSON, YAML, CSS, ...) is short and says different
    things. Asserts are not counted in Go and shell, long strings not in shell, both and to-dos neither in HTML nor in data.

    What a word is, `code_words` says; what a string and a comment are without a parser, `code_lines`. The published code drops
    comments and docstrings before it looks for repeated lines, asserts, strings and hexadecimal numbers; here they are lines like others.

    Source: Huang et al. 2024 (2411.04905), the configuration of `opc_data_filtering`. Its rules for text and those that throw dice
    (a file without logic) are not here.
    """

    meant_for = "code"

    max_replacement_fraction: Ratio = 0.01
    min_words: Count = 30
    min_chars: Count = 50
    min_mean_word_chars: Ratio = 2
    max_mean_word_chars: Ratio = 10
    max_top_2gram_fraction: Ratio = 0.20
    max_top_3gram_fraction: Ratio = 0.18
    max_top_4gram_fraction: Ratio = 0.16
    max_repeated_5gram_fraction: Ratio = 0.80
    max_repeated_6gram_fraction: Ratio = 0.70
    max_repeated_7gram_fraction: Ratio = 0.70
    max_repeated_8gram_fraction: Ratio = 0.70
    max_repeated_9gram_fraction: Ratio = 0.70
    max_repeated_10gram_fraction: Ratio = 0.60
    max_html_repeated_ngram_fraction: Ratio = 0.60
    max_repeated_line_fraction: Ratio = 0.70
    max_bytes: Count = 3_000_000
    min_lines: Count = 10
    max_lines: Count = 100_000
    max_line_chars: Count = 1000
    min_mean_line_chars: Ratio = 5
    max_mean_line_chars: Ratio = 100
    min_alpha_fraction: Ratio = 0.5
    max_digit_fraction: Ratio = 0.2
    max_sql_digit_fraction: Ratio = 0.3
    max_space_fraction: Ratio = 0.5
    max_xml_declarations: Count = 0
    max_generated_markers: Count = 0
    max_encoded_run_chars: Count = 1024
    max_encoded_fraction: Ratio = 0.5
    max_hexadecimal_fraction: Ratio = 0.4
    max_assert_line_fraction: Ratio = 0.4
    max_long_string_line_fraction: Ratio = 0.2
    max_todo_line_fraction: Ratio = 0.01
    max_data_chars: Count = 5000
    min_data_distinct_word_fraction: Ratio = 0.4

    def rules(self) -> list[Rule]:
        data = (data_languages() | _ALSO_DATA) - _NO_DATA
        return [
            Rule("opencoder_replacement_fraction", _of_chars("num_replacement_chars"), maximum=self.max_replacement_fraction),
            Rule("opencoder_num_words", lambda c: np.diff(_words(c).starts), minimum=self.min_words),
            Rule("opencoder_num_chars", num_chars, minimum=self.min_chars),
            Rule("opencoder_mean_word_chars", _mean_word_chars, minimum=self.min_mean_word_chars, maximum=self.max_mean_word_chars),
            *self._of_ngrams(),
            Rule("opencoder_repeated_line_fraction", _of_lines("num_repeated_lines"), maximum=self.max_repeated_line_fraction),
            Rule("opencoder_num_bytes", _num_bytes, maximum=self.max_bytes),
            Rule("opencoder_num_lines", num_lines, minimum=self.min_lines, maximum=self.max_lines),
            Rule("opencoder_longest_line_chars", lambda c: characters(c).longest_ended_line_chars, maximum=self.max_line_chars),
            Rule("opencoder_mean_line_chars", _mean_line_chars, minimum=self.min_mean_line_chars, maximum=self.max_mean_line_chars),
            Rule("opencoder_alpha_fraction", _of_visible_chars("num_alpha_chars"), minimum=self.min_alpha_fraction),
            Rule("opencoder_digit_fraction", outside(_SQL, _of_visible_chars("num_digit_chars")), maximum=self.max_digit_fraction),
            Rule("opencoder_sql_digit_fraction", inside(_SQL, _of_visible_chars("num_digit_chars")), maximum=self.max_sql_digit_fraction),
            Rule("opencoder_space_fraction", _of_chars("num_space_chars"), maximum=self.max_space_fraction),
            Rule("opencoder_xml_declarations", xml_declarations, maximum=self.max_xml_declarations),
            Rule("opencoder_generated_markers", _generated_markers, maximum=self.max_generated_markers),
            Rule("opencoder_longest_encoded_run_chars", longest_encoded_run_chars, maximum=self.max_encoded_run_chars),
            Rule("opencoder_encoded_fraction", encoded_fraction, maximum=self.max_encoded_fraction),
            Rule("opencoder_hexadecimal_fraction", _hexadecimal_fraction, maximum=self.max_hexadecimal_fraction),
            Rule(
                "opencoder_assert_line_fraction",
                outside(data | _HTML | _SHELL | _GO, _of_lines("num_assert_lines")),
                maximum=self.max_assert_line_fraction,
            ),
            Rule(
                "opencoder_long_string_line_fraction",
                outside(data | _HTML | _SHELL, _of_lines("num_long_string_lines")),
                maximum=self.max_long_string_line_fraction,
            ),
            Rule("opencoder_todo_line_fraction", outside(data | _HTML, _todo_line_fraction), maximum=self.max_todo_line_fraction),
            Rule("opencoder_data_chars", inside(data, num_chars), maximum=self.max_data_chars),
            Rule(
                "opencoder_data_distinct_word_fraction",
                lambda c: _distinct_word_fraction(c, data),
                minimum=self.min_data_distinct_word_fraction,
            ),
        ]

    def _of_ngrams(self) -> list[Rule]:
        top = [
            Rule(f"opencoder_top_{length}gram_fraction", _of_top(k), maximum=getattr(self, f"max_top_{length}gram_fraction"))
            for k, length in enumerate(TOP_LENGTHS)
        ]
        repeated = [
            Rule(
                f"opencoder_repeated_{length}gram_fraction",
                outside(_HTML, _of_repeated(k)),
                maximum=getattr(self, f"max_repeated_{length}gram_fraction"),
            )
            for k, length in enumerate(REPEATED_LENGTHS)
        ]
        # One threshold for all lengths, and the shortest repeat most.
        of_html = Rule(
            "opencoder_html_repeated_ngram_fraction", inside(_HTML, _of_repeated(0)), maximum=self.max_html_repeated_ngram_fraction
        )
        return [*top, *repeated, of_html]


@once_per_batch
def _words(columns: Columns) -> Words:
    return code_words(columns["text"])


@once_per_batch
def _word_chars(columns: Columns) -> np.ndarray:
    return word_chars(_words(columns))


@once_per_batch
def _ngrams(columns: Columns) -> NgramMeasures:
    return covered_ngram_measures(_words(columns))


@once_per_batch
def _lines(columns: Columns) -> CodeLineMeasures:
    return code_line_measures(columns["text"])


def _of_chars(count: str) -> Measure:
    return lambda columns: ratio(getattr(characters(columns), count), characters(columns).num_chars)


def _of_visible_chars(count: str) -> Measure:
    return lambda columns: ratio(getattr(characters(columns), count), characters(columns).num_chars - characters(columns).num_space_chars)


def _of_lines(count: str) -> Measure:
    return lambda columns: ratio(getattr(_lines(columns), count), _lines(columns).num_lines)


def _of_top(place: int) -> Measure:
    return lambda columns: ratio(_ngrams(columns).top_chars[place], _word_chars(columns))


def _of_repeated(place: int) -> Measure:
    return lambda columns: ratio(_ngrams(columns).repeated_chars[place], _word_chars(columns))


def _mean_word_chars(columns: Columns) -> np.ndarray:
    return ratio(_word_chars(columns), np.diff(_words(columns).starts))


def _mean_line_chars(columns: Columns) -> np.ndarray:
    """With the line feeds, as published."""
    return ratio(characters(columns).num_chars, characters(columns).num_lines)


def _num_bytes(columns: Columns) -> np.ndarray:
    return np.nan_to_num(pc.binary_length(columns["text"]).to_numpy(zero_copy_only=False))


def _generated_markers(columns: Columns) -> np.ndarray:
    return head_markers(columns["text"], _GENERATED, max_chars=_GENERATED_CHARS)


def _hexadecimal_fraction(columns: Columns) -> np.ndarray:
    return ratio(_lines(columns).num_hexadecimal_chars, characters(columns).num_chars)


def _todo_line_fraction(columns: Columns) -> np.ndarray:
    return ratio(_lines(columns).num_todo_lines, characters(columns).num_lines)


def _distinct_word_fraction(columns: Columns, languages: frozenset[str]) -> np.ndarray:
    wanted = is_in(columns, languages)
    return np.where(wanted, ratio(distinct_words(_words(columns), wanted), np.diff(_words(columns).starts)), np.nan)
