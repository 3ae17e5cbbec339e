import ipaddress
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import schema
from pipeline.curation.curate import curate
from pipeline.curation.judge import judge
from pipeline.curation.redact import RedactParams
from pipeline.curation.rule import Columns, Edit
from pipeline.params import UsageError
from tests.curation.documents import DOCUMENTS, batch_of, steps

AWS = "AKIA2E0A8F3B244C9986"
KEY = "TCDDh0yR/LbzOnUB8bhUsk0zlqo3hPQ7DxKm"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEAy8Dbv8prpJ/0kKhl\n-----END PRIVATE KEY-----"
DOCUMENT = f'mail("jörg@müller.de", "93.184.216.34")\nkey = "{KEY}"  # é {AWS}\n{PEM}\n2a00:1450::1 jörg@müller.de'

# Pieces that find, keep or make each other when others go; joined without anything between.
_PIECES = ["joe@x.org", "93.184.216.34", "5.6.7.8", "2a00:1450::1", AWS, f'"{KEY}"', '"9f3c00001d7e5a0b2c4986f3e1d07b65"', PEM, "xoxb-1-a"]
_PIECES += ["ghp_" + KEY[:4] * 9, "sha", "@", ".", "-", '"', "'", " ", "\n", "é", "key: ", "aws", "_id = ", "server ", "version "]
_PIECES += ["<KEY>", "a", "1", ":", "/", "\\", "eyJ", "-us1", ".com"]
_texts = st.lists(st.sampled_from(_PIECES), max_size=12).map("".join)


def redact(*texts: str | None, **params: object) -> Edit:
    return RedactParams(**params).edit(Columns(batch_of(*texts)))


def redacted(text: str, **params: object) -> str:
    return redact(text, **params).texts[0].as_py()


