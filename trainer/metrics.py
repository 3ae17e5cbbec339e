"""What a step measured, as a line of JSON and now and then a line on the console."""

import json
import os
from typing import Any

import jax
from rich.console import Console

from trainer.config import ModelParams
from trainer.model import count_weights
from trainer.step import StepSums

# Peak dense bfloat16 FLOP/s of one device, by a part of jax's device_kind; from the makers' data sheets.
_PEAK_FLOPS = {
    "TPU v4": 275e12,
    "TPU v5 lite": 197e12,
    "TPU v5e": 197e12,
    "TPU v5": 459e12,
    "TPU v6 lite": 918e12,
    "TPU v6e": 918e12,
    "A100": 312e12,
    "H100": 989e12,
    "H200": 989e12,
}


def flops_per_token(model: ModelParams, *, vocab_size: int, sequence_length: int) -> float:
    """Of a training step: 6 a weight (the embedding is looked up, not multiplied) and 12 L S H K for attention.

    Counted as if every position saw all others, as published figures do; recomputation is not counted.
    Source: Chowdhery et al. 2022 (PaLM), appendix B.
    """
    multiplied = count_weights(model, vocab_size) - vocab_size * model.d_model
    return 6 * multiplied + 12 * model.num_layers * sequence_length * model.num_heads * model.d_head


def peak_flops(device: jax.Device) -> float | None:
    """None where the device is not in the table."""
    return next((peak for kind, peak in _PEAK_FLOPS.items() if kind in device.device_kind), None)


def summarise(sums: StepSums, sources: list[str]) -> dict[str, Any]:
    """Losses in nats a target; a source without a counted target in the step has no loss."""
    num_targets = float(sums.counted.sum())
    by_source = {name: float(sums.loss[i] / sums.counted[i]) for i, name in enumerate(sources) if sums.counted[i]}
    return {
        "loss": float(sums.loss.sum()) / max(num_targets, 1),
        "loss_by_source": by_source,
        "z_loss": float(sums.z_loss),
        "gradient_norm": float(sums.gradient_norm),
        "num_targets": int(num_targets),
    }


class MetricsLog:
    """`metrics.jsonl`: one line a step, each step once, also after a resume from an earlier step."""

    def __init__(self, path: str, *, steps_done: int, log_interval: int) -> None:
        self._interval = log_interval
        self._console = Console(highlight=False)
        kept = []
        if steps_done and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                # A line cut short by a kill is of a step after the checkpoint: checkpoints are saved after their line is written.
                kept = [line for line in file if line.endswith("\n") and json.loads(line)["step"] <= steps_done]
        self._file = open(path, "w", encoding="utf-8")  # noqa: SIM115
        self._file.writelines(kept)

    def write(self, line: dict[str, Any], *, last_step: int) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        if line["step"] % self._interval == 0 or line["step"] in (1, last_step):
            self.say(
                f"step {line['step']:,} of {last_step:,}: loss {line['loss']:.4f}, gradient norm {line['gradient_norm']:.2f}, "
                f"learning rate {line['learning_rate']:.2e}, {line['tokens_per_second']:,.0f} tokens/s"
                + (f", MFU {line['mfu']:.1%}" if "mfu" in line else "")
                + f", waited {line['data_wait_seconds']:.3f} s for data"
            )

    def say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    def close(self) -> None:
        self._file.close()
