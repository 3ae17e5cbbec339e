import pytest

from pipeline.curation.redaction.private_keys import find_private_keys
from tests.curation.redaction.found import values

LINES = [
    "MIIEpAIBAAKCAQEAy8Dbv8prpJ/0kKhlGeJYozo2t60EG8L0561g13R29LvMR5hy",
    "vGZlGJpmn65+A4xHXInJYiPuKzrKUnApeLZ+vw1HocOAZtWK0z3r26uA8kQYOKX9",
    "Qt/DbCdvsF9wF8gRK0ptx9M6R13NvBxv==",
]
SHORT = [*LINES[:2], "Q=="]


KINDS = [*(f"{kind}PRIVATE KEY" for kind in ("RSA ", "EC ", "", "ENCRYPTED ", "OPENSSH ")), "PGP PRIVATE KEY BLOCK"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lines", [LINES, SHORT], ids=["long", "short"])
def test_the_body_of_a_key_file_is_found_whole(kind, lines):
    body = "\n".join(lines)
    assert values(find_private_keys, f"# key\n-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\nx = 1\n") == [body]


def test_headers_of_a_block_may_stand_between():
    body = "\n".join(LINES)
    head = "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v1.4.11 (GNU/Linux)\nComment: x\n\n"
    text = f"{head}{body}\n=ab+d\n-----END PGP PRIVATE KEY BLOCK-----"
    assert values(find_private_keys, text) == [f"{body}\n=ab+d"]


@pytest.mark.parametrize(
    ("before", "between", "after"),
    [
        ("\\n", "\\n", "\\n"),
        ('\\n" +\n  "', '\\n" +\n  "', '\\n" +\n  "'),
        ("\n    ", "\n    ", "\n    "),
        ('\\n"\n"', '\\n"\n"', '\\n"\n"'),
        ("\\r\\n", "\\r\\n", "\\r\\n"),
    ],
)
@pytest.mark.parametrize("lines", [LINES, SHORT], ids=["long", "short"])
def test_a_key_in_a_program_is_found_between_its_first_and_last_quote(lines, before, between, after):
    text = f'k = "-----BEGIN RSA PRIVATE KEY-----{before}{between.join(lines)}{after}-----END RSA PRIVATE KEY-----"'
    assert values(find_private_keys, text) == [between.join(lines)]


def test_a_key_that_is_cut_off_is_found_as_far_as_it_goes():
    assert values(find_private_keys, "-----BEGIN PRIVATE KEY-----\n" + "\n".join(LINES)) == ["\n".join(LINES)]


def test_a_putty_key_is_found_behind_its_number_of_lines():
    body = "\n".join(LINES)
    assert values(find_private_keys, f"Private-Lines: 3\n{body}\nPrivate-MAC: 00") == [body]


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN CERTIFICATE-----\n" + "\n".join(LINES),
        "-----BEGIN PUBLIC KEY-----\n" + "\n".join(LINES),
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
        "-----END PRIVATE KEY-----\n" + LINES[0],
        'header = "-----BEGIN RSA PRIVATE KEY-----"\n' + "a b " * 60 + LINES[0],
    ],
)
def test_public_keys_and_bare_markers_stay(text):
    assert values(find_private_keys, text) == []
