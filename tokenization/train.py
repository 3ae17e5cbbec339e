"""Training a SentencePiece BPE model: code-friendly, exact on any text, the same bytes every time."""

import io
from collections.abc import Iterable, Iterator

import numpy as np
import sentencepiece

from pipeline.hashing import luck
from pipeline.params import UsageError
from tokenization.params import CHATML, FIM, TokenizerParams

# The trainer works line by line (a piece never holds a new line); it passes over longer ones, in bytes.
MAX_LINE_BYTES = 16 << 10


def sample_threshold(ids: np.ndarray, num_bytes: np.ndarray, *, seed: int, sample_bytes: int) -> int:
    """The luck below which a source's documents are in the sample, so that they hold at least `sample_bytes` if it has them.

    Args:
        ids: uint64 [n].
        num_bytes: int64 [n], of the documents' text.
    Returns:
        A bound in [0, 2**64]: a document is in when luck(seed, "tokenizer", id) is below it.
    """
    draw = luck(seed, "tokenizer", ids)
    order = np.argsort(draw, kind="stable")
    enough = int(np.searchsorted(np.cumsum(num_bytes[order]), sample_bytes))
    return 1 << 64 if enough >= len(order) else int(draw[order[enough]]) + 1


def sample_shares(source_bytes: dict[str, int], params: TokenizerParams) -> dict[str, int]:
    """Bytes to sample from each source.

    Raises:
        UsageError: a weight for an unknown source.
    """
    weights: dict[str, float] = dict(params.sample_weights) or {source: float(size) for source, size in source_bytes.items()}
    for source in weights:
        if source not in source_bytes:
            raise UsageError(f"tokenizer.sample_weights.{source}: there is no such source; there are {', '.join(sorted(source_bytes))}")
    total = sum(weights.values()) or 1.0
    return {source: int(params.sample_bytes * weights.get(source, 0.0) / total) for source in source_bytes}


def train_tokenizer(texts: Iterable[str], params: TokenizerParams) -> bytes:
    """A SentencePiece model file: BPE, byte fallback, digits split, white-space pieces, no normalisation.

    Raises:
        UsageError: the texts hold too little for the vocabulary.
    """
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_lines(texts),
            model_writer=model,
            model_type="bpe",
            vocab_size=params.vocab_size,
            num_threads=params.num_threads,
            byte_fallback=True,
            split_digits=True,
            allow_whitespace_only_pieces=True,
            remove_extra_whitespaces=False,
            add_dummy_prefix=False,
            normalization_rule_name="identity",
            character_coverage=0.9999,
            control_symbols=[*CHATML, *FIM],
            max_sentence_length=MAX_LINE_BYTES,
            max_sentencepiece_length=16,
            shuffle_input_sentence=False,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise UsageError(
            f"tokenizer.vocab_size={params.vocab_size}: the sample is too small for it ({error}); lower it, or raise tokenizer.sample_bytes"
        ) from error
    return model.getvalue()


def _lines(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for line in text.split("\n"):
            if (line and len(line) * 4 <= MAX_LINE_BYTES) or (len(line.encode()) <= MAX_LINE_BYTES and line):
                yield line
