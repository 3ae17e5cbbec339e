import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trainer.data import Batch
from trainer.loss import loss_sums, next_tokens

B, S, D, V = 3, 13, 8, 21
LENGTHS = [[5, 4], [13], [1, 1, 6]]


@pytest.fixture(scope="module")
def example():
    random = np.random.default_rng(0)
    segments = np.array([np.repeat(range(len(row) + 1), [*row, S - sum(row)])[:S] for row in LENGTHS])
    segments = np.where(np.arange(S) < [[sum(row)] for row in LENGTHS], segments + 1, 0)
    counted = (segments > 0) & (random.random((B, S)) < 0.7)
    batch = Batch(random.integers(0, V, (B, S)), segments, None, counted, np.zeros(B, int))
    return batch, random.normal(size=(B, S, D)).astype(np.float32), random.normal(size=(D, V)).astype(np.float32)


def plain(batch, x, unembed):
    """Target by target, in float64: the rule as it is told, not as it is computed."""
    loss, log_z_squared, counted = np.zeros(B), np.zeros(B), np.zeros(B)
    for row, lengths in enumerate(LENGTHS):
        start = 0
        for length in lengths:
            for place in range(start, start + length - 1):
                if batch.counted[row, place + 1]:
                    scores = x[row, place].astype(np.float64) @ unembed
                    log_z = np.log(np.exp(scores).sum())
                    loss[row] += log_z - scores[batch.tokens[row, place + 1]]
                    log_z_squared[row] += log_z**2
                    counted[row] += 1
            start += length
    return loss, log_z_squared, counted


@pytest.mark.parametrize("chunk", [1, 4, 13, 512])
def test_loss_in_chunks_equals_a_plain_loop_over_targets(example, chunk):
    batch, x, unembed = example
    for value, expected in zip(loss_sums(x, unembed, batch=jax.tree.map(jnp.asarray, batch), chunk=chunk), plain(*example), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_no_position_predicts_across_a_border_or_into_padding(example):
    batch, _, _ = example
    batch = batch._replace(counted=batch.segments > 0)
    _, counts = next_tokens(jax.tree.map(jnp.asarray, batch))
    for row, lengths in enumerate(LENGTHS):
        assert np.flatnonzero(~np.asarray(counts[row])[: sum(lengths)]).tolist() == (np.cumsum(lengths) - 1).tolist()
        assert not counts[row, sum(lengths) :].any()


def test_another_first_token_of_a_document_leaves_the_losses_unchanged(example):
    batch, x, unembed = example
    batch = batch._replace(counted=batch.segments > 0)
    changed = batch.tokens.copy()
    changed[0, [0, 5]] += 1
    changed %= V
    before, after = (loss_sums(x, unembed, batch=batch._replace(tokens=jnp.asarray(t)), chunk=8) for t in (batch.tokens, changed))
    np.testing.assert_array_equal(before.loss, after.loss)
