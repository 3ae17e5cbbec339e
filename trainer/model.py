"""A Llama-2-family decoder: RMSNorm, rotary positions that restart in each segment, grouped-query attention, SwiGLU.

Shapes stand in names: B sequences, S positions, D width of the model, L layers, H query heads, G key and value heads,
K width of a head, F width of the feed-forward, V vocabulary; Q queries in a block, T keys up to its end.
A weight's name also says how a mesh shards it (mesh.py).
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from trainer.config import ModelParams
from trainer.data import Batch

Weights = dict[str, Any]

# Each block is compiled on its own: more of them save little.
_MIN_QUERY_BLOCK, _MAX_QUERY_BLOCKS = 256, 8


def weight_shapes(model: ModelParams, vocab_size: int) -> Weights:
    """The tree of weights, as shapes."""
    m = model
    L, D, H, G, K, F, V = m.num_layers, m.d_model, m.num_heads, m.num_kv_heads, m.d_head, m.d_ff, vocab_size
    layers = {
        "attention_norm_LxD": (L, D),
        "query_LxDxHxK": (L, D, H, K),
        "key_LxDxGxK": (L, D, G, K),
        "value_LxDxGxK": (L, D, G, K),
        "output_LxHxKxD": (L, H, K, D),
        "feed_norm_LxD": (L, D),
        "gate_LxDxF": (L, D, F),
        "up_LxDxF": (L, D, F),
        "down_LxFxD": (L, F, D),
    }
    return {"embed_VxD": (V, D), "layers": layers, "final_norm_D": (D,), "unembed_DxV": (D, V)}


def count_weights(model: ModelParams, vocab_size: int) -> int:
    shapes = jax.tree.leaves(weight_shapes(model, vocab_size), is_leaf=lambda x: isinstance(x, tuple))
    return sum(math.prod(shape) for shape in shapes)


def init_weights(key: jax.Array, *, model: ModelParams, vocab_size: int) -> Weights:
    """float32 weights: normal of 1 / sqrt(D), and less by sqrt(2 L) where a layer writes to the residual (Radford et al. 2019)."""
    shapes, tree = jax.tree_util.tree_flatten_with_path(weight_shapes(model, vocab_size), is_leaf=lambda x: isinstance(x, tuple))
    weights = []
    for (path, shape), leaf_key in zip(shapes, jax.random.split(key, len(shapes)), strict=True):
        name = path[-1].key
        if "norm" in name:
            weights.append(jnp.ones(shape))
        else:
            writes_residual = name.startswith(("output", "down"))
            scale = (model.d_model * (2 * model.num_layers if writes_residual else 1)) ** -0.5
            weights.append(scale * jax.random.normal(leaf_key, shape))
    return jax.tree.unflatten(tree, weights)


def hidden_states(
    weights: Weights, batch: Batch, *, model: ModelParams, constrain: Callable[[jax.Array], jax.Array] = lambda x: x
) -> jax.Array:
    """The decoder's last hidden states, [B, S, D], in the weights' dtype.

    Args:
        constrain: pins the sharding of the residual stream.
    """
    angles_BxSxK = _angles(batch.positions, model)
    layer = partial(_layer, model=model, angles=angles_BxSxK, segments=batch.segments, constrain=constrain)
    x_BxSxD = constrain(weights["embed_VxD"][batch.tokens])
    # The backward pass makes a layer again from its input: far less memory, and no slower on a CPU either.
    x_BxSxD, _ = jax.lax.scan(jax.checkpoint(layer), x_BxSxD, weights["layers"])
    return _rms_norm(x_BxSxD, weights["final_norm_D"], model.norm_epsilon)


def logits(weights: Weights, batch: Batch, *, model: ModelParams) -> jax.Array:
    """All the logits at once, float32 [B, S, V]: for tests and short texts (training takes them in chunks, loss.py)."""
    x_BxSxD = hidden_states(weights, batch, model=model)
    return jnp.einsum("BSD,DV->BSV", x_BxSxD, weights["unembed_DxV"], preferred_element_type=jnp.float32)


def _layer(
    x_BxSxD: jax.Array,
    w: Weights,
    *,
    model: ModelParams,
    angles: jax.Array,
    segments: jax.Array,
    constrain: Callable[[jax.Array], jax.Array],
) -> tuple[jax.Array, None]:
    y_BxSxD = _rms_norm(x_BxSxD, w["attention_norm_LxD"], model.norm_epsilon)
    q_BxSxHxK = _rotate(jnp.einsum("BSD,DHK->BSHK", y_BxSxD, w["query_LxDxHxK"]), angles)
    k_BxSxGxK = _rotate(jnp.einsum("BSD,DGK->BSGK", y_BxSxD, w["key_LxDxGxK"]), angles)
    v_BxSxGxK = jnp.einsum("BSD,DGK->BSGK", y_BxSxD, w["value_LxDxGxK"])
    heads_BxSxHxK = _attention(q_BxSxHxK, k_BxSxGxK, v_BxSxGxK, segments)
    x_BxSxD = constrain(x_BxSxD + jnp.einsum("BSHK,HKD->BSD", heads_BxSxHxK, w["output_LxHxKxD"]))

    y_BxSxD = _rms_norm(x_BxSxD, w["feed_norm_LxD"], model.norm_epsilon)
    y_BxSxF = jax.nn.silu(y_BxSxD @ w["gate_LxDxF"]) * (y_BxSxD @ w["up_LxDxF"])
    return constrain(x_BxSxD + y_BxSxF @ w["down_LxFxD"]), None


def _attention(q_BxSxHxK: jax.Array, k_BxSxGxK: jax.Array, v_BxSxGxK: jax.Array, segments_BxS: jax.Array) -> jax.Array:
    """A position sees itself and what came before it in its own segment.

    In blocks of queries, each with the keys up to its end: half the arithmetic of the full square, and one block's scores in memory.
    """

    @jax.checkpoint
    def attend(q_BxQxHxK: jax.Array, k_BxTxGxK: jax.Array, v_BxTxGxK: jax.Array, mask_Bx1xQxT: jax.Array) -> jax.Array:
        return jax.nn.dot_product_attention(q_BxQxHxK, k_BxTxGxK, v_BxTxGxK, mask=mask_Bx1xQxT, implementation="xla")

    S = segments_BxS.shape[1]
    block = max(_MIN_QUERY_BLOCK, -(-S // _MAX_QUERY_BLOCKS))
    places_S = jnp.arange(S)
    blocks = []
    for start in range(0, S, block):
        end = min(start + block, S)
        same_segment = segments_BxS[:, start:end, None] == segments_BxS[:, None, :end]
        mask_BxQxT = same_segment & (places_S[start:end, None] >= places_S[None, :end])
        blocks.append(attend(q_BxSxHxK[:, start:end], k_BxSxGxK[:, :end], v_BxSxGxK[:, :end], mask_BxQxT[:, None]))
    return jnp.concatenate(blocks, axis=1)


def _rms_norm(x_BxSxD: jax.Array, scale_D: jax.Array, epsilon: float) -> jax.Array:
    x = x_BxSxD.astype(jnp.float32)
    x *= jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + epsilon)
    return x.astype(x_BxSxD.dtype) * scale_D


def _angles(positions_BxS: jax.Array, model: ModelParams) -> jax.Array:
    """[B, S, K / 2]: position x theta ** (-2 i / K) (Su et al. 2021)."""
    half = model.d_head // 2
    frequencies = model.rope_theta ** (-jnp.arange(half, dtype=jnp.float32) / half)
    return positions_BxS[..., None] * frequencies


def _rotate(x_BxSxHxK: jax.Array, angles: jax.Array) -> jax.Array:
    # The first half of a head pairs with its second half, as in Hugging Face's checkpoints (Meta's interleave).
    a, b = jnp.split(x_BxSxHxK.astype(jnp.float32), 2, axis=-1)
    sin, cos = jnp.sin(angles)[:, :, None], jnp.cos(angles)[:, :, None]
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1).astype(x_BxSxHxK.dtype)
