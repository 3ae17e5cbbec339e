"""Rule sets for code; none is meant for prose."""

from collections.abc import Callable
from typing import Annotated

import numpy as np
import pyarrow as pa
from pydantic import Field

from pipeline.curation.code_measures import CharacterMeasures, character_measures, generated_markers, in_languages
from pipeline.curation.encoded_data import EncodedMeasures, encoded_measures
from pipeline.curation.html import visible_chars
from pipeline.curation.rule import Columns, Rule, RuleSet, once_per_batch, ratio

_Count = Annotated[int, Field(ge=0)] | None
_Ratio = Annotated[float, Field(ge=0)] | None

# Languages by their canonical names.
_WIDE = frozenset(["html", "json", "markdown", "roff", "roff-manpage", "smt", "tex", "text", "xml"])
_DATA = frozenset(["text", "json", "yaml", "web-ontology-language", "owl", "graphviz-dot", "graphviz", "dot"])
_SYMBOLIC = frozenset(["motorola-68k-assembly", "webassembly"])
_HTML = frozenset(["html"])


class StarCoder2Params(RuleSet):
    """Files that people wrote as code: lines of a usual length, letters, no generated or encoded data, HTML that says something.

    Some rules go by language. Wide languages (HTML, JSON, Markdown, Roff, SMT, TeX, Text, XML) may have long lines, up to
    `max_wide_line_chars`; data languages (Text, JSON, YAML, OWL, DOT) may have few, up to `max_data_lines`; in Motorola 68K
    assembly and WebAssembly digits count like letters. An unknown language (null) is none of these.

    Source: Lozhkov et al. 2024 (2402.19173), section 3.1. Of its rules, go-enry's `is_generated` and the file names of Text are
    not here.
    """

    max_lines: _Count = 100_000
    max_mean_line_chars: _Ratio = 100
    max_line_chars: _Count = 1000
    max_wide_line_chars: _Count = 100_000
    max_generated_markers: _Count = 0
    min_alpha_fraction: _Ratio = 0.25
    min_alphanumeric_fraction: _Ratio = 0.25
    max_encoded_run_chars: _Count = 1024
    max_encoded_fraction: _Ratio = 0.5
    max_data_lines: _Count = 512
    min_html_visible_chars: _Count = 100
    min_html_visible_fraction: _Ratio = 0.2

    def rules(self) -> list[Rule]:
        return [
            Rule("starcoder2_num_lines", lambda c: _chars(c).num_lines, maximum=self.max_lines),
            Rule("starcoder2_mean_line_chars", _outside(_WIDE, _mean_line_chars), maximum=self.max_mean_line_chars),
            Rule("starcoder2_longest_line_chars", _outside(_WIDE, _longest_line_chars), maximum=self.max_line_chars),
            Rule("starcoder2_longest_wide_line_chars", _inside(_WIDE, _longest_line_chars), maximum=self.max_wide_line_chars),
            Rule("starcoder2_generated_markers", lambda c: generated_markers(c["text"]), maximum=self.max_generated_markers),
            Rule("starcoder2_alpha_fraction", _outside(_SYMBOLIC, _alpha_fraction), minimum=self.min_alpha_fraction),
            Rule("starcoder2_alphanumeric_fraction", _inside(_SYMBOLIC, _alnum_fraction), minimum=self.min_alphanumeric_fraction),
            Rule("starcoder2_longest_encoded_run_chars", lambda c: _encoded(c).longest_chars, maximum=self.max_encoded_run_chars),
            Rule("starcoder2_encoded_fraction", _encoded_fraction, maximum=self.max_encoded_fraction),
            Rule("starcoder2_data_lines", _inside(_DATA, lambda c: _chars(c).num_lines), maximum=self.max_data_lines),
            Rule("starcoder2_html_visible_chars", _html_visible_chars, minimum=self.min_html_visible_chars),
            Rule("starcoder2_html_visible_fraction", _html_visible_fraction, minimum=self.min_html_visible_fraction),
        ]


def _inside(languages: frozenset[str], measure: Callable[[Columns], np.ndarray]) -> Callable[[Columns], np.ndarray]:
    return lambda columns: np.where(in_languages(columns["language"], languages), measure(columns), np.nan)


def _outside(languages: frozenset[str], measure: Callable[[Columns], np.ndarray]) -> Callable[[Columns], np.ndarray]:
    return lambda columns: np.where(in_languages(columns["language"], languages), np.nan, measure(columns))


@once_per_batch
def _chars(columns: Columns) -> CharacterMeasures:
    return character_measures(columns["text"])


@once_per_batch
def _encoded(columns: Columns) -> EncodedMeasures:
    return encoded_measures(columns["text"])


@once_per_batch
def _html_visible_chars(columns: Columns) -> np.ndarray:
    """NaN in other languages, where what looks like a tag is none."""
    is_html = in_languages(columns["language"], _HTML)
    visible = np.full(len(is_html), np.nan)
    visible[is_html] = visible_chars(columns["text"].filter(pa.array(is_html)))
    return visible


def _mean_line_chars(columns: Columns) -> np.ndarray:
    return ratio(_chars(columns).num_line_chars, _chars(columns).num_lines)


def _longest_line_chars(columns: Columns) -> np.ndarray:
    return _chars(columns).longest_line_chars


def _alpha_fraction(columns: Columns) -> np.ndarray:
    return ratio(_chars(columns).num_alpha_chars, _chars(columns).num_chars)


def _alnum_fraction(columns: Columns) -> np.ndarray:
    return ratio(_chars(columns).num_alnum_chars, _chars(columns).num_chars)


def _encoded_fraction(columns: Columns) -> np.ndarray:
    return ratio(_encoded(columns).num_chars, _chars(columns).num_chars)


def _html_visible_fraction(columns: Columns) -> np.ndarray:
    return ratio(_html_visible_chars(columns), _chars(columns).num_chars)
