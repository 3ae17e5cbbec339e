import numpy as np
import pytest

from tests.tokenization.models import real_texts, sentencepiece_ids, strings, trained
from tokenization.cache import Cache, is_text, new_cache
from tokenization.fast import FastEncoder
from tokenization.vocabulary import read_model


def encode(texts: list[str], cache: Cache) -> list[list[int]]:
    offsets, ids = FastEncoder(read_model(trained("tenfold")), cache).encode(strings(texts))
    return [run.tolist() for run in np.split(ids, offsets[1:-1])]


@pytest.mark.parametrize("num_entries", [2, 16, 256])
def test_a_cache_that_overflows_gives_the_same_ids(num_entries: int) -> None:
    cache = new_cache(num_entries)
    texts = real_texts()
    assert encode(texts, cache) == sentencepiece_ids(trained("tenfold"), texts)
    assert cache.used[0] <= num_entries // 2
    assert cache.used[1] <= len(cache.texts)
    assert cache.used[2] <= len(cache.ids)


def test_a_cache_that_overflows_with_long_chunks_gives_the_same_ids() -> None:
    texts = ["".join(chr(ord("a") + (i * j) % 26) for j in range(length)) for i, length in enumerate(range(10, 300))]
    cache = new_cache(16)
    assert encode(texts, cache) == sentencepiece_ids(trained("tenfold"), texts)


def test_long_chunks_that_differ_in_one_byte_are_told_apart() -> None:
    word = "abcdefghijklmnopqrstuvwxyz"
    texts = [word[:i] + letter + word[i + 1 :] for i in range(len(word)) for letter in "axz"]
    assert encode(texts, new_cache()) == sentencepiece_ids(trained("tenfold"), texts)


def test_a_short_chunk_and_one_that_begins_with_nul_are_told_apart() -> None:
    texts = ["a", "\0a", "\0\0a", "ab", "\0ab"]
    assert encode(texts, new_cache()) == sentencepiece_ids(trained("tenfold"), texts)


def test_long_chunks_are_compared_byte_by_byte() -> None:
    """So that two of one hash would be told apart too."""
    kept, data = (np.frombuffer(text, np.uint8) for text in (b"....abcdef....", b"abcdeg"))
    assert [is_text(data, 0, size, kept, 4) for size in (1, 5, 6)] == [True, True, False]
