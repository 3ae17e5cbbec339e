from functools import partial

import jax
import numpy as np
import pytest

from pipeline.records import positions, segment_ids
from tests.trainer.synthetic import MODEL, V
from trainer.data import Batch
from trainer.model import init_weights, logits

# Lengths of documents, and of the sequence; the second takes attention through several blocks of queries.
LAYOUTS = {"one block": ([7, 1, 11, 5], 28), "three blocks": ([300, 1, 250], 600)}
layouts = pytest.mark.parametrize(("lengths", "S"), LAYOUTS.values(), ids=LAYOUTS)


@jax.jit
def init(seed):
    return init_weights(jax.random.key(seed), model=MODEL, vocab_size=V)


@pytest.fixture(scope="module")
def weights():
    weights = init(0)
    # Scales of 1 would hide a norm that is left out.
    return jax.tree_util.tree_map_with_path(
        lambda path, w: w * np.linspace(0.5, 1.5, w.shape[-1]) if "norm" in path[-1].key else w, weights
    )


def run(weights, tokens, lengths):
    ids, places = (derive(np.array(lengths), len(tokens))[None] for derive in (segment_ids, positions))
    batch = Batch(tokens[None], ids, places, ids > 0, np.zeros(1, np.int32))
    return np.asarray(jax.jit(partial(logits, model=MODEL))(weights, batch))[0]


def reference(weights, tokens):
    """One document alone, in float64, head by head; rotary embedding by complex numbers."""
    w = jax.tree.map(lambda x: np.asarray(x, np.float64), weights)
    m, n, half = MODEL, len(tokens), MODEL.d_head // 2
    turns = np.exp(1j * np.arange(n)[:, None] * m.rope_theta ** (-np.arange(half) / half))

    def norm(x, scale):
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + m.norm_epsilon) * scale

    def rotate(x):
        turned = (x[:, :half] + 1j * x[:, half:]) * turns
        return np.concatenate([turned.real, turned.imag], axis=1)

    x = w["embed_VxD"][tokens]
    for i in range(m.num_layers):
        layer = {name: value[i] for name, value in w["layers"].items()}
        y, update = norm(x, layer["attention_norm_LxD"]), 0
        for head in range(m.num_heads):
            group = head // (m.num_heads // m.num_kv_heads)
            q, k = rotate(y @ layer["query_LxDxHxK"][:, head]), rotate(y @ layer["key_LxDxGxK"][:, group])
            scores = np.where(np.tri(n, dtype=bool), q @ k.T / np.sqrt(m.d_head), -np.inf)
            shares = np.exp(scores - scores.max(-1, keepdims=True))
            shares /= shares.sum(-1, keepdims=True)
            update = update + shares @ (y @ layer["value_LxDxGxK"][:, group]) @ layer["output_LxHxKxD"][head]
        x = x + update
        y = norm(x, layer["feed_norm_LxD"])
        gate = y @ layer["gate_LxDxF"]
        x = x + (gate / (1 + np.exp(-gate)) * (y @ layer["up_LxDxF"])) @ layer["down_LxFxD"]
    return norm(x, w["final_norm_D"]) @ w["unembed_DxV"]


@layouts
def test_a_packed_document_has_the_logits_that_it_has_alone_in_a_plain_implementation(weights, lengths, S):
    tokens = np.random.default_rng(1).integers(0, V, S).astype(np.int32)
    packed, start = run(weights, tokens, lengths), 0
    for length in lengths:
        alone = reference(weights, tokens[start : start + length])
        np.testing.assert_allclose(packed[start : start + length], alone, rtol=2e-4, atol=2e-5)
        start += length


@layouts
def test_changing_one_document_leaves_the_logits_of_its_neighbours_unchanged(weights, lengths, S):
    random = np.random.default_rng(2)
    tokens = random.integers(0, V, S).astype(np.int32)
    before = run(weights, tokens, lengths)
    for document in range(len(lengths)):
        inside = segment_ids(np.array(lengths), S) == document + 1
        changed = np.where(inside, (tokens + random.integers(1, V, S)) % V, tokens).astype(np.int32)
        after = run(weights, changed, lengths)
        np.testing.assert_array_equal(before[~inside], after[~inside])
        assert (before[inside] != after[inside]).any(axis=1).all()


def test_a_seed_gives_the_same_weights_again_and_another_seed_others():
    first, again, other = (init(seed) for seed in (3, 3, 4))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert (first["embed_VxD"] != other["embed_VxD"]).all()
