"""Passes over a batch's code that several rule sets share, and the fractions that they make of them."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from pipeline.curation.code_measures import CharacterMeasures, character_measures, head_markers, in_languages
from pipeline.curation.encoded_data import EncodedMeasures, encoded_measures
from pipeline.curation.generated import is_generated
from pipeline.curation.html import visible_chars
from pipeline.curation.rule import Columns, once_per_batch, ratio

Measure = Callable[[Columns], np.ndarray]

_HTML = frozenset(["html"])
_XML, _XML_CHARS = ("<?xml version=",), 100


def inside(languages: frozenset[str], measure: Measure) -> Measure:
    """The measure in these languages (by their canonical names), NaN elsewhere; an unknown language is none of them."""
    return lambda columns: np.where(is_in(columns, languages), measure(columns), np.nan)


def outside(languages: frozenset[str], measure: Measure) -> Measure:
    """The measure in all other languages, the unknown too."""
    return lambda columns: np.where(is_in(columns, languages), np.nan, measure(columns))


@once_per_batch
def is_in(columns: Columns, languages: frozenset[str]) -> np.ndarray:
    """Which documents are in one of these languages, bool [n]."""
    return in_languages(columns["language"], languages)


@once_per_batch
def characters(columns: Columns) -> CharacterMeasures:
    return character_measures(columns["text"])


@once_per_batch
def encoded(columns: Columns) -> EncodedMeasures:
    return encoded_measures(columns["text"])


@once_per_batch
def html_visible_chars(columns: Columns) -> np.ndarray:
    """NaN in other languages, where what looks like a tag is none."""
    is_html = is_in(columns, _HTML)
    visible = np.full(len(is_html), np.nan)
    visible[is_html] = visible_chars(columns["text"].filter(pa.array(is_html)))
    return visible


@once_per_batch
def generated(columns: Columns) -> np.ndarray:
    """1 where a program wrote the file, by GitHub Linguist's signs, else 0; NaN without a path."""
    return where_valid(columns["path"], is_generated(columns["path"], columns["text"]))


def where_valid(paths: pa.StringArray, values: np.ndarray) -> np.ndarray:
    """The values, NaN where the path is null."""
    return np.where(paths.is_valid().to_numpy(zero_copy_only=False), values, np.nan)


def xml_declarations(columns: Columns) -> np.ndarray:
    """1 where `<?xml version=` stands in the first 100 characters, else 0."""
    return head_markers(columns["text"], _XML, max_chars=_XML_CHARS, any_case=False)


def num_chars(columns: Columns) -> np.ndarray:
    return characters(columns).num_chars


def num_lines(columns: Columns) -> np.ndarray:
    return characters(columns).num_lines


def mean_line_chars(columns: Columns) -> np.ndarray:
    return ratio(characters(columns).num_line_chars, characters(columns).num_lines)


def longest_line_chars(columns: Columns) -> np.ndarray:
    return characters(columns).longest_line_chars


def alpha_fraction(columns: Columns) -> np.ndarray:
    return ratio(characters(columns).num_alpha_chars, characters(columns).num_chars)


def alphanumeric_fraction(columns: Columns) -> np.ndarray:
    return ratio(characters(columns).num_alnum_chars, characters(columns).num_chars)


def longest_encoded_run_chars(columns: Columns) -> np.ndarray:
    return encoded(columns).longest_chars


def encoded_fraction(columns: Columns) -> np.ndarray:
    return ratio(encoded(columns).num_chars, characters(columns).num_chars)


def html_visible_fraction(columns: Columns) -> np.ndarray:
    return ratio(html_visible_chars(columns), characters(columns).num_chars)
