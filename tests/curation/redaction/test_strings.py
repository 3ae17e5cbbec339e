import math
import random
import re
import string

import numpy as np
import pytest
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString, HexHighEntropyString
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.redaction.gibberish import log_bigrams, wordiness
from pipeline.curation.redaction.strings import find_named_values, find_strings
from tests.curation.redaction.found import found, values

_BASE64 = string.ascii_letters + string.digits + "+/"
KEY = "TCDDh0yR/LbzOnUB8bhUsk0zlqo3hPQ7DxKm"
HEX32 = "9f3c00001d7e5a0b2c4986f3e1d07b65"


def _drawn(alphabet: str, length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=length))


# Strings of both kinds, of lengths about the limits, and what may stand around them.
_alphabets = st.sampled_from([_BASE64, string.hexdigits, "0123456789abcdef", string.digits])
_strings = st.builds(_drawn, _alphabets, st.integers(5, 70), st.integers(0, 10**6))
_pieces = st.sampled_from(["'", '"', "\\", " ", "id", "_", "=", ": ", "x", "é", "+", "user_id", "key", "\\n", "md5"]) | _strings
_lines = st.lists(_pieces, max_size=14).map("".join)


def _wordiness(text: str) -> float:
    return wordiness(np.frombuffer(text.encode(), np.uint8), 0, len(text), log_bigrams())


def _may_stay(value: str, line: str) -> bool:
    """What this project leaves of detect-secrets' findings, told in another way."""
    if value.isdigit():
        return True
    if not set(value) <= set(string.hexdigits) and _wordiness(value) >= 0:
        return True
    if len(value) in (32, 40, 64) and re.search("sha|md5|hash|byte|checksum|digest|commit", line.replace(value, "", 1).lower()):
        return True
    return re.search(r"(?i)ids?['\"]?\]?\s*(=>|:=|::|=|:| )?\s*['\"]" + re.escape(value), line) is not None


@given(_lines)
def test_what_detect_secrets_finds_in_quotes_is_found(line):
    ours = values(find_strings, line)
    for plugin in (Base64HighEntropyString(), HexHighEntropyString()):
        for secret in plugin.analyze_line(filename="x", line=line):
            value = secret.secret_value.rstrip("\\")
            assert value in ours or _may_stay(value, line) or "\\" in value, (secret.secret_value, line)


def _entropy(text: str) -> float:
    return -sum(text.count(char) / len(text) * math.log2(text.count(char) / len(text)) for char in sorted(set(text)))


@given(_strings, st.sampled_from("'\""))
def test_a_quoted_string_is_a_secret_by_its_entropy(value, quote):
    is_hex = set(value) <= set(string.hexdigits)
    entropy, gibberish = _entropy(value), -_wordiness(value)
    is_base64 = (entropy > 4.5 and gibberish > 0) or (entropy > 4.2 and gibberish > 0.75)
    is_secret = not value.isdigit() and entropy > 3.0 if is_hex else is_base64
    assert bool(values(find_strings, f"k({quote}{value}{quote})")) == is_secret


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'k = "{KEY}"', [("base64_string", KEY)]),
        ('"da4SrUiHJYoJ0HYQ0vcgisoIuFOxx4ER"', [("base64_string", "da4SrUiHJYoJ0HYQ0vcgisoIuFOxx4ER")]),  # 4.497 bits
        (f"k = '{HEX32}'", [("hex_string", HEX32)]),
        (f'{{\\"k\\": \\"{KEY}\\"}}', [("base64_string", KEY)]),
        (f'"{KEY}" + "{HEX32}"', [("base64_string", KEY), ("hex_string", HEX32)]),
        (f'aws_secret = "{KEY}abcd"', [("base64_string", KEY + "abcd")]),
        (f'aws_secret_key = "{KEY}abcd"', [("aws_secret_key", KEY + "abcd")]),
        ("my aws access token is '" + "aB3/" * 10 + "'", [("aws_secret_key", "aB3/" * 10)]),
        (f'valid = "{KEY}"', [("base64_string", KEY)]),
        (f'userid = "{KEY}"\nkey = "{KEY}"', [("base64_string", KEY)]),
        (f'md5\nk = "{HEX32}"', [("hex_string", HEX32)]),
        (f'md5 = "{HEX32}ab"', [("hex_string", HEX32 + "ab")]),
    ],
)
def test_random_strings_in_quotes_are_found(text, expected):
    assert found(find_strings, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        f"k = {KEY}",
        f"k = \"{KEY}'",
        f'k = "{KEY} "',
        f'client_id = "{KEY}"',
        f'"appId": "{KEY}"',
        f"ids => '{KEY}'",
        f'd["id"] = "{KEY}"',
        f'md5 = "{HEX32}"',
        f'"{HEX32}"  # SHA',
        f'integrity="sha384-{KEY}{KEY}"',
        '"' + string.ascii_uppercase + string.ascii_lowercase + string.digits + '+/"',
        '"0123456789abcdef"',
        '"81962777939941034720757232455434770912461317"',
        '"VBROADCASTF32X4_ZMMf32_MASKmskw_MEMf32_AVX512"',
        '"org/apache/commons/lang3/StringUtils/xyzQWK"',
    ],
)
def test_hashes_ids_alphabets_and_paths_stay(text):
    assert values(find_strings, text) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("cloudant_password = '{:064x}'", "cloudant"),
        ("CL-API-KEY: {:064X}", "cloudant"),
        ("softlayer_api_key={:064x}", "softlayer"),
        ('["sl_token"] => "{:064x}"', "softlayer"),
        ("ibm_cos_hmac_secret_access_key := {:048x}", "ibm_cos_hmac"),
        ("secretkey {:048x}", "ibm_cos_hmac"),
        ("x.api_key = '{:044x}'", "ibm_cloud_iam"),
        ("ibm-cloud-iam-pwd::{:044x}", "ibm_cloud_iam"),
        ("IAM_TOKEN: {:044x}", "ibm_cloud_iam"),
    ],
)
def test_values_of_telling_names_are_found(text, kind):
    filled = text.format(0x9F3C1D7E5A0B2C4986F3E1D0)
    assert [found_kind for found_kind, _ in found(find_named_values, filled)] == [kind]


@pytest.mark.parametrize(
    "text",
    ["mykey = '{:044x}'", "key = '{:045x}'", "key '+{:044x}'", "keys: {:044x}", "cl_pin: {:064x}", "secretkey: {:047x}", "{:044x}"],
)
def test_values_of_other_names_and_lengths_stay(text):
    assert values(find_named_values, text.format(0x9F3C1D7E5A0B2C4986F3E1D0)) == []
