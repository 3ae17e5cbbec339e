"""One update of the weights: loss and gradient over micro-batches, then the optimizer.

Shapes as in model.py; M micro-batches, N sources of the mixture.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from trainer.config import TrainParams
from trainer.data import Batch
from trainer.loss import LossSums, loss_sums, next_tokens
from trainer.mesh import residual_sharding, state_shardings
from trainer.model import Weights, hidden_states, init_weights


class State(NamedTuple):
    weights: Weights
    moments: Any  # the optimizer's; its count of updates drives the learning rate


class StepSums(NamedTuple):
    """What a step measured, over its whole batch; float32."""

    loss: jax.Array  # [N], summed over a source's counted targets
    counted: jax.Array  # [N]
    z_loss: jax.Array  # []: as it was added to the loss, per target
    gradient_norm: jax.Array  # []: before clipping


def init_state(params: TrainParams, *, vocab_size: int, optimizer: optax.GradientTransformation, mesh: Mesh) -> State:
    """The state before the first update, sharded: the same numbers on every mesh."""
    make = partial(_make_state, params=params, vocab_size=vocab_size, optimizer=optimizer)
    key = jax.random.key(params.seed)
    return jax.jit(make, out_shardings=state_shardings(jax.eval_shape(make, key), mesh))(key)


def _make_state(key: jax.Array, *, params: TrainParams, vocab_size: int, optimizer: optax.GradientTransformation) -> State:
    weights = init_weights(key, model=params.sizes, vocab_size=vocab_size)
    return State(weights, optimizer.init(weights))


def make_train_step(
    params: TrainParams, *, num_sources: int, optimizer: optax.GradientTransformation, mesh: Mesh
) -> Callable[[State, Batch], tuple[State, StepSums]]:
    """The compiled step; it consumes the state that it is given."""
    gradient = partial(loss_and_gradient, params=params, num_sources=num_sources, mesh=mesh)

    @partial(jax.jit, donate_argnums=0)
    def train_step(state: State, batch: Batch) -> tuple[State, StepSums]:
        sums, gradients = gradient(state.weights, batch)
        updates, moments = optimizer.update(gradients, state.moments, state.weights)
        new = State(optax.apply_updates(state.weights, updates), moments)
        return jax.lax.with_sharding_constraint(new, state_shardings(new, mesh)), sums

    return train_step


def loss_and_gradient(weights: Weights, batch: Batch, *, params: TrainParams, num_sources: int, mesh: Mesh) -> tuple[StepSums, Weights]:
    """The loss of a whole batch, and its gradient in float32, accumulated over `params.micro_batches` parts of it.

    Each part's sum is divided by the counted targets of the whole batch: dividing by the part's own would give a target in a
    nearly empty part more weight than one in a full part.
    """
    total = jnp.maximum(next_tokens(batch)[1].sum(dtype=jnp.float32), 1)
    objective = partial(_objective, params=params, total=total, mesh=mesh)

    def add_part(gradients: Weights, part: Batch) -> tuple[Weights, LossSums]:
        (_, sums), more = jax.value_and_grad(objective, has_aux=True)(weights, part)
        return jax.tree.map(jnp.add, gradients, more), sums

    M = params.micro_batches
    # Sequence i goes to part i mod M, so that every part is spread over the mesh as the batch is.
    parts = jax.tree.map(lambda x: x.reshape(-1, M, *x.shape[1:]).swapaxes(0, 1), batch)
    gradients, sums_MxB = jax.lax.scan(add_part, jax.tree.map(jnp.zeros_like, weights), parts)

    by_source = partial(jax.ops.segment_sum, segment_ids=parts.sources.ravel(), num_segments=num_sources)
    z_loss = (params.z_loss or 0.0) * sums_MxB.log_z_squared.sum() / total
    measured = StepSums(by_source(sums_MxB.loss.ravel()), by_source(sums_MxB.counted.ravel()), z_loss, optax.global_norm(gradients))
    return measured, gradients


def _objective(weights: Weights, batch: Batch, *, params: TrainParams, total: jax.Array, mesh: Mesh) -> tuple[jax.Array, LossSums]:
    weights = jax.tree.map(lambda w: w.astype(params.compute_dtype), weights)
    constrain = partial(jax.lax.with_sharding_constraint, shardings=residual_sharding(mesh))
    x_BxSxD = hidden_states(weights, batch, model=params.sizes, constrain=constrain)
    sums = loss_sums(x_BxSxD, weights["unembed_DxV"], batch=batch, chunk=params.loss_chunk)
    objective = sums.loss.sum()
    if params.z_loss is not None:
        objective += params.z_loss * sums.log_z_squared.sum()
    return objective / total, sums
