"""A fastText classifier's file as arrays, for `fasttext_scores`."""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.curation.words import text_hash

_MAGIC, _VERSION = 793712314, 12
_HIERARCHICAL_SOFTMAX, _SOFTMAX = 1, 3
_SUPERVISED = 3


class Classifier(NamedTuple):
    """A text's vector is the mean of the rows of its words and of their n-grams of characters; a label is scored by that vector.

    Of a hierarchical softmax the label's path is nodes[paths[label] : paths[label + 1]], with the side that it takes at each.
    """

    rows: np.ndarray  # float32 [num_rows, dim]: those of the words, then those of the n-grams' buckets
    word_hashes: np.ndarray  # uint64 [num_words], sorted
    word_rows: np.ndarray  # int64 [num_words], in that order
    bucket_rows: np.ndarray  # int32 [num_buckets]; -1: pruned away
    has_row: np.ndarray  # a bit for each bucket, of which most are pruned away: small enough to stay at hand
    min_ngram_chars: int
    max_ngram_chars: int
    output: np.ndarray  # float32 [num_labels, dim]; of a tree one less
    paths: np.ndarray  # int64 [num_labels + 1]; of no tree all 0
    nodes: np.ndarray  # int64
    sides: np.ndarray  # bool


class ClassifierFile(NamedTuple):
    labels: list[str]
    classifier: Classifier


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def values(self, layout: str) -> tuple[int, ...]:
        found = struct.unpack_from("<" + layout, self.data, self.place)
        self.place += struct.calcsize("<" + layout)
        return found

    def array(self, dtype: type, count: int) -> np.ndarray:
        found: np.ndarray = np.frombuffer(self.data, dtype, count, self.place)
        self.place += found.nbytes
        return found

    def word(self) -> bytes:
        end = self.data.index(b"\0", self.place)
        found = self.data[self.place : end]
        self.place = end + 1
        return found


def read_classifier(path: str) -> ClassifierFile | None:
    """None: it has n-grams of words or another loss than the softmax, plain or hierarchical; fastText itself must score by it.

    Source: the layout is that of fastText 0.9 (`fasttext.cc`, `dictionary.cc`, `quantmatrix.cc`), file version 12.
    """
    read = _Reader(Path(path).read_bytes())
    magic, version = read.values("ii")
    dim, _, _, _, _, word_ngrams, loss, model, num_buckets, min_chars, max_chars, _ = read.values("12i")
    read.values("d")
    if (magic, version, model) != (_MAGIC, _VERSION, _SUPERVISED) or word_ngrams > 1 or loss not in (_HIERARCHICAL_SOFTMAX, _SOFTMAX):
        return None
    size, num_words, num_labels, _, num_pruned = read.values("iiiqq")
    words, counts = [], []
    for _ in range(size):
        words.append(read.word())
        counts.append(read.values("qb")[0])
    bucket_rows = np.full(num_buckets, -1, np.int32)
    if num_pruned >= 0:
        pruned = read.array(np.int32, 2 * num_pruned).reshape(-1, 2)
        bucket_rows[pruned[:, 0]] = num_words + pruned[:, 1]
    else:
        bucket_rows[:] = np.arange(num_words, num_words + num_buckets)
    has_row = np.packbits(bucket_rows >= 0, bitorder="little")
    rows = _matrix(read, dim)
    output = _matrix(read, dim)

    hashes = np.array([text_hash(np.frombuffer(word, np.uint8), 0, len(word)) for word in words[:num_words]], np.uint64)
    order = np.argsort(hashes)
    tree = _tree(counts[num_words:]) if loss == _HIERARCHICAL_SOFTMAX else _no_tree(num_labels)
    labels = [label.decode() for label in words[num_words:]]
    return ClassifierFile(labels, Classifier(rows, hashes[order], order, bucket_rows, has_row, min_chars, max_chars, output, *tree))


def _matrix(read: _Reader, dim: int) -> np.ndarray:
    """float32 [n, dim], of a quantised matrix what its codes stand for."""
    (is_quantised,) = read.values("?")
    if not is_quantised:
        num_rows, num_columns = read.values("qq")
        return read.array(np.float32, num_rows * num_columns).reshape(num_rows, num_columns)
    has_norms, num_rows, num_columns, num_codes = read.values("?qqi")
    codes = read.array(np.uint8, num_codes).reshape(num_rows, -1)
    parts = _centroids(read)
    rows = np.concatenate([part[codes[:, place]] for place, part in enumerate(parts)], axis=1)
    if has_norms:
        norms = read.array(np.uint8, num_rows)
        rows *= _centroids(read)[0][norms]
    return np.ascontiguousarray(rows[:, :dim], np.float32)


def _centroids(read: _Reader) -> list[np.ndarray]:
    """Of each part of a vector what its 256 codes stand for, float32 [256, its size]."""
    dim, num_parts, part_size, last_size = read.values("iiii")
    values = read.array(np.float32, dim * 256)
    sizes = [part_size] * (num_parts - 1) + [last_size]
    ends = 256 * np.cumsum(sizes)
    return [values[end - 256 * size : end].reshape(256, size) for end, size in zip(ends, sizes, strict=True)]


def _no_tree(num_labels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.zeros(num_labels + 1, np.int64), np.zeros(0, np.int64), np.zeros(0, bool)


def _tree(counts: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The paths of a Huffman tree over labels that are sorted by their counts, the most frequent first."""
    num_labels = len(counts)
    weights = counts + [10**15] * (num_labels - 1)
    parents, sides = [-1] * len(weights), [False] * len(weights)
    leaf, node = num_labels - 1, num_labels
    for place in range(num_labels, len(weights)):
        chosen = []
        for _ in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                chosen.append(leaf)
                leaf -= 1
            else:
                chosen.append(node)
                node += 1
        weights[place] = sum(weights[child] for child in chosen)
        parents[chosen[0]] = parents[chosen[1]] = place
        sides[chosen[1]] = True
    nodes, taken, ends = [], [], [0]
    for label in range(num_labels):
        place = label
        while parents[place] >= 0:
            nodes.append(parents[place] - num_labels)
            taken.append(sides[place])
            place = parents[place]
        ends.append(len(nodes))
    return np.array(ends, np.int64), np.array(nodes, np.int64), np.array(taken, bool)
