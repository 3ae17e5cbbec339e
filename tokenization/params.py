"""The tokenizer's section of a config."""

from typing import Annotated

from pydantic import Field

from pipeline.params import Params

# Encoded by their ids alone and never from text: a document that spells one out gets ordinary pieces.
CHATML = ("<|im_start|>", "<|im_end|>")
FIM = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>")


class TokenizerParams(Params):
    """A SentencePiece model by file, or one trained on a sample of the survivors."""

    model: str | None = Field(None, description="a SentencePiece .model file; without it one is trained")
    vocab_size: int = Field(32_000, ge=300, description="pieces of the tokenizer to train: 256 bytes and the reserved symbols among them")
    sample_bytes: int = Field(64 << 20, ge=1 << 10, description="text to train on")
    sample_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict,
        description="shares of the sample by source; without it as each has bytes. Apart from the mixture: a re-mix keeps the tokenizer",
    )
    num_threads: int = Field(4, ge=1, description="fixed, since the model file records it")