def test_markers_and_documentation_addresses_take_the_place_of_what_is_found():
    text = redacted(DOCUMENT)
    ipv4, ipv6 = re.search(r'"(\d.*?)"', text).group(1), re.search(r"\n(2001:db8\S+)", text).group(1)
    assert any(ipaddress.ip_address(ipv4) in ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
    assert ipaddress.ip_address(ipv6) in ipaddress.ip_network("2001:db8::/32")
    pem = "-----BEGIN PRIVATE KEY-----\n<KEY>\n-----END PRIVATE KEY-----"
    assert text == f'mail("<EMAIL>", "{ipv4}")\nkey = "<KEY>"  # é <KEY>\n{pem}\n{ipv6} <EMAIL>'


def test_findings_name_kinds_and_spans_in_code_points():
    found = redact("", DOCUMENT, None).findings
    spans = [DOCUMENT[start:end] for start, end in zip(found.starts, found.ends, strict=True)]
    assert list(zip(found.kinds.to_pylist(), spans, strict=True)) == [
        ("email", "jörg@müller.de"),
        ("ipv4", "93.184.216.34"),
        ("base64_string", KEY),
        ("aws_access_key", AWS),
        ("private_key", PEM.split("\n")[1]),
        ("ipv6", "2a00:1450::1"),
        ("email", "jörg@müller.de"),
    ]
    assert found.rows.tolist() == [1] * 7


def test_counts_are_measured_and_drop_only_over_a_maximum():
    batch = batch_of(DOCUMENT, "joe@x.org", None, "x")
    judged = judge(batch, steps({"redact": {"max_emails": 1}}))
    measured = {name: values.to_pylist() for name, values in judged.measured.items()}
    assert measured == {"redact_num_emails": [2, 1, None, 0], "redact_num_ips": [2, 0, None, 0], "redact_num_secrets": [3, 0, None, 0]}
    assert judged.reason.to_pylist() == ["redact_num_emails", None, None, None]
    assert judge(batch, steps("redact")).reason.null_count == 4


@pytest.mark.parametrize(
    ("off", "stays"),
    [
        ("emails", "jörg@müller.de"),
        ("ips", "93.184.216.34"),
        ("ips", "2a00:1450::1"),
        ("secrets", KEY),
        ("secrets", AWS),
        ("private_keys", PEM),
    ],
)
def test_what_is_switched_off_stays_and_is_not_counted(off, stays):
    assert stays not in redacted(DOCUMENT)
    assert stays in redacted(DOCUMENT, **{off: False})
    params = RedactParams(**{off: False})
    measured = {rule.name: rule.measure(Columns(batch_of(DOCUMENT)))[0] for rule in params.rules()}
    assert {name for name, value in measured.items() if np.isnan(value)} == {f"redact_num_{off}"} & {"redact_num_emails", "redact_num_ips"}


def test_a_maximum_of_what_is_switched_off_is_an_error():
    with pytest.raises(UsageError, match="max_ips counts what `ips: false` leaves unseen"):
        steps({"redact": {"ips": False, "max_ips": 3}})
    assert RedactParams(secrets=False, max_secrets=3).max_secrets == 3  # private keys count


def test_fakes_are_the_same_for_a_value_and_others_for_others():
    text = redacted(f'joe@x.org Joe@x.org jane@x.org "{KEY}" "{KEY}" "{KEY[::-1]}" {AWS}', replacement="fake")
    joe, joe_too, jane, key, key_too, other, aws = text.replace('"', "").split()
    assert re.fullmatch(r"u[0-9a-f]{8}@example\.com", joe)
    assert re.fullmatch(r"redacted-[0-9a-f]{8}", key)
    assert (joe, key) == (joe_too, key_too)
    assert len({joe, jane, key, other, aws}) == 5


@pytest.mark.parametrize("replacement", ["marker", "fake"])
@pytest.mark.parametrize("text", ["2001:4f8::1@mail.com", "Message-ID: <2a00:1450:4001:80b::200e@mail.google.com>"])
def test_an_address_that_runs_on_into_another_goes_as_one(text, replacement):
    edit = redact(text, replacement=replacement)
    assert len(edit.findings.rows) == 1
    for secret in ("4f8", "1450", "google", "mail.com"):
        assert secret not in edit.texts[0].as_py()


@pytest.mark.parametrize("replacement", ["marker", "fake"])
@settings(max_examples=300)
@given(texts=st.lists(_texts | st.sampled_from(DOCUMENTS), max_size=4))
def test_a_second_pass_changes_nothing(replacement, texts):
    once = redact(*texts, replacement=replacement)
    again = redact(*once.texts.to_pylist(), replacement=replacement)
    assert again.texts.to_pylist() == once.texts.to_pylist()
    assert len(again.findings.rows) == 0


@given(st.lists(_texts | st.none(), max_size=5))
def test_a_text_becomes_the_same_in_any_batch(texts):
    assert redact(*texts).texts.to_pylist() == [None if text is None else redacted(text) for text in texts]


@given(_texts)
def test_findings_lie_apart_and_what_is_outside_of_them_stays(text):
    edit = redact(text)
    place, kept = 0, []
    for start, end in zip(edit.findings.starts.tolist(), edit.findings.ends.tolist(), strict=True):
        assert place <= start < end <= len(text)
        kept.append(text[place:start])
        place = end
    pattern = "(?s:.+?)".join(map(re.escape, [*kept, text[place:]]))
    assert re.fullmatch(pattern, edit.texts[0].as_py())


@pytest.mark.parametrize(
    "piece",
    [
        *("@", "a.", "a@", "a@b.", "1.", "1.2.3.4", "93.184.216.34-", "2:", "2a00:", "::", "A", "AKIA", "eyJ", "eyJ.", "eyJhIjoxfQ."),
        *("ghp_", "glimt-", "xox", "xoxb-1-", "AC", "T3BlbkFJ", "sk-", ":_authToken=", "slack.com/services/T", '"', "'a", '"a', "\\"),
        *('\\"', "-----BEGIN PRIVATE KEY-----", "PRIVATE KEY", "BEGIN ", "\0", "\u202e", "é", "aws", "key=", "a_id = '", "\n", " "),
        *("0123456789abcdef", "-us1", '"9f3c00001d7e5a0b2c4986f3e1d07b65"', f'"{KEY}"', "joe@x.org", "joe@x.org ", AWS),
    ],
    ids=ascii,
)
def test_a_line_of_one_thing_over_and_over_is_redacted_in_linear_time(piece):
    """Half a million bytes: what took a square of them would not end."""
    text = piece * (500_000 // len(piece))
    edit = redact(text)
    assert (edit.findings.ends <= len(text)).all()
    assert redact(edit.texts[0].as_py()).texts.equals(edit.texts)


def test_curated_documents_hold_no_secret_anywhere():
    raw = _raw(DOCUMENT)
    curated = curate(raw, steps("redact"))
    assert curated.documents["text"].to_pylist() == [redacted(DOCUMENT)]
    shown = str(curated.decisions.to_pylist())
    assert "base64_string" in shown
    assert not any(secret in shown for secret in (KEY, AWS, "jörg", "93.184", "2a00"))


def _raw(text: str) -> pa.RecordBatch:
    row = {"id": 1, "container": "c", "row": 0, "path": "a.py", "text": text}
    return pa.RecordBatch.from_pylist([row], schema=schema.RAW)
