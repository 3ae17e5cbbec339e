import numpy as np
import pytest
import sentencepiece

from tests.tokenization.models import trained
from tokenization.vocabulary import BYTE, CONTROL, UNKNOWN, UNUSED, USER_DEFINED, read_model

NAMES = ["tenfold", "dummy prefix", "user-defined", "unigram", "normalised"]


@pytest.mark.parametrize("name", NAMES)
def test_pieces_are_read_as_sentencepiece_reads_them(name: str) -> None:
    model = read_model(trained(name))
    theirs = sentencepiece.SentencePieceProcessor(model_proto=trained(name))
    ids = list(range(theirs.vocab_size()))
    # No text that sentencepiece compares with pieces holds a space as such.
    assert [text.decode().replace(" ", "\u2581") for text in model.texts] == [
        "" if " " in piece else piece for piece in theirs.id_to_piece(ids)
    ]
    np.testing.assert_array_equal(model.scores, theirs.get_score(ids))
    for kind, is_kind in {UNKNOWN: theirs.is_unknown, CONTROL: theirs.is_control, UNUSED: theirs.is_unused, BYTE: theirs.is_byte}.items():
        np.testing.assert_array_equal(model.kinds == kind, is_kind(ids))


def test_settings_are_read() -> None:
    models = {name: read_model(trained(name)) for name in NAMES}
    assert [name for name in NAMES if models[name].add_dummy_prefix] == ["dummy prefix"]
    assert [name for name in NAMES if not models[name].is_bpe] == ["unigram"]
    assert [name for name in NAMES if models[name].charsmap] == ["normalised"]
    assert {models["user-defined"].texts[i] for i in models["user-defined"].of_kind(USER_DEFINED)} >= {b"def ", b"\n\n", b"  "}
