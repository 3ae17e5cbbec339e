"""Secrets that show by their own shape: a fixed beginning, and runs of given alphabets and lengths."""

from typing import NamedTuple

from pipeline.curation.redaction.words import (
    ALNUM,
    ASSIGN,
    BACKSLASH,
    BASE64,
    BASE64URL,
    DASH,
    DIGIT,
    DOT,
    EQUALS,
    HEX,
    HEX_UPPER,
    LOWER,
    SPACE,
    UPPER,
    WORD,
)  # fmt: skip

NO_LIMIT = 1 << 62


class Run(NamedTuple):
    """From `least` to `most` characters of an alphabet, as many as there are."""

    alphabet: int
    least: int
    most: int = NO_LIMIT


class Shape(NamedTuple):
    """What a secret looks like.

    Attributes:
        kind: one of spans.KINDS.
        parts: literal texts and runs, one after the other; no run can eat what the part behind it needs. The first is a literal of two
            characters or more, or one character and a run.
        behind: what must stand before the parts; it belongs to the secret.
        skip: how many parts before the secret itself do not belong to it.
        any_case: the literals match in any case.
        gibberish: what follows the first literal must look drawn by lot: such a beginning alone is too common.
        delimited: a quote, a blank, = or : must stand before it and a quote or a blank after it, or the ends of a line.
        jwt: the first two of its parts between dots must be base64 of JSON objects.
    """

    kind: str
    parts: tuple[str | Run, ...]
    behind: Run | None = None
    skip: int = 0
    any_case: bool = False
    gibberish: bool = False
    delimited: bool = False
    jwt: bool = False


_JWT_PART = Run(BASE64URL | EQUALS, 1)

# The formats are those of detect-secrets 1.5, with runs taken to their end where it takes a part of them; its GitHub, GitLab, Slack, npm
# and Square formats are the providers' own. Not from there: github_pat_, AIza, sk-ant-, bare npm_ tokens, unquoted AWS secret keys.
SHAPES = (
    Shape("artifactory", ("AKC", Run(ALNUM, 10)), gibberish=True, delimited=True),
    Shape("artifactory", ("AP", Run(DIGIT | HEX_UPPER, 1, 1), Run(ALNUM, 8)), gibberish=True, delimited=True),
    *(Shape("aws_access_key", (text, Run(DIGIT | UPPER, 16, 16)), gibberish=True) for text in ("ABIA", "ACCA", "AKIA", "ASIA")),
    Shape("aws_access_key", ("A3T", Run(DIGIT | UPPER, 17, 17)), gibberish=True),
    *(
        Shape("aws_secret_key", (text, Run(ASSIGN, 1, 16), Run(BASE64, 40)), skip=2, any_case=True, gibberish=True)
        for text in ("aws_secret_access_key", "aws_secret_key")
    ),
    Shape("azure_storage_key", ("AccountKey=", Run(BASE64 | EQUALS, 88, 88)), skip=1),
    Shape("cloudant", ("@", Run(BASE64URL, 1), ".cloudant.com"), behind=Run(ALNUM, 24, 64), any_case=True),
    Shape("discord", (".", Run(BASE64URL, 6, 6), ".", Run(BASE64URL, 27)), behind=Run(BASE64URL, 24, 26), gibberish=True),
    *(Shape("github", (text, Run(WORD, 36))) for text in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    Shape("github", ("github_pat_", Run(WORD, 22))),
    *(Shape("gitlab", (text, Run(BASE64URL, 20))) for text in ("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "glcbt-", "GR1348941")),
    Shape("gitlab", ("glimt-", Run(BASE64URL, 25))),
    Shape("gitlab", ("glptt-", Run(BASE64URL, 40))),
    Shape("gitlab", ("glagent-", Run(BASE64URL, 50))),
    Shape("gitlab", ("gloas-", Run(BASE64URL, 64))),
    Shape("google_api_key", ("AIza", Run(BASE64URL, 35)), gibberish=True),
    Shape("jwt", ("eyJ", _JWT_PART, ".", _JWT_PART, Run(BASE64URL | EQUALS | DOT, 0)), jwt=True),
    Shape("mailchimp", ("-us", Run(DIGIT, 1, 2)), behind=Run(DIGIT | LOWER, 32, 32)),
    Shape("npm", ("_authToken=", Run(SPACE, 0), "npm_", Run(BASE64URL, 1)), skip=2),
    Shape("npm", ("_authToken=", Run(SPACE, 0), Run(HEX | DASH, 36, 36)), skip=2),
    Shape("npm", ("npm_", Run(ALNUM, 36)), gibberish=True),
    Shape("openai", ("T3BlbkFJ", Run(ALNUM, 20)), behind=Run(BASE64URL, 23, 256)),
    Shape("anthropic", ("sk-ant-", Run(BASE64URL, 40))),
    Shape("pypi", ("pypi-AgEIcHlwaS5vcmc", Run(BASE64URL, 70))),
    Shape("pypi", ("pypi-AgENdGVzdC5weXBpLm9yZw", Run(BASE64URL, 70))),
    Shape("sendgrid", ("SG.", Run(BASE64URL, 22, 22), ".", Run(BASE64URL, 43))),
    *(Shape("slack", (f"xox{letter}-", Run(DIGIT, 1), "-", Run(ALNUM | DASH, 1)), any_case=True) for letter in "abpors"),
    Shape(
        "slack",
        ("slack.com/services/", "T", Run(WORD, 1), "/B", Run(WORD, 1), "/", Run(WORD, 1)),
        skip=1,
        any_case=True,
    ),
    *(Shape("softlayer", (f"softlayer.com/soap/{v}/", Run(ALNUM, 64)), skip=1, any_case=True, gibberish=True) for v in ("v3", "v3.1")),
    Shape("square", ("sq0csp-", Run(BASE64URL | BACKSLASH, 43))),
    *(Shape("stripe", (text, Run(ALNUM, 24))) for text in ("sk_live_", "rk_live_")),
    Shape("telegram", (":", Run(BASE64URL, 35)), behind=Run(DIGIT, 8, 10), gibberish=True),
    *(Shape("twilio", (text, Run(DIGIT | LOWER, 32)), gibberish=True) for text in ("AC", "SK")),
)
