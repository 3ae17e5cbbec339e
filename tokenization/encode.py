"""Text to ids, and what a model file says of itself."""

import hashlib
from functools import cached_property
from itertools import chain

import numpy as np
import pyarrow as pa
import sentencepiece

from pipeline.params import UsageError


class Tokenizer:
    """A SentencePiece model.

    Attributes:
        sha256: of the model file.
    """

    def __init__(self, model: bytes, name: str = "tokenizer") -> None:
        """
        Raises:
            UsageError: the bytes are no SentencePiece model.
        """
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise UsageError(f"tokenizer.model: {name} is no SentencePiece model ({error})") from error
        self.sha256 = hashlib.sha256(model).hexdigest()

    @cached_property
    def vocab_size(self) -> int:
        return self._processor.vocab_size()

    @property
    def special_ids(self) -> dict[str, int]:
        """By name (bos, eos, pad), those that the model has."""
        ids = {"bos": self._processor.bos_id(), "eos": self._processor.eos_id(), "pad": self._processor.pad_id()}
        return {name: id for name, id in ids.items() if id >= 0}

    @cached_property
    def token_type(self) -> pa.DataType:
        return pa.uint16() if self.vocab_size <= 1 << 16 else pa.uint32()

    def encode(self, texts: pa.StringArray) -> pa.ListArray:
        """One list of ids a text, without BOS and EOS; of `token_type`."""
        ids = self._processor.encode(texts.to_pylist(), out_type=int, num_threads=1)
        offsets = np.zeros(len(ids) + 1, np.int32)
        np.cumsum([len(run) for run in ids], out=offsets[1:])
        values = np.fromiter(chain.from_iterable(ids), np.uint32, count=int(offsets[-1]))
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values).cast(self.token_type))

    def decode(self, ids: list[int]) -> str:
        return self._processor.decode(ids)
