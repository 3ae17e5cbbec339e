"""Who has priority, and who shares a text or a signature."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.priority import Compared, Nodes, make_nodes

Document = tuple[int, int, int, int, int]  # source, stars, num_chars, text, signature

documents = st.lists(st.tuples(*(st.integers(0, high) for high in (2, 2, 3, 4, 3))), max_size=40)


def nodes_of(rows: list[Document], order: list[int] | None = None) -> Nodes:
    order = list(range(len(rows))) if order is None else order
    columns = np.array([rows[i] for i in order], np.int64).reshape(-1, 5).T
    texts = np.stack([columns[3], columns[3] * 7], axis=1).astype(np.uint64)
    ids = np.array(order, np.uint64) + np.uint64(1000)
    return make_nodes(Compared(ids, columns[0], columns[1], columns[2], texts, columns[4].astype(np.uint64)), seed=1)


@given(documents)
@settings(deadline=None)
def test_ranks_follow_source_then_stars_then_length(rows: list[Document]) -> None:
    best_first = [rows[i] for i in np.argsort(nodes_of(rows).rank)]
    keys = [(source, -stars, -num_chars) for source, stars, num_chars, _, _ in best_first]
    assert keys == sorted(keys)


@given(documents)
@settings(deadline=None)
def test_a_node_is_the_best_rank_of_a_signature_and_copies_are_counted_by_text(rows: list[Document]) -> None:
    nodes = nodes_of(rows)
    texts = Counter(text for *_, text, _ in rows)
    for i, (*_, text, signature) in enumerate(rows):
        assert nodes.node[i] == min(rank for rank, row in zip(nodes.rank, rows, strict=True) if row[4] == signature)
        assert nodes.copies[i] == texts[text]
        assert nodes.is_copy[i] == any(row[3] == text and rank < nodes.rank[i] for rank, row in zip(nodes.rank, rows, strict=True))


@given(documents, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_documents_changes_nothing(rows: list[Document], random: object) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    straight, shuffled = nodes_of(rows), nodes_of(rows, order)
    for name in ("rank", "node", "is_copy", "copies"):
        assert np.array_equal(getattr(straight, name)[order], getattr(shuffled, name))
