"""AdamW with warm-up, cosine decay and clipping: Llama 2's and Lemur's."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from trainer.config import TrainParams


def learning_rate(update: jax.typing.ArrayLike, *, params: TrainParams, steps: int) -> jax.Array:
    """The rate of an update (the first is 0): linear up to the peak at update `warmup_steps`, then a cosine that ends with the run."""
    done = jnp.asarray(update, jnp.float32) + 1  # or the first update would be of nothing
    warmup = done / max(params.warmup_steps, 1)
    progress = jnp.clip((done - params.warmup_steps) / (steps - params.warmup_steps), 0, 1)
    floor = params.final_learning_rate_fraction
    cosine = floor + (1 - floor) * 0.5 * (1 + jnp.cos(jnp.pi * progress))
    return params.learning_rate * jnp.where(done < params.warmup_steps, warmup, cosine)


def make_optimizer(params: TrainParams, steps: int) -> optax.GradientTransformation:
    return optax.chain(
        optax.clip_by_global_norm(params.max_gradient_norm),
        optax.adamw(
            lambda count: learning_rate(count, params=params, steps=steps),
            b1=params.adam_b1,
            b2=params.adam_b2,
            weight_decay=params.weight_decay,
            mask=_decayed,
        ),
    )


def _decayed(weights: dict[str, Any]) -> dict[str, Any]:
    """Every weight but the norms' scales."""
    return jax.tree_util.tree_map_with_path(lambda path, _: "norm" not in path[-1].key, weights)
