"""What a fastText classifier says of texts, several times faster than fastText: a word's vectors are added up once and remembered."""

import numpy as np
import pyarrow as pa

from pipeline.curation.fasttext_file import Classifier
from pipeline.curation.words import text_hash
from pipeline.kernels import kernel, string_buffers

_MEMORY = 1 << 16  # words remembered
_FNV32_OFFSET, _FNV32_PRIME = np.uint32(2166136261), np.uint32(16777619)
_TINY = 1e-5  # fastText adds it before it takes a logarithm

_END_OF_SENTENCE = np.frombuffer(b"</s>", np.uint8)
_LABEL = np.frombuffer(b"__label__", np.uint8)


def label_scores(texts: pa.StringArray, classifier: Classifier, labels: np.ndarray) -> np.ndarray:
    """float64 [n, num_labels]: as fastText's `predict` for the text in one line, but for the rounding of sums.

    Words are what lies between blanks, tabs, line ends and NULs. A word that is fastText's own mark for the end of a sentence is passed
    over, where fastText would stop; so is one that begins as a label does.

    Args:
        texts: pa.string(); a null is empty.
        labels: int64 [num_labels], places in the file's list.
    """
    return _scores(*string_buffers(texts), classifier, labels, _END_OF_SENTENCE, _LABEL)


@kernel
def _scores(
    offsets: np.ndarray, data: np.ndarray, classifier: Classifier, labels: np.ndarray, end_of_sentence: np.ndarray, label: np.ndarray
) -> np.ndarray:
    dim = classifier.rows.shape[1]
    scores = np.zeros((len(offsets) - 1, len(labels)))
    remembered = np.zeros(_MEMORY, np.uint64)
    sums = np.zeros((_MEMORY, dim), np.float32)
    nums = np.zeros(_MEMORY, np.int64)
    vector = np.zeros(dim)
    for document in range(len(offsets) - 1):
        vector[:] = 0
        num = 0
        i, end = offsets[document], offsets[document + 1]
        while i < end:
            start = i
            while i < end and not (data[i] == 32 or 9 <= data[i] <= 13 or data[i] == 0):
                i += 1
            is_passed_over = _begins(data, start, i, label) or (i - start == 4 and _begins(data, start, i, end_of_sentence))
            if i > start and not is_passed_over:
                value = text_hash(data, start, i) | np.uint64(1)
                slot = np.int64(value >> np.uint64(40)) & (_MEMORY - 1)
                if remembered[slot] != value:
                    remembered[slot] = value
                    nums[slot] = _add_word(data, start, i, classifier, sums[slot])
                num += nums[slot]
                word = sums[slot]
                for k in range(dim):
                    vector[k] += word[k]
            i += 1
        # fastText ends every text with its mark for the end of a sentence, which has a row of its own.
        mark = _word_row(end_of_sentence, 0, len(end_of_sentence), classifier)
        if mark >= 0:
            num += 1
            vector += classifier.rows[mark]
        if num:
            vector /= num
            _score(vector, classifier, labels, scores[document])
    return scores


@kernel
def _begins(data: np.ndarray, start: int, end: int, prefix: np.ndarray) -> bool:
    same = end - start >= len(prefix)
    k = 0
    while same and k < len(prefix):
        same = data[start + k] == prefix[k]
        k += 1
    return bool(same)


@kernel
def _word_row(data: np.ndarray, start: int, end: int, classifier: Classifier) -> int:
    value = text_hash(data, start, end)
    place = np.searchsorted(classifier.word_hashes, value)
    if place < len(classifier.word_hashes) and classifier.word_hashes[place] == value:
        return int(classifier.word_rows[place])
    return -1


@kernel
def _add_word(data: np.ndarray, start: int, end: int, classifier: Classifier, total: np.ndarray) -> int:
    """Writes the sum of the rows of a word and its n-grams of characters to `total`; their number."""
    total[:] = 0
    num = 0
    num_buckets = np.uint32(len(classifier.bucket_rows))
    row = _word_row(data, start, end, classifier)
    if row >= 0:
        _add(total, classifier.rows[row])
        num += 1
    # The word stands in < and >, which are characters of its n-grams; -1 is the place of the first of them.
    for first in range(start - 1, end + 1):
        if start <= first < end and data[first] & 0xC0 == 0x80:
            continue
        value = _FNV32_OFFSET
        chars = 0
        k = first
        while k <= end and chars < classifier.max_ngram_chars:
            byte = np.uint8(60) if k < start else np.uint8(62) if k == end else data[k]
            value = _hashed(value, byte)
            k += 1
            while start <= k < end and data[k] & 0xC0 == 0x80:
                value = _hashed(value, data[k])
                k += 1
            chars += 1
            is_edge = chars == 1 and (first < start or k > end)
            if chars >= classifier.min_ngram_chars and not is_edge:
                bucket = np.int64(value % num_buckets)
                if classifier.has_row[bucket >> 3] >> np.uint8(bucket & 7) & 1:
                    _add(total, classifier.rows[classifier.bucket_rows[bucket]])
                    num += 1
    return num


@kernel
def _add(total: np.ndarray, row: np.ndarray) -> None:
    for k in range(len(total)):
        total[k] += row[k]


@kernel
def _hashed(value: np.uint32, byte: np.uint8) -> np.uint32:
    """FNV-1a of 32 bits, by a byte with a sign, as in fastText."""
    return np.uint32((value ^ np.uint32(np.int8(byte))) * _FNV32_PRIME)


@kernel
def _score(vector: np.ndarray, classifier: Classifier, labels: np.ndarray, scores: np.ndarray) -> None:
    if classifier.paths[-1]:
        for place in range(len(labels)):
            logarithm = 0.0
            for k in range(classifier.paths[labels[place]], classifier.paths[labels[place] + 1]):
                chance = 1 / (1 + np.exp(-_dot(classifier.output[classifier.nodes[k]], vector)))
                logarithm += np.log((chance if classifier.sides[k] else 1 - chance) + _TINY)
            scores[place] = np.exp(logarithm)
        return
    logits = np.empty(len(classifier.output))
    for k in range(len(logits)):
        logits[k] = _dot(classifier.output[k], vector)
    chances = np.exp(logits - logits.max())
    for place in range(len(labels)):
        scores[place] = chances[labels[place]] / chances.sum()


@kernel
def _dot(row: np.ndarray, vector: np.ndarray) -> float:
    total = 0.0
    for k in range(len(vector)):
        total += row[k] * vector[k]
    return total
