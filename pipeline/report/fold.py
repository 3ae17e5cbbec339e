"""One number for many placed tokens, the same whatever the order in which they are met.

Each token is hashed with its document, epoch, place in the document's run and place in its source's stream, and the hashes are
added modulo 2**64. Two collections of placed tokens that differ, if only in one token, have the same sum by a chance of 2**-64.
So what tokens/ gave and what sequences/ hold are compared without bringing the two together.
"""

import numpy as np

from pipeline.dedup.murmur import mix64
from pipeline.kernels import inlined, kernel

_ONE, _TWO, _THREE = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9)


@inlined
def _placed(document: np.uint64, place: np.uint64, stream: np.uint64, token: np.uint64) -> np.uint64:
    return mix64(mix64(document + place * _ONE) + stream * _TWO + token * _THREE)


@inlined
def _document(id: np.uint64, epoch: np.uint64) -> np.uint64:
    return mix64(id + mix64(epoch + _ONE))


@kernel
def fold_segments(
    tokens: np.ndarray,
    num_tokens: np.ndarray,
    ids: np.ndarray,
    epochs: np.ndarray,
    starts: np.ndarray,
    streams: np.ndarray,
    sources: np.ndarray,
    folds: np.ndarray,
) -> None:
    """Adds the hashes of segments that lie one after the other in `tokens` to the sums of their sources.

    Args:
        tokens: unsigned [sum(num_tokens)].
        num_tokens, ids, epochs, starts, streams, sources: [n], of each segment; starts and streams: where it starts in its
            document's run and in its source's stream.
        folds: uint64 [num_sources].
    """
    at = 0
    for i in range(num_tokens.size):
        document = _document(np.uint64(ids[i]), np.uint64(epochs[i]))
        for k in range(num_tokens[i]):
            folds[sources[i]] += _placed(document, np.uint64(starts[i] + k), np.uint64(streams[i] + k), np.uint64(tokens[at + k]))
        at += num_tokens[i]


@kernel
def fold_runs(
    tokens: np.ndarray, bounds: np.ndarray, ids: np.ndarray, starts: np.ndarray, epoch: int, bos: int, eos: int, stop: int
) -> np.uint64:
    """The sum over one epoch's runs: BOS, a document's tokens, EOS.

    Args:
        tokens: unsigned; document i is tokens[bounds[i] : bounds[i + 1]].
        starts: int64 [n], where each run starts in its source's stream; negative: it has none.
        bos, eos: -1: not added.
        stop: where the stream ends; what reaches beyond is left out.
    """
    total = np.uint64(0)
    for i in range(ids.size):
        if starts[i] < 0:
            continue
        document = _document(np.uint64(ids[i]), np.uint64(epoch))
        head = 1 if bos >= 0 else 0
        length = head + bounds[i + 1] - bounds[i] + (1 if eos >= 0 else 0)
        for k in range(min(length, stop - starts[i])):
            if k < head:
                token = np.uint64(bos)
            elif k - head < bounds[i + 1] - bounds[i]:
                token = np.uint64(tokens[bounds[i] + k - head])
            else:
                token = np.uint64(eos)
            total += _placed(document, np.uint64(k), np.uint64(starts[i] + k), token)
    return total


@kernel
def fold_chain(starts: np.ndarray, ends: np.ndarray) -> np.uint64:
    """The sum of the starts' hashes less that of the ends': runs that follow one another from a to b leave hash(a) - hash(b)."""
    total = np.uint64(0)
    for i in range(starts.size):
        total += mix64(np.uint64(starts[i]) + _ONE) - mix64(np.uint64(ends[i]) + _ONE)
    return total
