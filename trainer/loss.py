"""Next token within a segment: a document's last token predicts nothing, and no document's first token is predicted.

Shapes as in model.py; C positions in a chunk.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from trainer.data import Batch


class LossSums(NamedTuple):
    """Sums over a sequence's counted targets, float32; divide by the whole step's `counted`, never by a part's."""

    loss: jax.Array  # [B]: -log p(target), in nats
    log_z_squared: jax.Array  # [B]
    counted: jax.Array  # [B]


def next_tokens(batch: Batch) -> tuple[jax.Array, jax.Array]:
    """Targets int32 [B, S] and which of them count, bool [B, S]; the last position never does."""
    # Rolled, not sliced to S - 1: attention kernels want S to stay a multiple of their block.
    ahead = lambda x_BxS: jnp.roll(x_BxS, -1, axis=1)  # noqa: E731
    same_segment = ahead(batch.segments) == batch.segments
    counts_BxS = same_segment & ahead(batch.counted)
    return ahead(batch.tokens), counts_BxS.at[:, -1].set(False)


def loss_sums(x_BxSxD: jax.Array, unembed_DxV: jax.Array, *, batch: Batch, chunk: int) -> LossSums:
    """Cross-entropy of the next tokens from the last hidden states.

    Args:
        chunk: positions whose logits exist at the same time; the backward pass makes them again.
    """
    targets_BxS, counts_BxS = next_tokens(batch)
    B, S = targets_BxS.shape
    chunk = min(chunk, S)

    def chunks(x: jax.Array) -> jax.Array:
        x = jnp.pad(x, [(0, 0), (0, -S % chunk)] + [(0, 0)] * (x.ndim - 2))
        return x.reshape(B, -1, chunk, *x.shape[2:]).swapaxes(0, 1)

    @jax.checkpoint
    def add_chunk(sums: LossSums, part: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[LossSums, None]:
        x_BxCxD, targets_BxC, counts_BxC = part
        logits_BxCxV = jnp.einsum("BCD,DV->BCV", x_BxCxD, unembed_DxV, preferred_element_type=jnp.float32)
        log_z_BxC = jax.nn.logsumexp(logits_BxCxV, axis=-1)
        target_logits_BxC = jnp.take_along_axis(logits_BxCxV, targets_BxC[..., None], axis=-1)[..., 0]
        columns = (log_z_BxC - target_logits_BxC, jnp.square(log_z_BxC), jnp.ones_like(log_z_BxC))
        return LossSums(*(total + jnp.sum(c, axis=1, where=counts_BxC) for total, c in zip(sums, columns, strict=True))), None

    zero = LossSums(*(jnp.zeros(B, jnp.float32) for _ in LossSums._fields))
    sums, _ = jax.lax.scan(add_chunk, zero, (chunks(x_BxSxD), chunks(targets_BxS), chunks(counts_BxS)))
    return sums
