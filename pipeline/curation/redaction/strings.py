"""Secrets that show by where they stand: random strings in quotes, and values that a telling name is given."""

from functools import cache
from itertools import product

import numpy as np

from pipeline.curation.redaction.gibberish import is_gibberish, log_bigrams, wordiness
from pipeline.curation.redaction.spans import KIND, no_spans, pushed
from pipeline.curation.redaction.words import (
    ALNUM,
    BACKSLASH,
    BASE64,
    BASE64URL,
    DIGIT,
    EQUALS,
    HEX,
    LOWER,
    PLUS_SLASH,
    UPPER,
    WORD,
    hashed_names,
    is_in,
    is_one_of,
    line_end,
    line_start,
    lower,
    name_hash,
    packed_words,
    speaks_of,
)  # fmt: skip
from pipeline.kernels import StringBuffers, inlined, kernel

# detect-secrets' limits in bits a character. A third of all random keys of 32 characters stay below 4.5, so what is as unlike written text
# as they are (99 in 100 have a wordiness below) may have a little less. No shorter string can pass the limits.
_MIN_BASE64_ENTROPY, _MIN_GIBBERISH_ENTROPY, _MAX_GIBBERISH_WORDINESS, _MIN_BASE64_CHARS = 4.5, 4.2, -0.75, 19
_MIN_HEX_ENTROPY, _MIN_HEX_CHARS = 3.0, 9
_STRING = BASE64URL | PLUS_SLASH | EQUALS | BACKSLASH

_HASH_WORDS = packed_words(("sha", "md5", "hash", "byte", "checksum", "digest", "commit"))
_HASH_PREFIXES = packed_words(("sha1-", "sha256-", "sha384-", "sha512-", "md5-"))
_HASH_CONTEXT_BYTES = 256
_AWS = packed_words(("aws",))
_AWS_WORDS = packed_words(("key", "pwd", "pw", "password", "pass", "token"))
_AWS_SECRET_CHARS, _MAX_AWS_GAP = 40, 20
_MAX_NAME_BYTES = 48

_HEX_STRING, _BASE64_STRING, _AWS_SECRET_KEY = KIND["hex_string"], KIND["base64_string"], KIND["aws_secret_key"]
_CLOUDANT, _IAM, _COS, _SOFTLAYER = KIND["cloudant"], KIND["ibm_cloud_iam"], KIND["ibm_cos_hmac"], KIND["softlayer"]
_MIN_VALUE_CHARS = 24


def find_strings(buffers: StringBuffers) -> np.ndarray:
    """Random strings between two quotes of a kind, without the quotes; int64 [m, 3].

    Base64 (also of URLs) of over 4.5 bits of entropy a character, and hexadecimal of over 3 bits, as in detect-secrets 1.5. The former must
    look drawn by lot; if they do so without doubt, 4.2 bits are enough. No secrets are: digits alone; 32, 40 or 64 characters near a word
    like sha, md5, hash, byte, checksum, digest or commit; `sha512-...`; what a name that ends in `id` is given; alphabets (`ABCDEF...`).
    Besides, 40 characters behind `aws` and a word like key.
    """
    return _find_strings(*buffers, log_bigrams())


def find_named_values(buffers: StringBuffers) -> np.ndarray:
    """Values that the names of Cloudant's, IBM Cloud's and SoftLayer's keys are given, in quotes or not; int64 [m, 3].

    Names and lengths as in detect-secrets 1.5: `cloudant_api_key: ...`, `ibm_cloud_iam_token=...`.
    """
    return _find_named_values(*buffers, *_names(), log_bigrams())


@cache
def _names() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every name that detect-secrets' patterns spell (and `cloudant_api_key`), hashed: of Cloudant, IAM, COS, SoftLayer."""
    dash, api, words = ("", "-", "_"), ("", "api"), ("key", "pwd", "password", "pass", "token")
    iam = ["ibm", "iam", "cloud", "", *_joined(("ibm",), dash, ("cloud",), dash, ("iam",)), *_joined(("cloud", "ibm"), dash, ("iam",))]
    iam += _joined(("ibm",), dash, ("cloud",))
    cos = ["", *_joined(("", "ibm"), dash, ("cos",), dash, ("", "hmac"))]
    return (
        hashed_names(_joined(("cloudant", "cl", "clou"), dash, api, dash, (*words, "pw"))),
        hashed_names(_joined(iam, dash, api, dash, words)),
        hashed_names(_joined(cos, dash, ("secret",), dash, ("", "access"), dash, ("key",))),
        hashed_names(_joined(("softlayer", "sl"), dash, api, dash, words)),
    )


def _joined(*parts: tuple[str, ...] | list[str]) -> list[str]:
    return ["".join(choice) for choice in product(*parts)]


