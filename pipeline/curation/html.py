"""How much of an HTML document a reader would see."""

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import SPACE, character_flags, decode
from pipeline.kernels import kernel, string_buffers

_LESS, _GREATER, _SLASH, _BANG, _QUESTION, _EQUALS, _AMPERSAND, _SEMICOLON, _HASH = (ord(char) for char in "<>/!?=&;#")
_DOUBLE_QUOTE, _SINGLE_QUOTE, _HYPHEN = (ord(char) for char in "\"'-")
_MAX_ENTITY_BYTES = 33  # the longest name that HTML 5 gives a character has 31 letters
_SCRIPT = np.frombuffer(b"script", np.uint8)
_STYLE = np.frombuffer(b"style", np.uint8)


def visible_chars(texts: pa.StringArray) -> np.ndarray:
    """Code points of each text outside markup, int64 [n].

    Markup is tags with their attributes, comments, declarations, processing instructions, and what stands between <script> or
    <style> and its end tag; if one is not closed, all after it is markup. A run of white space counts as one
    character, at the text's ends as none; `&eacute;` counts as one. A `<` that opens none of these is a character.
    Nothing is asked of nesting, so that a page's title counts and hidden elements do too.

    Args:
        texts: pa.string(), normalised; a null is measured as empty.
    """
    return _visible_chars(*string_buffers(texts), character_flags())


@kernel
def _visible_chars(offsets: np.ndarray, data: np.ndarray, flags: np.ndarray) -> np.ndarray:
    num = np.zeros(len(offsets) - 1, np.int64)
    for document in range(len(num)):
        i, end = offsets[document], offsets[document + 1]
        seen = 0
        space = 0  # a run of white space that counts once a character follows
        while i < end:
            if data[i] == _LESS:
                markup_end = _markup_end(data, i, end)
                if markup_end > i:
                    i = markup_end
                    continue
            code, width = decode(data, i)
            if flags[code] & SPACE:
                space = 1 if seen else 0
            else:
                seen += 1 + space
                space = 0
                if code == _AMPERSAND:
                    width = _entity_bytes(data, i, end)
            i += width
        num[document] = seen
    return num


@kernel
def _markup_end(data: np.ndarray, i: int, end: int) -> int:
    """The byte after the markup that opens at the `<` at i; i if none does."""
    name = i + 1
    if name < end and (data[name] == _BANG or data[name] == _QUESTION):
        if name + 2 < end and data[name + 1] == _HYPHEN and data[name + 2] == _HYPHEN:
            return _comment_end(data, name + 1, end)
        return _tag_end(data, name, end)
    closes = name < end and data[name] == _SLASH
    if closes:
        name += 1
    if name == end or not _is_letter(data[name]):
        return i
    tag_end = _tag_end(data, name, end)
    if not closes:
        for element in (_SCRIPT, _STYLE):
            if _is_name(data, name, end, element):
                return _raw_end(data, tag_end, end, element)
    return tag_end


@kernel
def _tag_end(data: np.ndarray, i: int, end: int) -> int:
    """After the next `>` that stands in no quoted value of an attribute."""
    after_equals = False
    while i < end:
        byte = data[i]
        i += 1
        if byte == _GREATER:
            return i
        if after_equals and byte in (_DOUBLE_QUOTE, _SINGLE_QUOTE):
            while i < end and data[i] != byte:
                i += 1
            i += 1
            after_equals = False
        elif byte > 32:
            after_equals = byte == _EQUALS
    return end


@kernel
def _comment_end(data: np.ndarray, i: int, end: int) -> int:
    while i + 2 < end:
        if data[i] == _HYPHEN and data[i + 1] == _HYPHEN and data[i + 2] == _GREATER:
            return i + 3
        i += 1
    return end


@kernel
def _raw_end(data: np.ndarray, i: int, end: int, element: np.ndarray) -> int:
    """After the element's end tag; nothing else is markup in between."""
    while i + 1 < end:
        if data[i] == _LESS and data[i + 1] == _SLASH and _is_name(data, i + 2, end, element):
            return _tag_end(data, i + 2, end)
        i += 1
    return end


@kernel
def _is_name(data: np.ndarray, i: int, end: int, element: np.ndarray) -> bool:
    """Whether the tag's name at i is the element's, in any case."""
    after = i + len(element)
    if after > end:
        return False
    for k in range(len(element)):
        if data[i + k] | 32 != element[k]:
            return False
    return after == end or data[after] <= 32 or data[after] == _GREATER or data[after] == _SLASH


@kernel
def _entity_bytes(data: np.ndarray, i: int, end: int) -> int:
    """Of the character reference at i; 1, the ampersand's own, if it is none."""
    k = i + 1
    while k < min(end, i + _MAX_ENTITY_BYTES) and (_is_letter(data[k]) or 48 <= data[k] <= 57 or data[k] == _HASH):
        k += 1
    return k + 1 - i if i + 1 < k < end and data[k] == _SEMICOLON else 1


@kernel
def _is_letter(byte: int) -> bool:
    return 97 <= byte | 32 <= 122
