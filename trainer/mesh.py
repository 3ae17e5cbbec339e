"""Where weights and batches live: a mesh of (fsdp, tensor), and a rule that reads a weight's name."""

from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from pipeline.params import UsageError
from trainer.config import TrainParams

# The axis of a weight's dimension, by the letters of its name (model.py); a norm's scale lies on every device.
_AXES = {"D": "fsdp", "H": "tensor", "G": "tensor", "F": "tensor", "V": "tensor"}


def make_mesh(params: TrainParams, vocab_size: int) -> Mesh:
    """The devices as (fsdp, tensor).

    Raises:
        UsageError: more devices than there are; a size of the model or the batch that the mesh does not divide.
    """
    devices = jax.devices()
    fsdp = params.fsdp or len(devices) // params.tensor
    if not 0 < fsdp * params.tensor <= len(devices):
        raise UsageError(f"trainer.fsdp x trainer.tensor is {fsdp or 1} x {params.tensor}, there are {len(devices)} devices: lower them")
    model = params.sizes
    for field, value, axis, size in (
        ("trainer.model.d_model", model.d_model, "fsdp", fsdp),
        ("trainer.batch_sequences / trainer.micro_batches", params.batch_sequences // params.micro_batches, "fsdp", fsdp),
        ("trainer.model.num_kv_heads", model.num_kv_heads, "tensor", params.tensor),
        ("trainer.model.d_ff", model.d_ff, "tensor", params.tensor),
        ("vocab_size of the sequences", vocab_size, "tensor", params.tensor),
    ):
        if value % size:
            raise UsageError(f"{field} is {value}, which trainer.{axis} = {size} does not divide: choose another {axis}")
    # Auto: XLA chooses what the constraints leave open.
    automatic = (AxisType.Auto, AxisType.Auto)
    return jax.make_mesh((fsdp, params.tensor), ("fsdp", "tensor"), automatic, devices=devices[: fsdp * params.tensor])


def batch_sharding(mesh: Mesh) -> NamedSharding:
    return NamedSharding(mesh, P("fsdp"))


def residual_sharding(mesh: Mesh) -> NamedSharding:
    """[B, S, D]; over the positions too if tensor > 1, or every chip of a tensor group would keep the same residuals."""
    return NamedSharding(mesh, P("fsdp", "tensor" if mesh.shape["tensor"] > 1 else None, None))


def state_shardings(state: Any, mesh: Mesh) -> Any:
    """The sharding of each leaf of a tree whose leaves are named as weights are: weights, or an optimizer's moments of them."""
    return jax.tree_util.tree_map_with_path(lambda path, _: NamedSharding(mesh, _spec(path)), state)


def _spec(path: tuple[Any, ...]) -> P:
    name = getattr(path[-1], "key", "")
    if "_" not in name or "norm" in name:
        return P()
    return P(*(_AXES.get(letter) for letter in name.rsplit("_", 1)[1].split("x")))
