"""Personal data and secrets drawn by lot, in the lines in which people leave them."""

import base64
import ipaddress
import json
import random
import string
from collections.abc import Callable

_LOWER, _UPPER, _DIGITS, _HEX = string.ascii_lowercase, string.ascii_uppercase, string.digits, "0123456789abcdef"
_ALNUM = string.ascii_letters + _DIGITS
_BASE64, _URL = _ALNUM + "+/", _ALNUM + "-_"

Draw = Callable[[random.Random], str]


def _of(alphabet: str, length: int, before: str = "", after: str = "") -> Draw:
    return lambda rng: before + "".join(rng.choices(alphabet, k=length)) + after


def _joined(*draws: Draw) -> Draw:
    return lambda rng: "".join(draw(rng) for draw in draws)


def _either(*draws: Draw) -> Draw:
    return lambda rng: rng.choice(draws)(rng)


def _encoded(claims: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode().rstrip("=")


def _jwt(rng: random.Random) -> str:
    payload = {"sub": str(rng.randrange(10**9)), "name": _of(_LOWER, 8)(rng), "iat": rng.randrange(10**9)}
    return f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(payload)}.{_of(_URL, 43)(rng)}"


def _email(rng: random.Random) -> str:
    words = ("anna", "ben", "chris", "dora", "emil", "fox", "green", "hill", "info", "j", "k.long", "mail", "nina_p", "o.brien", "x123")
    local = rng.choice(words) + rng.choice(["", ".", "_", "-"]).join(["", rng.choice(words)]) * rng.randrange(2)
    hosts = [rng.choice(words).split("_")[0].replace("+", "-").replace(".", "-") for _ in range(rng.randint(1, 2))]
    return f"{local}@{'.'.join(hosts)}.{rng.choice(['com', 'org', 'net', 'de', 'co.uk', 'fr', 'io', 'edu', 'ie', 'info', 'com.br', 'COM'])}"


def _ipv4(rng: random.Random) -> str:
    while not (address := ipaddress.IPv4Address(rng.randrange(1 << 32))).is_global or address.is_multicast:
        pass
    return str(address)


def _ipv6(rng: random.Random) -> str:
    high = rng.choice([0x2A00, 0x2A02, 0x2600, 0x2607, 0x2400, 0x2C0F, 0x2804]) << 112 | rng.randrange(1 << 64) << 48
    address = ipaddress.IPv6Address(high | (rng.randrange(1, 1 << 16) if rng.random() < 0.5 else rng.randrange(1 << 64)))
    return address.exploded if rng.random() < 0.3 else str(address)


def _pem(rng: random.Random) -> str:
    lines = [_of(_BASE64, 64)(rng) for _ in range(rng.randint(3, 24))]
    return "\n".join([*lines, _of(_BASE64, rng.randrange(4, 60, 4), after=rng.choice(["", "=", "=="]))(rng)])


_QUOTED = ('key = "{}"', "  'apiKey': '{}',", 'const TOKEN = "{}";', '<add key="x" value="{}" />', "{{'X-Auth': '{}'}}", 'f("{}")')
_BARE = ("# {}", "key: {}", "export TOKEN={}", "curl -H 'Authorization: token {}' https://x", "https://x/?k={}&a=b", *_QUOTED)

