"""Text to ids, and what a model file says of itself."""

import hashlib
import logging
from functools import cached_property
from itertools import chain

import numpy as np
import pyarrow as pa
import sentencepiece

from pipeline.params import UsageError
from tokenization.fast import FastEncoder
from tokenization.vocabulary import NORMAL, USER_DEFINED, obstacle, read_model

_log = logging.getLogger(__name__)
_MAX_TRIED_PIECES = 1 << 14


class Tokenizer:
    """A SentencePiece model. Encodes as sentencepiece does, id for id: by FastEncoder, or by itself where that has an obstacle.

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
        self._fast = self._fast_encoder(model, name)

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
        """One list of ids a text, without BOS and EOS; of `token_type`. A null has none.

        Raises:
            ValueError: a text is no UTF-8.
        """
        offsets, ids = self._fast.encode(texts) if self._fast else self._encode(texts)
        values = pa.array(ids).cast(self.token_type)
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)

    def decode(self, ids: list[int]) -> str:
        return self._processor.decode(ids)

    def _encode(self, texts: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
        """As FastEncoder.encode, but by sentencepiece."""
        ids = self._processor.encode(texts.fill_null("").to_pylist(), out_type=int, num_threads=1)
        offsets = np.cumsum([0, *map(len, ids)])
        return offsets, np.fromiter(chain.from_iterable(ids), np.uint32, count=int(offsets[-1]))

    def _fast_encoder(self, data: bytes, name: str) -> FastEncoder | None:
        model = read_model(data)
        reason = obstacle(model)
        if reason is None:
            encoder = FastEncoder(model)
            # `obstacle` argues from how sentencepiece works; this would tell if another version worked otherwise.
            pieces = [model.texts[i] for i in model.of_kind(NORMAL, USER_DEFINED)]
            tried = pa.array([b"".join(pieces[:: len(pieces) // _MAX_TRIED_PIECES + 1]).decode()])
            if all(map(np.array_equal, encoder.encode(tried), self._encode(tried))):
                return encoder
            reason = "it encodes a text otherwise than expected"
        _log.warning("%s: sentencepiece itself encodes, at a fraction of the speed: %s", name, reason)
        return None
