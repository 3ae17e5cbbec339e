"""Where every document of a source goes, from lengths alone.

The documents' runs (BOS, tokens, EOS) of an epoch are laid end to end in hash order; the next epoch follows, in another order:

    epoch      |------------ 0 ------------|------------ 1 ---
    runs       | d2 |   d0   |d3|    d1    |   d1    |  d2 |
    sequences  |   0    |   1    |   2    |   3    |   4    | tail

Sequence 0 is not the first that is trained on: inside its epoch each sequence gets its use (its place among the source's
sequences in training order) by a hash, or a document of a million tokens would fill consecutive batches.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.hashing import luck
from pipeline.params import RunError

_BLOCK = 1 << 20


@dataclass(frozen=True)
class SourcePlan:
    """The stream of one source, cut at num_sequences * sequence_length tokens.

    What is left of the last epoch when it is less than a sequence is a tail: the epoch counts as whole, and the tail is dropped.

    Attributes:
        trainable_tokens: the sum of the lengths: one epoch.
        whole_epochs, prefix_tokens, tail_tokens: trainable_tokens * whole_epochs + prefix_tokens is the stream and its tail.
        offsets: int64 [num_epochs, num_documents], in the order of the input: where the document's run starts in the stream; -1:
            beyond the cut. The last run before the cut may reach over it.
        uses: int64 [num_sequences]: sequence j of the stream is use uses[j] of the source.
    """

    sequence_length: int
    trainable_tokens: int
    whole_epochs: int
    prefix_tokens: int
    tail_tokens: int
    offsets: np.ndarray
    uses: np.ndarray

    @property
    def num_sequences(self) -> int:
        return self.uses.size

    @property
    def counts(self) -> dict[str, int]:
        """The terms of the law of tokens (pipeline.laws.check_packed)."""
        names = ("trainable_tokens", "whole_epochs", "prefix_tokens", "tail_tokens", "num_sequences")
        return {name: int(getattr(self, name)) for name in names}


def order_documents(ids: np.ndarray, *, seed: int, epoch: int) -> np.ndarray:
    """The order of an epoch, which does not depend on the order of `ids`.

    Args:
        ids: uint64 [n], all different.
    Returns:
        int64 [n]: indices into ids, sorted by (hash of seed, epoch and id; id).
    Raises:
        RunError: an id occurs twice.
    """
    keys = _luck(ids, seed, f"order/{epoch}")
    order = np.argsort(keys)
    # The hash is a bijection of the id: equal keys are equal ids, and there are no ties to break.
    keys = keys[order]
    twice = np.flatnonzero(keys[1:] == keys[:-1])
    if twice.size:
        raise RunError(f"document id {int(ids[order[twice[0]]])} occurs twice in a source: two units hold the same rows; curate again")
    return order


def source_plan(ids: np.ndarray, lengths: np.ndarray, *, seed: int, num_sequences: int, sequence_length: int) -> SourcePlan:
    """Lays out one source: as many epochs as the sequences take.

    Args:
        ids: uint64 [num_documents], all different.
        lengths: int [num_documents], in tokens, with BOS and EOS.
    Raises:
        RunError: an id occurs twice, or sequences are asked of a source without tokens.
    """
    trainable = int(lengths.sum(dtype=np.int64))
    cut = num_sequences * sequence_length
    if cut and not trainable:
        raise RunError(f"{num_sequences:,} sequences are asked of a source that has no tokens: plan the mixture again")
    num_epochs = -(-cut // trainable) if cut else 0
    offsets = np.empty((num_epochs, ids.size), np.int64)
    for epoch in range(num_epochs):
        order = order_documents(ids, seed=seed, epoch=epoch)
        runs = lengths[order].astype(np.int64, copy=False)
        starts = np.cumsum(runs)
        starts -= runs
        starts += epoch * trainable
        starts[starts >= cut] = -1
        offsets[epoch, order] = starts
    left = num_epochs * trainable - cut
    whole = num_epochs if left < sequence_length else num_epochs - 1
    return SourcePlan(
        sequence_length=sequence_length,
        trainable_tokens=trainable,
        whole_epochs=whole,
        prefix_tokens=max(cut - whole * trainable, 0),
        tail_tokens=max(whole * trainable - cut, 0),
        offsets=offsets,
        uses=_shuffle(num_sequences, sequence_length, trainable=trainable, seed=seed),
    )


def _shuffle(num_sequences: int, sequence_length: int, *, trainable: int, seed: int) -> np.ndarray:
    """The use of each sequence: a permutation inside each epoch's sequences, which are those that start in it."""
    uses = np.arange(num_sequences)
    keys = _luck(uses.astype(np.uint64), seed, "sequences")
    start, epoch = 0, 0
    while start < num_sequences:
        epoch += 1
        stop = min(-(-epoch * trainable // sequence_length), num_sequences)
        uses[start + np.argsort(keys[start:stop])] = np.arange(start, stop)
        start = stop
    return uses


def _luck(ids: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """luck() in blocks: its temporaries stay small."""
    out = np.empty(ids.size, np.uint64)
    for start in range(0, ids.size, _BLOCK):
        out[start : start + _BLOCK] = luck(seed, purpose, ids[start : start + _BLOCK])
    return out