# By kind: what is drawn, and lines that it may stand in. Of kinds with a name the line has the name and the draw is the value.
SECRETS: dict[str, tuple[Draw, tuple[str, ...]]] = {
    "artifactory": (_either(_of(_ALNUM, 70, "AKC"), _of(_ALNUM, 30, "AP5"), _of(_ALNUM, 30, "APB")), ("key: {}", "TOKEN={}", *_QUOTED[:1])),
    "aws_access_key": (_either(_of(_UPPER + _DIGITS, 16, "AKIA"), _of(_UPPER + _DIGITS, 16, "ASIA")), _BARE),
    "aws_secret_key": (
        _of(_BASE64, 40),
        ('aws_secret_access_key = "{}"', "AWS_SECRET_ACCESS_KEY={}", "aws_secret_access_key = {}", "'aws_key': '{}'"),
    ),
    "azure_storage_key": (_of(_BASE64, 86, after="=="), ("DefaultEndpointsProtocol=https;AccountName=x;AccountKey={};EndpointSuffix=y",)),
    "base64_string": (_either(_of(_ALNUM, 32), _of(_BASE64, 40), _of(_URL, 43), _of(_BASE64, 64), _of(_BASE64, 43, after="=")), _QUOTED),
    "cloudant": (_either(_of(_HEX, 64), _of(_LOWER, 24)), ('cloudant_password = "{}"', "cl_key={}", "https://me:{}@acc.cloudant.com/db")),
    "discord": (_joined(_of("MNO", 1), _of(_ALNUM, 23), _of(_ALNUM, 6, ".", "."), _of(_URL, 27)), _BARE),
    "github": (_either(*(_of(_ALNUM, 36, text) for text in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"))), _BARE),
    "gitlab": (_either(_of(_URL, 20, "glpat-"), _of(_HEX, 40, "glptt-"), _of(_URL, 20, "GR1348941")), _BARE),
    "google_api_key": (_of(_URL, 35, "AIza"), _BARE),
    "hex_string": (_either(_of(_HEX, 32), _of(_HEX, 40), _of(_HEX, 48), _of(_HEX, 64)), _QUOTED),
    "ibm_cloud_iam": (_of(_URL, 44), ('ibm_cloud_iam_api_key = "{}"', "IBMCLOUD_KEY={}", "iam-password: {}", "token = '{}'")),
    "ibm_cos_hmac": (_of(_HEX, 48), ('cos_hmac_secret_access_key = "{}"', "secret_key: {}", '"secret_access_key": "{}"')),
    "jwt": (_jwt, _BARE),
    "mailchimp": (_joined(_of(_HEX, 32), _of("123456789", 1, "-us")), _BARE),
    "npm": (_either(_of(_ALNUM, 36, "npm_"), _of(_HEX, 36)), ("//registry.npmjs.org/:_authToken={}", "//r.x.org/npm/:_authToken= {}")),
    "openai": (_joined(_of(_ALNUM, 20, "sk-"), _of(_ALNUM, 20, "T3BlbkFJ")), _BARE),
    "private_key": (
        _pem,
        tuple(f"-----BEGIN {kind}PRIVATE KEY-----\n{{}}\n-----END {kind}PRIVATE KEY-----" for kind in ("", "RSA ", "EC ")),
    ),
    "pypi": (_of(_URL, 140, "pypi-AgEIcHlwaS5vcmc"), _BARE),
    "sendgrid": (_joined(_of(_URL, 22, "SG.", "."), _of(_URL, 43)), _BARE),
    "slack": (
        _joined(_of(_DIGITS, 11, "xoxb-", "-"), _of(_DIGITS, 12, "", "-"), _of(_ALNUM, 24)),
        _BARE,
    ),
    "slack webhook": (
        _of(_ALNUM, 24, "T024BE7LD/B024BE7LE/"),
        ("https://hooks.slack.com/services/{}", '"https://hooks.slack.com/services/{}"'),
    ),
    "softlayer": (_of(_LOWER + _DIGITS, 64), ('softlayer_api_key = "{}"', "sl_token: {}", "https://api.softlayer.com/soap/v3/{}")),
    "square": (_of(_URL, 43, "sq0csp-"), _BARE),
    "stripe": (_either(_of(_ALNUM, 24, "sk_live_"), _of(_ALNUM, 24, "rk_live_")), _BARE),
    "telegram": (_joined(_of(_DIGITS, 9, after=":"), _of(_URL, 35)), ("bot{}/sendMessage", *_QUOTED, "# {}")),
    "twilio": (_either(_of(_HEX, 32, "AC"), _of(_HEX, 32, "SK")), _BARE),
}
_PROSE = ("{}", "Please write to {} before Friday.", "> From {} on Monday:", "contact: <{}>", "see {}, or ask", "({})", '"{}"', "[{}]")
PERSONAL: dict[str, tuple[Draw, tuple[str, ...]]] = {
    "email": (_email, (*_PROSE, "mailto:{}", "Copyright (c) 2019 J. Doe <{}>", "author_email='{}',")),
    "ipv4": (_ipv4, (*_PROSE, "http://{}:8080/x", "Received: from x.org ([{}]) by y", "{} - - [10/Oct/2000] GET /", "h = '{}'", "{}/24")),
    "ipv6": (_ipv6, (*_PROSE, "http://[{}]:8080/x", "inet6 {}/64 scope global", "AAAA {}")),
}
