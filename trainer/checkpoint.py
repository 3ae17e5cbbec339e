"""Saving and resuming: the state, and beside it what the state was trained on."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import orbax.checkpoint as ocp

from pipeline.params import UsageError
from trainer.config import TrainParams
from trainer.data import Stream
from trainer.step import State


class Checkpoints:
    """The checkpoints of one run, each named by the steps done when it was saved; written in the background."""

    def __init__(self, folder: str, *, stream: Stream) -> None:
        self._folder = os.path.abspath(folder)
        self._identity = _identity(stream)
        options = ocp.CheckpointManagerOptions(max_to_keep=stream.params.max_checkpoints, enable_async_checkpointing=True)
        self._manager = ocp.CheckpointManager(self._folder, options=options)

    @property
    def latest(self) -> int | None:
        return self._manager.latest_step()

    def save(self, steps_done: int, state: State) -> None:
        run = {"steps_done": steps_done, **self._identity}
        self._manager.save(steps_done, args=ocp.args.Composite(state=ocp.args.StandardSave(state), run=ocp.args.JsonSave(run)))

    def restore(self, steps_done: int, like: State) -> State:
        """The state of a checkpoint, on `like`'s shardings (the run that saved it may have had another mesh).

        Raises:
            UsageError: the checkpoint is of other data, another model or another batch.
        """
        saved = self._manager.restore(steps_done, args=ocp.args.Composite(run=ocp.args.JsonRestore())).run
        for field, value in self._identity.items():
            if saved[field] != value:
                raise UsageError(f"{field} is {value}, in {self._folder} it was {saved[field]}: put it back, or train into another folder")
        target = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        return self._manager.restore(steps_done, args=ocp.args.Composite(state=ocp.args.StandardRestore(target))).state

    def close(self) -> None:
        """Waits for what is being written."""
        self._manager.wait_until_finished()
        self._manager.close()


def _identity(stream: Stream) -> dict[str, Any]:
    """What a resumed run must have in common with the saved one, or its steps would stand for other sequences."""
    params: TrainParams = stream.params
    return {
        "fingerprint of the sequences": stream.manifest.fingerprint,
        "trainer.model": params.sizes.model_dump(),
        "trainer.batch_sequences": params.batch_sequences,
    }


@contextmanager
def catch_sigterm() -> Iterator[list[int]]:
    """A list that SIGTERM fills: a preempted machine gives the run some seconds to save."""
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)
