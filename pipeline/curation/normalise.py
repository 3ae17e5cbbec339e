"""Text normalisation, the first step of curation."""

import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.curation.characters import COMPOSES, CONTROL, LINE_END, character_flags, decode
from pipeline.kernels import kernel, string_buffers

_BOM = 0xFEFF
_STARTS_WITH_BOM = 64  # a document's flag, beside those of its characters

_LINE_ENDS = str.maketrans("\r\v\f\x85", "\n\n\n\n")
_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t\r\v\f\x85"}


def normalise(texts: pa.StringArray) -> pa.StringArray:
    """The text that everything after the readers sees.

    Line ends (CRLF, CR, vertical tab, form feed, NEL) become a line feed, since each ends a line to some program and a form
    feed stands where a page ends; other control characters (category Cc) go, except the tab; byte order marks go at the start;
    the rest is brought to Unicode NFC. A second pass changes nothing.

    Args:
        texts: pa.string(); nulls stay null.
    Returns:
        pa.string() of the same length; the very array if there was nothing to do.
    """
    seen = _seen_flags(*string_buffers(texts), character_flags()) & (LINE_END | CONTROL | COMPOSES | _STARTS_WITH_BOM)
    if not seen.any():
        return texts
    changed = pa.array(seen != 0)
    # ASCII without CR or control characters is the common case, so Python sees few documents.
    pairs = zip(texts.filter(changed).to_pylist(), seen[seen != 0].tolist(), strict=True)
    return pc.replace_with_mask(texts, changed, pa.array([_normalise(text, flags) for text, flags in pairs], pa.string()))


def _normalise(text: str, flags: int) -> str:
    if flags & LINE_END:
        text = text.replace("\r\n", "\n").translate(_LINE_ENDS)
    if flags & CONTROL:
        text = text.translate(_CONTROLS)
    # After the controls: one may hide the mark, or part a letter from its accent.
    if flags & (_STARTS_WITH_BOM | CONTROL):
        text = text.lstrip(chr(_BOM))
    return unicodedata.normalize("NFC", text) if flags & COMPOSES else text


@kernel
def _seen_flags(offsets: np.ndarray, data: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """The union of the flags of each document's characters, uint8 [n]."""
    seen = np.zeros(len(offsets) - 1, np.uint8)
    for document in range(len(seen)):
        i, end = offsets[document], offsets[document + 1]
        union = np.uint8(0)
        if i < end and data[i] == 0xEF and decode(data, i)[0] == _BOM:
            union |= np.uint8(_STARTS_WITH_BOM)
        while i < end:
            if data[i] < 0x80:
                union |= flags[data[i]]
                i += 1
            else:
                code, width = decode(data, i)
                union |= flags[code]
                i += width
        seen[document] = union
    return seen