@kernel
def _find_strings(offsets: np.ndarray, data: np.ndarray, bigrams: np.ndarray) -> np.ndarray:
    found = no_spans()
    num = 0
    counts = np.zeros(256, np.int64)
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        free = start  # no string opens before this byte
        for opening in range(start, end):
            quote = data[opening]
            if (quote != 34 and quote != 39) or opening < free:
                continue
            i = first = opening + 1
            all_hex = True
            while i < end and is_in(data[i], _STRING):
                all_hex &= is_in(data[i], HEX)
                i += 1
            free = i
            # The closing quote may open the next string: detect-secrets pairs the quotes of each alphabet in its own way.
            if i == end or (data[i] != 34 and data[i] != 39) or i - first < _MIN_HEX_CHARS:
                continue
            last = i
            while last > first and data[last - 1] == 92:  # a backslash belongs to the quote: \"
                last -= 1
            kind = _string_kind(data, start, first, last, all_hex, counts, bigrams)
            if kind < 0 or (data[i] != quote and kind != _AWS_SECRET_KEY):
                continue
            if _is_sequence(data, first, last):
                continue
            if kind != _AWS_SECRET_KEY and (_is_hash(data, start, first, last, end) or _names_an_id(data, start, first - 1)):
                continue
            found = pushed(found, num, first, last, kind)
            num += 1
    return found[:num]


@kernel
def _string_kind(
    data: np.ndarray, start: int, first: int, last: int, all_hex: bool, counts: np.ndarray, bigrams: np.ndarray
) -> int:
    """The kind of data[first:last], whose characters and lengths fit; -1: none. `counts` is room for 256 zeros."""
    num_chars = last - first
    if num_chars == _AWS_SECRET_CHARS and _is_aws_secret(data, start, first, last) and is_gibberish(data, first, last, bigrams):
        return _AWS_SECRET_KEY
    if not all_hex and num_chars < _MIN_BASE64_CHARS:
        return -1
    num_digits = 0
    for i in range(first, last):
        num_digits += is_in(data[i], DIGIT)
    if num_digits == num_chars:
        return -1
    for i in range(first, last):
        counts[data[i]] += 1
    entropy = 0.0
    for i in range(first, last):
        count = counts[data[i]]
        if count:
            entropy -= count / num_chars * np.log2(count / num_chars)
            counts[data[i]] = 0
    if not all_hex:
        limit = 0.0 if entropy > _MIN_BASE64_ENTROPY else _MAX_GIBBERISH_WORDINESS
        return _BASE64_STRING if entropy > _MIN_GIBBERISH_ENTROPY and wordiness(data, first, last, bigrams) < limit else -1
    return _HEX_STRING if entropy > _MIN_HEX_ENTROPY else -1


@kernel
def _is_aws_secret(data: np.ndarray, start: int, first: int, last: int) -> bool:
    """Whether `aws`, at most 20 characters on a word like key, and at most 20 on the quote stand before the string."""
    for i in range(first, last):
        if not is_in(data[i], BASE64):
            return False
    quote = first - 1
    lowest = line_start(data, quote, max(start, quote - 3 - 2 * _MAX_AWS_GAP - 8))
    for i in range(lowest, quote - 2):
        if speaks_of(data, i, i + 3, _AWS):
            for k in range(i + 3, min(i + 4 + _MAX_AWS_GAP, quote)):
                for length in (2, 3, 4, 5, 8):
                    if k + length <= quote <= k + length + _MAX_AWS_GAP and _is_word(data, k, k + length, _AWS_WORDS):
                        return True
    return False


@kernel
def _is_word(data: np.ndarray, start: int, end: int, words: np.ndarray) -> bool:
    """Whether data[start:end] begins with one of the words and has its length."""
    first = 0
    while first < len(words):
        k = first
        while words[k] != 0 and k - first < end - start and lower(data[start + k - first]) == words[k]:
            k += 1
        if words[k] == 0 and k - first == end - start:
            return True
        while words[k] != 0:
            k += 1
        first = k + 1
    return False


@kernel
def _is_sequence(data: np.ndarray, first: int, last: int) -> bool:
    """Whether three of four characters are the successors of those before them, as in an alphabet."""
    num_steps = 0
    for i in range(first + 1, last):
        num_steps += lower(data[i]) == lower(data[i - 1]) + 1
    return 4 * num_steps >= 3 * (last - first - 1)


@kernel
def _is_hash(data: np.ndarray, start: int, first: int, last: int, end: int) -> bool:
    for length in (4, 5, 7):
        if last - first > length and _is_word(data, first, first + length, _HASH_PREFIXES):
            return True
    if last - first != 32 and last - first != 40 and last - first != 64:
        return False
    before = line_start(data, first, max(start, first - _HASH_CONTEXT_BYTES))
    after = line_end(data, last, min(end, last + _HASH_CONTEXT_BYTES))
    return speaks_of(data, before, first, _HASH_WORDS) or speaks_of(data, last, after, _HASH_WORDS)


