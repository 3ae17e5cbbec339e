"""The training run: a loop over the stream's steps, from nothing or from a checkpoint."""

import math
import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import jax
from jax.sharding import Mesh

from pipeline.params import RunError, UsageError
from trainer.checkpoint import Checkpoints, catch_sigterm
from trainer.config import TrainParams
from trainer.data import Batch, Stream, open_stream
from trainer.mesh import batch_sharding, make_mesh
from trainer.metrics import MetricsLog, flops_per_token, peak_flops, summarise
from trainer.model import count_weights
from trainer.optimizer import learning_rate, make_optimizer
from trainer.step import State, StepSums, init_state, make_train_step

TrainStep = Callable[[State, Batch], tuple[State, StepSums]]


@dataclass(frozen=True)
class TrainSummary:
    steps_done: int
    steps: int
    loss: float  # the last step's; NaN: there was no step left to do
    interrupted: bool  # SIGTERM came, and the state is saved


def train(params: TrainParams, *, sequences: str, output: str, resume: bool = False) -> TrainSummary:
    """Trains on packed sequences to the last step of the stream.

    Args:
        sequences: the folder of the shards and their manifest.json.
        output: gets `checkpoints/` and `metrics.jsonl`.
        resume: from the latest checkpoint in `output`, if it has one.
    Raises:
        UsageError: the config does not fit the data, the devices or the checkpoint; `output` is taken and `resume` is not asked for.
        RunError: a shard is broken; the loss is no longer finite.
    """
    stream = open_stream(sequences, params)
    mesh = make_mesh(params, stream.manifest.vocab_size)
    optimizer = make_optimizer(params, stream.steps)
    os.makedirs(output, exist_ok=True)
    with closing(Checkpoints(os.path.join(output, "checkpoints"), stream=stream)) as checkpoints:
        steps_done = checkpoints.latest or 0
        if steps_done and not resume:
            raise UsageError(f"{output} has a checkpoint of step {steps_done}: resume it, or train into another folder")
        state = init_state(params, vocab_size=stream.manifest.vocab_size, optimizer=optimizer, mesh=mesh)
        if steps_done:
            state = checkpoints.restore(steps_done, state)
        train_step = make_train_step(params, num_sources=len(stream.manifest.sources), optimizer=optimizer, mesh=mesh)
        path = os.path.join(output, "metrics.jsonl")
        with closing(MetricsLog(path, steps_done=steps_done, log_interval=params.log_interval)) as log:
            log.say(_opening(stream, mesh=mesh, steps_done=steps_done))
            return _loop(state, steps_done, stream=stream, mesh=mesh, train_step=train_step, checkpoints=checkpoints, log=log)


def _loop(
    state: State, steps_done: int, *, stream: Stream, mesh: Mesh, train_step: TrainStep, checkpoints: Checkpoints, log: MetricsLog
) -> TrainSummary:
    loss = math.nan
    batches = stream.batches(steps_done)
    with catch_sigterm() as received:
        for step in range(steps_done, stream.steps):
            start = time.perf_counter()
            batch = next(batches)
            waited = time.perf_counter() - start
            state, sums = train_step(state, jax.device_put(batch, batch_sharding(mesh)))
            measured = summarise(jax.device_get(sums), stream.manifest.sources)
            _check_finite(measured, step=step, sequences=stream.sequences_of(step))
            seconds = time.perf_counter() - start
            rate = float(learning_rate(step, params=stream.params, steps=stream.steps))
            speed = {**_speed(stream, mesh, seconds=seconds), "data_wait_seconds": waited}
            log.write({"step": step + 1, **measured, "learning_rate": rate, **speed}, last_step=stream.steps)
            steps_done, loss = step + 1, measured["loss"]
            if received or steps_done % stream.params.checkpoint_interval == 0 or steps_done == stream.steps:
                checkpoints.save(steps_done, state)
            if received:
                log.say(f"SIGTERM: saved at step {steps_done:,}; resume to go on")
                break
    return TrainSummary(steps_done, stream.steps, loss, interrupted=bool(received))


def _check_finite(measured: dict[str, Any], *, step: int, sequences: range) -> None:
    for field in ("loss", "gradient_norm"):
        if not math.isfinite(measured[field]):
            raise RunError(
                f"step {step + 1}: {field} is {measured[field]}, in sequences {sequences.start} to {sequences.stop - 1}: "
                "segments/ says which documents are in them; if they are sound, resume with a lower trainer.learning_rate"
            )


def _speed(stream: Stream, mesh: Mesh, *, seconds: float) -> dict[str, float]:
    S, V = stream.manifest.sequence_length, stream.manifest.vocab_size
    rate = stream.params.batch_sequences * S / seconds
    speed = {"seconds": seconds, "tokens_per_second": rate, "tokens_per_second_per_device": rate / mesh.size}
    peak = peak_flops(mesh.devices.flat[0])
    if peak is not None:
        speed["mfu"] = rate * flops_per_token(stream.params.sizes, vocab_size=V, sequence_length=S) / (peak * mesh.size)
    return speed


def _opening(stream: Stream, *, mesh: Mesh, steps_done: int) -> str:
    params, manifest = stream.params, stream.manifest
    axes = ", ".join(f"{axis} {size}" for axis, size in mesh.shape.items())
    return (
        f"{count_weights(params.sizes, manifest.vocab_size):,} weights on {mesh.size} {mesh.devices.flat[0].device_kind} ({axes}): "
        f"{stream.steps - steps_done:,} of {stream.steps:,} steps to go, of {params.batch_sequences} x {manifest.sequence_length} tokens"
    )
