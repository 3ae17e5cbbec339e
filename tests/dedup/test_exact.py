import numpy as np
import pyarrow as pa
import pytest

from pipeline.dedup.exact import murmur3, text_hashes

MASK = 2**64 - 1


def _rotate(x: int, bits: int) -> int:
    return (x << bits | x >> 64 - bits) & MASK


def _finish(x: int) -> int:
    x = (x ^ x >> 33) * 0xFF51AFD7ED558CCD & MASK
    x = (x ^ x >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return x ^ x >> 33


def _reference(data: bytes) -> bytes:
    """MurmurHash3 x64 128 on Python's integers: a missing byte of the last block is a zero."""
    h = [0, 0]
    c = [0x87C37B91114253D5, 0x4CF5AD432745937F]
    padded = data + bytes(-len(data) % 16)
    for start in range(0, len(padded), 16):
        whole = start + 16 <= len(data)
        for i, (turn, add) in enumerate([(27, 0x52DCE729), (31, 0x38495AB5)]):
            word = int.from_bytes(padded[start + 8 * i : start + 8 * i + 8], "little")
            h[i] ^= _rotate(word * c[i] & MASK, 31 + 2 * i) * c[1 - i] & MASK
            if whole:
                h[i] = ((_rotate(h[i], turn) + h[1 - i]) * 5 + add) & MASK
    h = [h[0] ^ len(data), h[1] ^ len(data)]
    h[0] = (h[0] + h[1]) & MASK
    h = [_finish(h[0]), _finish((h[1] + h[0]) & MASK)]
    h[0] = (h[0] + h[1]) & MASK
    return h[0].to_bytes(8, "little") + ((h[1] + h[0]) & MASK).to_bytes(8, "little")


def test_hash_has_the_verification_value_of_its_published_test_suite() -> None:
    # SMHasher's: the hash of the hashes of (), (0), (0, 1), ... under seeds 256, 255, ...
    keys = np.arange(256, dtype=np.uint8)
    hashes = b"".join(np.array(murmur3(keys[:i], np.uint64(256 - i)), np.uint64).tobytes() for i in range(256))
    verification = np.array(murmur3(np.frombuffer(hashes, np.uint8), np.uint64(0)), np.uint64)
    assert verification.tobytes()[:4] == (0x6384BA69).to_bytes(4, "little")


def test_hash_of_the_pangram_is_the_published_one() -> None:
    hashes = text_hashes(pa.array(["The quick brown fox jumps over the lazy dog"]))
    assert f"{hashes[0, 0]:016x}{hashes[0, 1]:016x}" == "e34bbc7bbc071b6c7a433ca9c49a9347"


def test_hashes_agree_with_a_slow_reference_at_every_length_of_the_last_block() -> None:
    texts = ["é" * (n // 2) + "x" * (n % 2) for n in range(70)]
    hashes = text_hashes(pa.array(texts))
    assert [row.tobytes() for row in hashes] == [_reference(text.encode()) for text in texts]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string()])
def test_slices_and_large_strings_hash_like_any_other(type_: pa.DataType) -> None:
    texts = pa.array(["one", "", "three", "four", "a longer text than sixteen bytes"], type_)
    np.testing.assert_array_equal(text_hashes(texts[1:4]), text_hashes(pa.array(texts[1:4].to_pylist())))


@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_empty_arrays_and_empty_texts_have_hashes(texts: list[str]) -> None:
    hashes = text_hashes(pa.array(texts, pa.string()))
    assert hashes.shape == (len(texts), 2)
    assert len(np.unique(hashes, axis=0)) == min(1, len(texts))


def test_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="binary"):
        text_hashes(pa.array([b"a"]))
