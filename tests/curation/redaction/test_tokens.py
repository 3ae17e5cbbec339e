"""Whatever detect-secrets' patterns match is found: the whole match, or the group that it calls the secret."""

import base64
import json
import re
import string
from importlib import import_module

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipeline.curation.redaction.gibberish import log_bigrams, wordiness
from pipeline.curation.redaction.shapes import SHAPES
from pipeline.curation.redaction.strings import find_named_values, find_strings
from pipeline.curation.redaction.tokens import find_tokens
from tests.curation.redaction.found import found, values

# Plugin, and what in a match is the secret itself: a pattern for it, where the match has more. Its JWT plugin is below.
_PLUGINS = {
    "artifactory.ArtifactoryDetector": r"AKC\w+|AP\w+",
    "aws.AWSKeyDetector": r"[0-9a-zA-Z/+]{40}(?=['\"]$)|^\w{20}$",
    "azure_storage_key.AzureStorageKeyDetector": r"(?<=AccountKey=).*",
    "cloudant.CloudantDetector": r"(?i)[0-9a-f]{64}(?=['\"@]|$)|[a-z]{24}(?=['\"@]|$)",
    "discord.DiscordBotTokenDetector": None,
    "github_token.GitHubTokenDetector": None,
    "gitlab_token.GitLabTokenDetector": None,
    "ibm_cloud_iam.IbmCloudIamDetector": r"[\w-]{44}(?=['\"]|$)",
    "ibm_cos_hmac.IbmCosHmacDetector": r"(?i)[0-9a-f]{48}(?=['\"]|$)",
    "mailchimp.MailchimpDetector": None,
    "openai.OpenAIDetector": None,
    "pypi_token.PypiTokenDetector": None,
    "sendgrid.SendGridDetector": None,
    "slack.SlackDetector": r"(?i)xox.*|(?<=/services/).*",
    "softlayer.SoftlayerDetector": r"(?i)[0-9a-z]{64}(?=['\"]|$)",
    "square_oauth.SquareOAuthDetector": None,
    "stripe.StripeDetector": None,
    "telegram_token.TelegramBotTokenDetector": None,
    "twilio.TwilioKeyDetector": None,
}
_PATTERNS = [
    pytest.param(pattern, secret, id=f"{plugin.split('.')[0]}-{k}")
    for plugin, secret in _PLUGINS.items()
    for k, pattern in enumerate(getattr(import_module(f"detect_secrets.plugins.{plugin.split('.')[0]}"), plugin.split(".")[1]).denylist)
]
_ASCII = st.characters(codec="ascii", exclude_categories=["Cc"])
_before = st.sampled_from(["", " ", "x = ", "(", "é ", "url: ", "\n"])
_after = st.sampled_from(["", " ", ")", ", y", "\n", ";", " é"])


def _is_gibberish(value: str) -> bool:
    return wordiness(np.frombuffer(value.encode(), np.uint8), 0, len(value), log_bigrams()) < 0


@pytest.mark.parametrize(("pattern", "secret"), _PATTERNS)
@settings(max_examples=30, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(data=st.data(), before=_before, after=_after)
def test_what_detect_secrets_matches_is_found_whole(pattern, secret, data, before, after):
    match = data.draw(st.from_regex(pattern, fullmatch=True, alphabet=_ASCII))
    match = re.sub("(?i)softlayer.com/soap/v3.1", "softlayer.com/soap/v3.1", match)  # its dots match anything
    match = re.sub("(?i)softlayer.com", "softlayer.com", match)
    value = match if secret is None else re.search(secret, match).group()
    assume(_is_gibberish(value[2:]) and _is_gibberish(value) and pattern.search(before + match + after))
    text = before + match + after
    spans = [one for finder in (find_tokens, find_strings, find_named_values) for one in values(finder, text)]
    assert any(value in one for one in spans), text


_part = st.dictionaries(st.text(string.ascii_letters, min_size=1, max_size=8), st.text(max_size=8) | st.integers(), min_size=1).map(
    lambda claims: base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode().rstrip("=")
)


@given(_part, _part, st.text(string.ascii_letters + string.digits + "-_", max_size=43), st.sampled_from([" ", '"', ". ", "\n", ""]))
def test_a_json_web_token_is_found_with_its_signature(header, payload, signature, after):
    token = f"{header}.{payload}" + (f".{signature}" if signature else "")
    assert values(find_tokens, f"Bearer {token}{after}") == [token]


@pytest.mark.parametrize(
    "text", ["eyJhIjoxfQ", "eyJhIjoxfQ.", "eyJhIjox.eyJhIjoxfQ.x", "eyJhIjoxfQ.bm8.x", "eyJhIjoxfQ.eyJhIjoxf.x", "eyJ.eyJ.eyJ"]
)
def test_what_decodes_to_no_json_object_is_no_token(text):
    assert values(find_tokens, text) == []


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("//registry.npmjs.org/:_authToken= npm_abc", "npm", "npm_abc"),
        ("//r/:_authToken=01234567-89ab-cdef-0123-456789abcdef;", "npm", "01234567-89ab-cdef-0123-456789abcdef"),
        ("npm_Z7xPq2LmV9sKt4RbWc8YdNf3GhJ6aQe1UoTi ", "npm", "npm_Z7xPq2LmV9sKt4RbWc8YdNf3GhJ6aQe1UoTi"),
        ("key=AIzaSyD3kF9xQ2wL7mVbN8rT4yHpJ6sKcZ1gXeU&x", "google_api_key", "AIzaSyD3kF9xQ2wL7mVbN8rT4yHpJ6sKcZ1gXeU"),
        ("AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI/K7MDENG/bPxRfiCYzXqWvTkEyB", "aws_secret_key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzXqWvTkEyB"),
        ("github_pat_11ABCDEFG0abcdefghijkl_xyz", "github", "github_pat_11ABCDEFG0abcdefghijkl_xyz"),
        ("A3TX0Q9Z7K2M4V6B8N1P", "aws_access_key", "A3TX0Q9Z7K2M4V6B8N1P"),
        ("https://hooks.slack.com/services/T0/B0/abcXYZ", "slack", "T0/B0/abcXYZ"),
    ],
)
def test_secrets_of_other_formats_are_found(text, kind, value):
    assert found(find_tokens, text) == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "AKIA0123456789ABCDE",  # one character short
        "AKIA0123456789abcdef",
        "ASIAPACIFICSOUTHEAST",
        "ghp_0123456789abcdefghijklmnopqrstuvwxy",
        "APACHECONFIG",
        "xAKCZ7xPq2LmV9sKt4",
        "_authToken=${NPM_TOKEN}",
        "xoxb-token-here",
        "sk_test_0123456789abcdefghijklmn",
        "SG.short.short",
        "AccountKey=" + "A" * 87,
    ],
)
def test_what_falls_short_of_a_shape_stays(text):
    assert values(find_tokens, text) == []


def test_kinds_of_shapes_are_known():
    assert {kind for kind, _ in found(find_tokens, "AKIA0123456789ABCDEF")} <= {shape.kind for shape in SHAPES}
