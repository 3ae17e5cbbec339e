"""What a training run is made of. No JAX here: the command line checks a config without paying for that import."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from pipeline.params import Params


class ModelParams(Params):
    """A Llama-2-family decoder's sizes."""

    num_layers: int = Field(ge=1)
    d_model: int = Field(ge=1)
    num_heads: int = Field(ge=1)
    num_kv_heads: int = Field(ge=1)
    d_ff: int = Field(ge=1)
    vocab_size: int | None = Field(default=None, ge=1)  # None: the manifest's
    norm_epsilon: float = Field(default=1e-5, gt=0)
    rope_theta: float = Field(default=10_000.0, gt=0)

    @property
    def d_head(self) -> int:
        return self.d_model // self.num_heads

    @model_validator(mode="after")
    def _heads_divide(self) -> "ModelParams":
        if self.d_model % (2 * self.num_heads):
            raise ValueError(f"d_model {self.d_model} must be a multiple of 2 x num_heads ({self.num_heads}): rotary embedding turns pairs")
        if self.num_heads % self.num_kv_heads:
            raise ValueError(f"num_heads {self.num_heads} must be a multiple of num_kv_heads {self.num_kv_heads}")
        return self


PRESETS = {
    # 1 M and 8 M weights without the vocabulary's: a laptop trains them in minutes.
    "tiny": ModelParams(num_layers=4, d_model=128, num_heads=2, num_kv_heads=1, d_ff=512),
    "small": ModelParams(num_layers=8, d_model=256, num_heads=4, num_kv_heads=2, d_ff=1024),
    # 148 M with a vocabulary of 32,000.
    "150m": ModelParams(num_layers=14, d_model=768, num_heads=12, num_kv_heads=12, d_ff=2048),
    # Llama 2 (arXiv 2307.09288) and its released configurations.
    "llama2_7b": ModelParams(num_layers=32, d_model=4096, num_heads=32, num_kv_heads=32, d_ff=11008, vocab_size=32_000),
    "llama2_70b": ModelParams(num_layers=80, d_model=8192, num_heads=64, num_kv_heads=8, d_ff=28672, vocab_size=32_000),
}


class TrainParams(Params):
    """Optimisation as Lemur (arXiv 2310.06830) continues Llama 2, where the paper says; the batch and the model are yours.

    The paper's own batch is 4 M tokens: 1,024 sequences of 4,096.
    """

    model: str | ModelParams = "small"  # a preset's name, or sizes
    seed: int = 0

    # None: as the manifest has it. A value that differs from the manifest's is refused.
    sequence_length: int | None = Field(default=None, ge=2)
    tokenizer: str | None = None

    batch_sequences: int = Field(default=64, ge=1)  # a step's, over all devices
    micro_batches: int = Field(default=1, ge=1)  # a step's gradient is accumulated over so many parts
    steps: int | None = Field(default=None, ge=1)  # None: to the end of the data
    epochs_over_shards: int = Field(default=1, ge=1)  # the mixture's own epochs are in the stream already

    learning_rate: float = Field(default=4e-5, gt=0)  # the peak; a model trained from nothing wants 1e-4 to 3e-3, less the larger it is
    warmup_steps: int = Field(default=2_000, ge=0)
    final_learning_rate_fraction: float = Field(default=0.1, ge=0, le=1)
    adam_b1: float = Field(default=0.9, ge=0, lt=1)
    adam_b2: float = Field(default=0.95, ge=0, lt=1)
    weight_decay: float = Field(default=0.1, ge=0)  # Llama 2's; Lemur gives none
    max_gradient_norm: float = Field(default=1.0, gt=0)
    z_loss: float | None = Field(default=1e-4, gt=0)  # PaLM's (arXiv 2204.02311); None: off

    fsdp: int | None = Field(default=None, ge=1)  # None: as many devices as `tensor` leaves
    tensor: int = Field(default=1, ge=1)
    compute_dtype: Literal["bfloat16", "float32"] = "bfloat16"  # weights and optimizer are float32 always
    loss_chunk: int = Field(default=512, ge=1)  # positions whose logits exist at the same time

    checkpoint_interval: int = Field(default=500, ge=1)  # steps; the last step and SIGTERM save too
    max_checkpoints: int = Field(default=3, ge=1)
    log_interval: int = Field(default=10, ge=1)  # steps between console lines; metrics.jsonl has every step
    reading_threads: int = Field(default=4, ge=1)

    @property
    def sizes(self) -> ModelParams:
        return PRESETS[self.model] if isinstance(self.model, str) else self.model

    @field_validator("model")
    @classmethod
    def _preset_exists(cls, model: str | ModelParams) -> str | ModelParams:
        if isinstance(model, str) and model not in PRESETS:
            raise ValueError(f"no preset {model!r}: name one of {', '.join(PRESETS)}, or give sizes")
        return model

    @model_validator(mode="after")
    def _batch_divides(self) -> "TrainParams":
        if self.batch_sequences % (self.micro_batches * (self.fsdp or 1)):
            parts = f"micro_batches x fsdp, {self.micro_batches} x {self.fsdp or 1}"
            raise ValueError(f"batch_sequences {self.batch_sequences} must be a multiple of {parts}")
        return self