@kernel
def _names_an_id(data: np.ndarray, start: int, quote: int) -> bool:
    """Whether a name like id, client_id, userIds or "app-id" is given the string that opens at `quote`."""
    name_end = _name_end(data, start, quote)
    i = name_end
    while i > start and i > name_end - _MIN_BASE64_CHARS and is_in(data[i - 1], BASE64URL):
        i -= 1
    # A name as long as a secret may be one, and must not rest on another that goes.
    if name_end - i >= _MIN_BASE64_CHARS or name_end - i < 2:
        return False
    if lower(data[name_end - 1]) == 115:
        name_end -= 1
    if name_end - i < 2 or data[name_end - 1] | 32 != 100 or data[name_end - 2] | 32 != 105:
        return False
    if name_end - i == 2:
        return True
    before = data[name_end - 3]
    return not is_in(before, ALNUM) or (data[name_end - 2] == 73 and is_in(before, LOWER | DIGIT)) or name_end - i == 6 or name_end - i == 4


@inlined
def _is_pair(first: int, second: int) -> bool:
    """=> := ::"""
    return (first == 61 and second == 62) or (first == 58 and (second == 61 or second == 58))


@kernel
def _name_end(data: np.ndarray, start: int, i: int) -> int:
    """The end of the name that is given what follows at byte i (`name = `, `"name": `, `name] => `, `name `); `start` if there is none."""
    blanks = i
    while blanks > start and data[blanks - 1] == 32:
        blanks -= 1
    end = blanks
    if end - 1 > start and _is_pair(data[end - 2], data[end - 1]):
        end -= 2
    elif end > start and (data[end - 1] == 61 or data[end - 1] == 58):
        end -= 1
    elif blanks == i:
        return start
    while end > start and data[end - 1] == 32:
        end -= 1
    if end > start and data[end - 1] == 93:
        end -= 1
    if end > start and (data[end - 1] == 34 or data[end - 1] == 39):
        end -= 1
    return end


@kernel
def _find_named_values(
    offsets: np.ndarray,
    data: np.ndarray,
    cloudant: np.ndarray,
    iam: np.ndarray,
    cos: np.ndarray,
    softlayer: np.ndarray,
    bigrams: np.ndarray,
) -> np.ndarray:
    found = no_spans()
    num = 0
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        i = start
        while i + _MIN_VALUE_CHARS <= end:
            # Backwards, so that the first foreign byte rules out all starts before it.
            last = i + _MIN_VALUE_CHARS - 1
            while last >= i and is_in(data[last], BASE64URL):
                last -= 1
            if last >= i:
                i = last + 1
                continue
            first = i
            i += _MIN_VALUE_CHARS
            while i < end and is_in(data[i], BASE64URL):
                i += 1
            before = data[first - 1] if first > start else 0
            if not (before == 34 or before == 39 or before == 61 or before == 58 or before == 32 or before == 62):
                continue
            name_end = _name_end(data, start, first - 1 if before == 34 or before == 39 else first)
            value_end, kind = _named_kind(data, start, name_end, first, i, cloudant, iam, cos, softlayer)
            if kind >= 0 and is_gibberish(data, first, value_end, bigrams):
                found = pushed(found, num, first, value_end, kind)
                num += 1
    return found[:num]


@kernel
def _named_kind(
    data: np.ndarray,
    start: int,
    name_end: int,
    first: int,
    last: int,
    cloudant: np.ndarray,
    iam: np.ndarray,
    cos: np.ndarray,
    softlayer: np.ndarray,
) -> tuple[int, int]:
    """Where the secret in the value data[first:last] ends, and its kind; -1 if the name in front of `name_end` asks for none."""
    hex_end = alnum_end = letters_end = first
    while hex_end < last and is_in(data[hex_end], HEX):
        hex_end += 1
    while alnum_end < last and is_in(data[alnum_end], ALNUM):
        alnum_end += 1
    while letters_end < last and is_in(data[letters_end], LOWER | UPPER):
        letters_end += 1
    i = name_end
    while i > start and name_end - i < _MAX_NAME_BYTES and is_in(data[i - 1], BASE64URL):
        i -= 1
        if i > start and is_in(data[i - 1], WORD):
            continue  # a name begins a word
        name = name_hash(data, i, name_end)
        if hex_end - first == 48 and is_one_of(name, cos):
            return hex_end, _COS
        if alnum_end - first >= 64 and is_one_of(name, softlayer):
            return alnum_end, _SOFTLAYER
        if (hex_end - first >= 64 or letters_end - first >= 24) and is_one_of(name, cloudant):
            return max(hex_end, letters_end), _CLOUDANT
        if last - first == 44 and is_one_of(name, iam):
            return last, _IAM
    return last, -1
