from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.laws import check_packed
from pipeline.packing.plan import SourcePlan, order_documents, source_plan
from pipeline.params import LawBroken, RunError

Lengths = list[int]

some_lengths = st.lists(st.integers(0, 40), min_size=1, max_size=30).filter(any)


def ids_of(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint64) * np.uint64(7919) + np.uint64(2**63)


def plan_of(lengths: Lengths, num_sequences: int, sequence_length: int, seed: int = 0) -> SourcePlan:
    return source_plan(ids_of(len(lengths)), np.array(lengths), seed=seed, num_sequences=num_sequences, sequence_length=sequence_length)


@given(some_lengths, st.integers(0, 30), st.integers(1, 16))
@example([1000], 7, 16)  # one giant document
@example([3], 1, 16)  # a sequence longer than the source: many epochs
@settings(deadline=None)
def test_the_stream_is_the_epochs_in_their_order_up_to_the_cut(lengths: Lengths, num_sequences: int, sequence_length: int) -> None:
    plan = plan_of(lengths, num_sequences, sequence_length)
    start, cut = 0, num_sequences * sequence_length
    for epoch, offsets in enumerate(plan.offsets):
        for document in order_documents(ids_of(len(lengths)), seed=0, epoch=epoch):
            assert offsets[document] == (start if start < cut else -1)
            start += lengths[document]
    assert start >= cut
    assert start - cut < sum(lengths)


@given(some_lengths, st.integers(0, 30), st.integers(1, 16))
@settings(deadline=None)
def test_whole_epochs_and_a_prefix_are_the_sequences_and_a_tail(lengths: Lengths, num_sequences: int, sequence_length: int) -> None:
    plan = plan_of(lengths, num_sequences, sequence_length)
    check_packed("python", plan.counts, num_sequences * sequence_length, sequence_length=sequence_length)
    assert 0 <= plan.tail_tokens < sequence_length
    assert 0 <= plan.prefix_tokens < sum(lengths)
    assert not (plan.tail_tokens and plan.prefix_tokens)


def test_all_sequences_of_one_epoch_make_it_whole() -> None:
    plan = plan_of([10, 20, 7], 9, 4)
    assert (plan.whole_epochs, plan.prefix_tokens, plan.tail_tokens) == (1, 0, 1)


def test_a_lost_token_breaks_the_law() -> None:
    with pytest.raises(LawBroken, match=r"python in pack: 37 \(37 x 1 epochs"):
        check_packed("python", plan_of([10, 20, 7], 9, 4).counts, 35, sequence_length=4)


@given(some_lengths, st.integers(1, 40), st.integers(1, 16), st.integers(0, 3))
@settings(deadline=None)
def test_uses_permute_the_sequences_of_each_epoch(lengths: Lengths, num_sequences: int, sequence_length: int, seed: int) -> None:
    uses = plan_of(lengths, num_sequences, sequence_length, seed).uses
    epochs = np.arange(num_sequences) * sequence_length // sum(lengths)
    assert sorted(uses.tolist()) == list(range(num_sequences))
    assert np.array_equal(epochs[uses], epochs)


def test_a_giant_document_does_not_fill_consecutive_uses() -> None:
    giant = plan_of([40_000] + [10] * 40_000, 400, 1000)
    start = int(giant.offsets[0, 0])
    uses = np.sort(giant.uses[start // 1000 : (start + 40_000) // 1000])
    assert np.max(np.diff(uses)) > 10
    assert np.count_nonzero(np.diff(uses) == 1) < 12


@given(some_lengths, st.integers(1, 20), st.integers(1, 16), st.randoms())
@settings(deadline=None)
def test_the_plan_of_a_document_does_not_depend_on_the_order_of_the_input(
    lengths: Lengths, num_sequences: int, sequence_length: int, random: Random
) -> None:
    order = list(range(len(lengths)))
    random.shuffle(order)
    ids = ids_of(len(lengths))
    first = source_plan(ids, np.array(lengths), seed=3, num_sequences=num_sequences, sequence_length=sequence_length)
    second = source_plan(ids[order], np.array(lengths)[order], seed=3, num_sequences=num_sequences, sequence_length=sequence_length)
    assert np.array_equal(first.offsets[:, order], second.offsets)
    assert np.array_equal(first.uses, second.uses)


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    ids = ids_of(100)
    orders = [order_documents(ids, seed=seed, epoch=epoch).tolist() for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert len({tuple(order) for order in orders}) == 3
    assert all(sorted(order) == list(range(100)) for order in orders)


def test_an_id_that_occurs_twice_is_refused() -> None:
    with pytest.raises(RunError, match="document id 5 occurs twice"):
        order_documents(np.array([5, 6, 5], np.uint64), seed=0, epoch=0)


def test_sequences_of_a_source_without_tokens_are_refused() -> None:
    with pytest.raises(RunError, match="no tokens"):
        plan_of([0, 0], 1, 4)
    assert plan_of([0, 0], 0, 4).uses.size == 0
