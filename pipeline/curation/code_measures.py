"""What code rules measure: lines, letters, signs of generated code, and which language a document is in."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.curation.characters import ALNUM, ALPHA, DIGIT, SPACE, character_flags, decode
from pipeline.kernels import kernel, string_buffers
from pipeline.readers.languages import canonical_language

_NO_LIMIT = 1 << 62
_REPLACEMENT = 0xFFFD
_MAX_COUNT = 0xFFFF


class CharacterMeasures(NamedTuple):
    """Counts of each document, int64 [n]; characters are code points."""

    num_chars: np.ndarray  # line feeds included
    num_lines: np.ndarray
    num_line_chars: np.ndarray  # line feeds not included
    longest_line_chars: np.ndarray
    longest_ended_line_chars: np.ndarray  # with its line feed, where a line has one
    num_alpha_chars: np.ndarray  # str.isalpha
    num_alnum_chars: np.ndarray  # str.isalnum
    num_digit_chars: np.ndarray  # str.isdigit
    num_space_chars: np.ndarray  # str.isspace
    num_replacement_chars: np.ndarray  # U+FFFD


def character_measures(texts: pa.StringArray) -> CharacterMeasures:
    """Lines and letters of each text; a line ends at a line feed or at the text's end.

    Args:
        texts: pa.string(), normalised; a null is measured as empty.
    """
    return CharacterMeasures(*_character_counts(*string_buffers(texts), character_flags(), _ascii_counts()))


def head_markers(
    texts: pa.StringArray, markers: tuple[str, ...], *, max_lines: int = _NO_LIMIT, max_chars: int = _NO_LIMIT, any_case: bool = True
) -> np.ndarray:
    """How many of the markers stand in the head of each text, int64 [n]; a marker that stands there twice counts once.

    Args:
        texts: pa.string(), normalised; a null is measured as empty.
        markers: ASCII; in lower case if `any_case`.
        max_lines, max_chars: of the head.
        any_case: whether the text's upper-case letters count as lower-case ones.
    """
    joined = np.frombuffer("".join(markers).encode(), np.uint8)
    ends = np.cumsum([0, *(len(marker) for marker in markers)])
    return _num_markers(*string_buffers(texts), joined, ends, max_lines, max_chars, any_case)


def token_counts(texts: pa.StringArray) -> np.ndarray:
    """Tokens of each text, int64 [n]: runs of letters, runs of digits, and every other character that is no white space.

    Args:
        texts: pa.string(), normalised; a null is measured as empty.
    """
    return _num_tokens(*string_buffers(texts), character_flags())


def in_languages(languages: pa.StringArray, names: Iterable[str]) -> np.ndarray:
    """Which documents are in one of the languages, bool [n]; a document of unknown (null) language never is.

    The names of The Stack (`roff-manpage`) and of Linguist (`Roff Manpage`, `Graphviz (DOT)`) are the same here.

    Args:
        languages: pa.string().
        names: in canonical form: lower case, words joined by hyphens.
    """
    wanted = frozenset(names)
    encoded = pc.dictionary_encode(languages, null_encoding="encode")
    is_wanted = [language is not None and canonical_language(language) in wanted for language in encoded.dictionary.to_pylist()]
    return np.array(is_wanted, bool)[encoded.indices.to_numpy(zero_copy_only=False)]


def _ascii_counts() -> np.ndarray:
    """uint64 [128]: what a character adds to four counts of 16 bits each: alphabetic, alphanumeric, digits, white space."""
    flags = character_flags()[:128]
    return sum((flags & flag != 0).astype(np.uint64) << np.uint64(16 * k) for k, flag in enumerate((ALPHA, ALNUM, DIGIT, SPACE)))


@kernel
def _character_counts(offsets: np.ndarray, data: np.ndarray, flags: np.ndarray, ascii_counts: np.ndarray) -> np.ndarray:
    """int64 [10, n], the rows of CharacterMeasures."""
    counts = np.zeros((10, len(offsets) - 1), np.int64)
    for document in range(len(offsets) - 1):
        row = counts[:, document]
        i, end = offsets[document], offsets[document + 1]
        line_feeds = longest = longest_ended = line_start = continued = 0  # line_start: in characters
        while i < end:
            # The four counts in one sum, until the first of them might run over.
            sums = np.uint64(0)
            stop = min(end, i + _MAX_COUNT)
            while i < stop:
                byte = data[i]
                i += 1
                if byte < 0x80:
                    sums += ascii_counts[byte]
                    if byte == 10:
                        chars = i - offsets[document] - continued
                        longest = max(longest, chars - 1 - line_start)
                        longest_ended = max(longest_ended, chars - line_start)
                        line_feeds += 1
                        line_start = chars
                else:
                    code, width = decode(data, i - 1)
                    i += width - 1
                    continued += width - 1
                    flag = flags[code]
                    row[5] += flag & ALPHA
                    row[6] += flag & ALNUM != 0
                    row[7] += flag & DIGIT != 0
                    row[8] += flag & SPACE != 0
                    row[9] += code == _REPLACEMENT
            for k in range(4):
                row[5 + k] += np.int64(sums >> np.uint64(16 * k) & np.uint64(0xFFFF))
        chars = end - offsets[document] - continued
        row[0], row[1], row[2] = chars, line_feeds + (line_start < chars), chars - line_feeds
        row[3], row[4] = max(longest, chars - line_start), max(longest_ended, chars - line_start)
    return counts


@kernel
def _num_tokens(offsets: np.ndarray, data: np.ndarray, flags: np.ndarray) -> np.ndarray:
    num = np.zeros(len(offsets) - 1, np.int64)
    for document in range(len(num)):
        i, end = offsets[document], offsets[document + 1]
        before = np.uint8(0)
        while i < end:
            code, width = decode(data, i)
            i += width
            kind = flags[code] & np.uint8(ALPHA | DIGIT)
            num[document] += flags[code] & SPACE == 0 and (kind == 0 or kind != before)
            before = kind
    return num


@kernel
def _num_markers(
    offsets: np.ndarray, data: np.ndarray, markers: np.ndarray, ends: np.ndarray, max_lines: int, max_chars: int, any_case: bool
) -> np.ndarray:
    """Marker k is markers[ends[k] : ends[k + 1]]."""
    num = np.zeros(len(offsets) - 1, np.int64)
    for document in range(len(num)):
        head_end, end = offsets[document], offsets[document + 1]
        lines = chars = 0
        while head_end < end and lines < max_lines:
            chars += data[head_end] & 0xC0 != 0x80
            if chars > max_chars:
                break
            lines += data[head_end] == 10
            head_end += 1
        for k in range(len(ends) - 1):
            num[document] += _contains(data, offsets[document], head_end, markers[ends[k] : ends[k + 1]], any_case)
    return num


@kernel
def _contains(data: np.ndarray, start: int, end: int, marker: np.ndarray, any_case: bool) -> bool:
    for i in range(start, end - len(marker) + 1):
        k = 0
        while k < len(marker):
            byte = data[i + k]
            if byte != marker[k] and not (any_case and 65 <= byte <= 90 and byte + 32 == marker[k]):
                break
            k += 1
        if k == len(marker):
            return True
    return False
