"""Which of several duplicates stays: a total order of all documents, and who shares a text or a signature."""

from dataclasses import dataclass

import numpy as np

from pipeline.hashing import luck


@dataclass(frozen=True)
class Nodes:
    """All int64 or bool [num_documents], in the order of the documents given.

    Attributes:
        rank: place in the order of priorities; 0 is the best.
        node: the best rank among those with the same signature.
        is_copy: a better document has the very same text.
        copies: documents with the very same text, itself included.
    """

    rank: np.ndarray
    node: np.ndarray
    is_copy: np.ndarray
    copies: np.ndarray


@dataclass(frozen=True)
class Compared:
    """What priority rests on, a row a document: ids uint64, source int (its place in the config), stars and num_chars int64,
    text_hash uint64 [n, 2], signature_hash uint64."""

    ids: np.ndarray
    source: np.ndarray
    stars: np.ndarray
    num_chars: np.ndarray
    text_hash: np.ndarray
    signature_hash: np.ndarray


def make_nodes(documents: Compared, *, seed: int) -> Nodes:
    """Ranks by source order, then stars (more first), then length (longer first), then hash(id); some 100 bytes a document."""
    draw = luck(seed, "priority", documents.ids)
    order = np.lexsort((documents.ids, draw, -documents.num_chars, -documents.stars, documents.source))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    node, _ = _best_of_group((documents.signature_hash,), rank)
    first, copies = _best_of_group((documents.text_hash[:, 0], documents.text_hash[:, 1]), rank)
    return Nodes(rank, node, first != rank, copies)


def _best_of_group(keys: tuple[np.ndarray, ...], rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row the lowest rank among the rows with equal keys, and how many they are."""
    order = np.lexsort((rank, *keys))
    begins = np.zeros(len(order), bool)
    begins[:1] = True
    for key in keys:
        begins[1:] |= key[order[1:]] != key[order[:-1]]
    group = np.cumsum(begins) - 1
    best, size = np.empty_like(rank), np.empty_like(rank)
    best[order] = rank[order[begins]][group] if len(order) else rank
    size[order] = np.bincount(group)[group] if len(order) else rank
    return best, size
