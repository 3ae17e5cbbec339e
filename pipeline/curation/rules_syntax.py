"""The rules of OpenCoder that go by the syntax of code: a rule set that is measured on what the cheaper ones kept."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
import pyarrow.compute as pc
from pydantic import Field

from pipeline.curation.code_columns import Measure, html_visible_chars, html_visible_fraction
from pipeline.curation.rule import Columns, Rule, RuleSet, once_per_batch, ratio
from pipeline.curation.rules_code import Count, Ratio
from pipeline.curation.syntax import Syntax, parse_batch

# Languages by their names in GRAMMARS.
_WITH_RULES = ("python", "c", "c++", "java", "javascript", "go", "c#")
_WITH_VARIABLES = ("python", "java", "javascript", "go", "c#")
_STRICT = ("python", "javascript")
_PREPROCESSED = ("c", "c++")
_HEADER = r"(?i)\.(h|hpp|hxx|hh|h\+\+)$"


class OpenCoderSyntaxParams(RuleSet):
    """Code that says something, by its syntax tree: it parses; not all comments, strings, imports, prints or empty functions.

    Measured in the languages of grammars.GRAMMARS and null elsewhere; null, too, in texts of over `max_parsed_bytes` and in the rare
    ones that a parser can't do in bounded work and memory. Fractions of lines are of the lines with code. docs/syntax.md has what each
    counts in which language, and where that departs from what was published.

    Source: Huang et al. 2024 (2411.04905), with the definitions and thresholds of their released configuration. Of it are here: what
    does not parse; comments, strings, marks of unfinished work (`opencoder` has the last two by a simpler scan, in every
    language), functions, variables, imports, prints, directives; HTML's text. Not here: what needs no parse (the step `opencoder`), and
    the score of lines without logic, which drops by chance.
    """

    costly: ClassVar[bool] = True
    meant_for = "code"

    max_parsed_bytes: Annotated[int, Field(ge=0)] = 1 << 20
    max_errors: Count = 0
    max_error_fraction: Ratio = None
    max_comment_fraction: Ratio = 0.8
    max_string_fraction: Ratio = 0.6
    max_long_string_line_fraction: Ratio = 0.2
    max_long_word_fraction: Ratio = 0.4
    max_marker_line_fraction: Ratio = 0.01
    max_function_fraction: Ratio = 0.2
    max_simple_function_fraction: Ratio = 0.1
    max_main_functions: Count = 1
    min_variables: Count = 1
    max_pass_line_fraction: Ratio = 0.05
    max_import_line_fraction: Ratio = 0.3
    max_print_line_fraction: Ratio = 0.4
    max_directive_line_fraction: Ratio = 0.8
    min_html_text_chars: Count = 100
    min_html_text_fraction: Ratio = 0.2

    def rules(self) -> list[Rule]:
        def of(part: str, whole: str = "", *, only: Sequence[str] = (), but: Sequence[str] = ()) -> Measure:
            return lambda columns: _share(_syntax(columns, self.max_parsed_bytes), part, whole, only=only, but=but)

        measures: list[tuple[str, Measure, float | None, float | None]] = [
            ("errors", of("errors", only=_STRICT), None, self.max_errors),
            ("error_fraction", of("error_bytes", "bytes"), None, self.max_error_fraction),
            ("comment_fraction", of("comment_chars", "chars"), None, self.max_comment_fraction),
            ("string_fraction", of("string_chars", "code_chars", but=["shell"]), None, self.max_string_fraction),
            ("long_string_line_fraction", of("long_string_lines", "code_lines", but=["shell"]), None, self.max_long_string_line_fraction),
            ("long_word_fraction", of("long_word_chars", "code_chars"), None, self.max_long_word_fraction),
            ("marker_line_fraction", of("marker_lines", "lines"), None, self.max_marker_line_fraction),
            ("function_fraction", of("functions", "code_lines", only=_WITH_RULES), None, self.max_function_fraction),
            ("simple_function_fraction", of("simple_functions", "code_lines", only=["python"]), None, self.max_simple_function_fraction),
            ("main_functions", of("main_functions", only=_PREPROCESSED), None, self.max_main_functions),
            ("num_variables", of("variables", only=_WITH_VARIABLES), self.min_variables, None),
            ("pass_line_fraction", of("pass_lines", "code_lines", only=["python"]), None, self.max_pass_line_fraction),
            ("import_line_fraction", of("import_lines", "code_lines", only=["python"]), None, self.max_import_line_fraction),
            ("print_line_fraction", of("print_lines", "code_lines", only=_WITH_RULES), None, self.max_print_line_fraction),
            (
                "directive_line_fraction",
                _but_headers(of("directive_lines", "code_lines", only=_PREPROCESSED)),
                None,
                self.max_directive_line_fraction,
            ),
            ("html_text_chars", html_visible_chars, self.min_html_text_chars, None),
            ("html_text_fraction", html_visible_fraction, self.min_html_text_fraction, None),
        ]
        return [Rule(f"opencoder_syntax_{name}", measure, minimum, maximum) for name, measure, minimum, maximum in measures]


@once_per_batch
def _syntax(columns: Columns, max_bytes: int) -> Syntax:
    return parse_batch(columns["text"], columns["language"], max_bytes=max_bytes)


def _share(syntax: Syntax, part: str, whole: str, *, only: Sequence[str], but: Sequence[str]) -> np.ndarray:
    """A count, or its ratio to another, NaN outside the languages; float64 [n]."""
    counts = syntax.counts
    wholes = counts | {"code_chars": counts["chars"] - counts["comment_chars"]}
    values = ratio(counts[part], wholes[whole]) if whole else counts[part]
    measured = syntax.is_in(*only) if only else ~syntax.is_in(*but)
    return np.where(measured, values, np.nan)


def _but_headers(measure: Measure) -> Measure:
    """Header files hold directives by their nature."""

    def measured(columns: Columns) -> np.ndarray:
        is_header = pc.fill_null(pc.match_substring_regex(columns["path"], _HEADER), False).to_numpy(zero_copy_only=False)
        return np.where(is_header, np.nan, measure(columns))

    return measured
