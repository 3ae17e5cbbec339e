"""The words of code, as OpenCoder counts them: names fall apart at their underscores and dots, and marks are none.

`self.max_size += 0x1F  # größe—日本` has the words self, max, size, 0x1f, größe, —, 日本.
"""

import string
from functools import cache

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import ALNUM, SPACE, character_flags, decode
from pipeline.curation.word_measures import Words
from pipeline.kernels import kernel, string_buffers

_FNV_OFFSET, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)

# Characters between words, beside white space and ASCII's marks: those that stand for one of them.
_SEPARATORS = "".join(chr(ord(mark) + 0xFEE0) for mark in string.punctuation) + "。、《》【】「」“”‘’\u200b\u202c"
_WORD, _OTHER = 1, 2


def code_words(texts: pa.StringArray) -> Words:
    """The words of each text: runs of letters and digits (str.isalnum), and runs of other characters beyond ASCII; none is a mark.

    Hashes are equal for the same word, whatever the case of its ASCII letters.

    Args:
        texts: pa.string(), normalised; a null is empty.
    Source: OpenCoder's `normalize_text` and NLTK's WordPunctTokenizer; without the former's NFKC.
    """
    return Words(*_split(*string_buffers(texts), _classes(), _folded()))


def word_chars(words: Words) -> np.ndarray:
    """Characters of all words of each document together, int64 [n]."""
    return _num_chars(words.starts, words.kinds)


def distinct_words(words: Words, wanted: np.ndarray) -> np.ndarray:
    """How many different words the wanted (bool [n]) documents have, int64 [n]; 0: not wanted."""
    return _num_distinct(words.starts, words.hashes, wanted)


@cache
def _classes() -> np.ndarray:
    """By code point: 0 between words, _WORD, _OTHER; uint8 [0x110000]."""
    flags = character_flags()
    classes = np.where(flags & ALNUM, _WORD, np.where(flags & SPACE, 0, _OTHER)).astype(np.uint8)
    classes[:128] &= _WORD
    classes[[ord(mark) for mark in _SEPARATORS]] = 0
    return classes


@cache
def _folded() -> np.ndarray:
    """By byte what it adds to a word, uint8 [256]: letters in lower case; 0: between words."""
    folded = np.array([ord(chr(byte).lower()) if byte < 128 and chr(byte).isalnum() else 0 for byte in range(256)], np.uint8)
    folded[128:] = np.arange(128, 256)
    return folded


@kernel
def _split(offsets: np.ndarray, data: np.ndarray, classes: np.ndarray, folded: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # As many as could be; what is not written to takes no memory.
    most = (offsets[-1] - offsets[0]) // 2 + len(offsets)
    starts = np.zeros(len(offsets), np.int64)
    hashes = np.empty(most, np.uint64)
    kinds = np.empty(most, np.uint32)
    count = 0
    for document in range(len(offsets) - 1):
        i, end = offsets[document], offsets[document + 1]
        while i < end:
            # Letters and digits of ASCII alone are most words.
            word_start = i
            value = _FNV_OFFSET
            byte = folded[data[i]]
            while 0 < byte < 0x80:
                value = (value ^ np.uint64(byte)) * _FNV_PRIME
                i += 1
                if i == end:
                    break
                byte = folded[data[i]]
            chars = i - word_start
            kind = _WORD if chars else 0
            while i < end and byte:
                code, width = decode(data, i)
                own = _WORD if byte < 0x80 else int(classes[code])
                if own == 0 or (chars and own != kind):
                    break
                kind = own
                for k in range(i, i + width):
                    value = (value ^ np.uint64(folded[data[k]])) * _FNV_PRIME
                chars += 1
                i += width
                byte = folded[data[i]] if i < end else np.uint8(0)
            if chars:
                hashes[count] = value
                kinds[count] = np.uint32(chars << 2)
                count += 1
            else:
                i += decode(data, i)[1]
        starts[document + 1] = count
    return starts, hashes[:count], kinds[:count]


@kernel
def _num_chars(starts: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    num = np.zeros(len(starts) - 1, np.int64)
    for document in range(len(num)):
        for k in range(starts[document], starts[document + 1]):
            num[document] += kinds[k] >> 2
    return num


@kernel
def _num_distinct(starts: np.ndarray, hashes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    num = np.zeros(len(starts) - 1, np.int64)
    most = 0
    for document in range(len(num)):
        most = max(most, starts[document + 1] - starts[document])
    size = 4
    while size < 2 * most:
        size *= 2
    table = np.empty(size, np.uint64)
    for document in range(len(num)):
        if not wanted[document]:
            continue
        used = 4
        while used < 2 * (starts[document + 1] - starts[document]):
            used *= 2
        table[:used] = 0
        for k in range(starts[document], starts[document + 1]):
            value = hashes[k] | np.uint64(1)  # 0: free
            slot = np.int64(value >> np.uint64(32)) & (used - 1)
            while table[slot] != 0 and table[slot] != value:
                slot = (slot + 1) & (used - 1)
            num[document] += table[slot] == 0
            table[slot] = value
    return num
