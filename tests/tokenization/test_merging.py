from random import Random

import numpy as np
import pytest

from tests.tokenization.models import NORMAL, model_file, sentencepiece_ids, trained
from tokenization.merging import Merges, encode_text, find_merges
from tokenization.vocabulary import read_model

MERGES = {name: find_merges(read_model(trained(name))) for name in ("tenfold", "user-defined")}


def encoded(text: str, merges: Merges) -> tuple[list[int], int]:
    data = np.frombuffer(text.encode(), np.uint8)
    ids = np.empty(len(data), np.uint32)
    num_ids, num_steps = encode_text(data, 0, len(data), merges, ids, 0)
    return ids[:num_ids].tolist(), num_steps


TEXTS = {
    "one letter": lambda n: "e" * n,
    "spaces": lambda n: " " * n,
    "letters": lambda n: "".join(Random(n).choices("etaoinsrhldcu", k=n)),
    "words": lambda n: ("return self.name " * n)[:n],
    "unknown": lambda n: "\u1234" * (n // 3),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", MERGES)
def test_sixteen_times_the_text_takes_little_more_than_sixteen_times_the_steps(name: str, text) -> None:
    short, long = (encoded(text(n), MERGES[name])[1] for n in (1 << 13, 1 << 17))
    assert long < 16 * short * 1.5  # n log n: 16 * 17 / 13


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", MERGES)
def test_a_text_merges_as_sentencepiece_merges_it(name: str, text) -> None:
    assert encoded(text(5_000), MERGES[name])[0] == sentencepiece_ids(trained(name), [text(5_000)])[0]


@pytest.mark.parametrize("texts", [("ab", "ba"), ("ba", "ab"), ("aa", "aaa"), ("aaa", "aa")])
def test_pieces_of_equal_scores_merge_from_the_left_as_in_sentencepiece(texts: tuple[str, str]) -> None:
    model = model_file((text, -1.0, NORMAL) for text in ("a", "b", *texts))
    merges = find_merges(read_model(model))
    for text in ("aba", "bab", "abbaab", "aaaaaaa", "baaaab"):
        assert encoded(text, merges)[0] == sentencepiece_ids(model, [text])[0]
