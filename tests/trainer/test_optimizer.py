import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.trainer.synthetic import MODEL, V, train_params
from trainer.model import init_weights
from trainer.optimizer import learning_rate, make_optimizer


@pytest.mark.parametrize("warmup_steps", [0, 1, 5])
def test_the_rate_rises_to_its_peak_and_falls_to_a_tenth_at_the_last_update(warmup_steps):
    params, steps = train_params(warmup_steps=warmup_steps, learning_rate=4e-5), 40
    rates = np.asarray(learning_rate(np.arange(steps), params=params, steps=steps))
    assert (rates > 0).all()
    peak = max(warmup_steps - 1, 0)
    np.testing.assert_allclose(rates[: peak + 1], 4e-5 * np.arange(1, peak + 2) / max(warmup_steps, 1), rtol=1e-2)
    assert (np.diff(rates[peak:]) < 0).all()
    np.testing.assert_allclose(rates[-1], 4e-6, rtol=1e-5)


def test_updates_equal_adamw_written_out_with_decay_on_all_but_the_norms():
    params = train_params(weight_decay=0.1, max_gradient_norm=0.5)
    weights = jax.jit(lambda key: init_weights(key, model=MODEL, vocab_size=V))(jax.random.key(0))
    optimizer = make_optimizer(params, steps=10)
    moments = optimizer.init(weights)
    names = [path[-1].key for path, _ in jax.tree_util.tree_flatten_with_path(weights)[0]]
    m = [np.zeros(w.shape) for w in jax.tree.leaves(weights)]
    v = [np.zeros(w.shape) for w in jax.tree.leaves(weights)]
    for update in range(3):
        gradients = jax.tree.map(lambda w, i=update: jnp.sin(w * 37 + i), weights)
        norm = np.sqrt(sum((np.asarray(g, np.float64) ** 2).sum() for g in jax.tree.leaves(gradients)))
        rate = float(learning_rate(update, params=params, steps=10))
        expected = []
        for i, (w, g) in enumerate(zip(jax.tree.leaves(weights), jax.tree.leaves(gradients), strict=True)):
            g = np.asarray(g, np.float64) * min(1, 0.5 / norm)
            m[i], v[i] = 0.9 * m[i] + 0.1 * g, 0.95 * v[i] + 0.05 * g**2
            step = m[i] / (1 - 0.9 ** (update + 1)) / (np.sqrt(v[i] / (1 - 0.95 ** (update + 1))) + 1e-8)
            expected.append(-rate * (step + (0 if "norm" in names[i] else 0.1) * np.asarray(w)))
        updates, moments = jax.jit(optimizer.update)(gradients, moments, weights)
        for value, reference in zip(jax.tree.leaves(updates), expected, strict=True):
            np.testing.assert_allclose(value, reference, rtol=2e-3, atol=1e-7)
        weights = jax.tree.map(jnp.add, weights, updates)
