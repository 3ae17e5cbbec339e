"""The step `redact`: e-mail addresses, public IP addresses and secrets give way to what says nothing of anyone."""

import ipaddress
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from pipeline.curation.redaction.addresses import find_addresses
from pipeline.curation.redaction.emails import find_emails
from pipeline.curation.redaction.private_keys import find_private_keys
from pipeline.curation.redaction.replace import Replaced, Replacements, replace_all
from pipeline.curation.redaction.spans import EMAIL, IPV4, IPV6, KINDS
from pipeline.curation.redaction.strings import find_named_values, find_strings
from pipeline.curation.redaction.tokens import find_tokens
from pipeline.curation.rule import Columns, Edit, Findings, Rule, RuleSet, once_per_batch
from pipeline.hashing import hash64
from pipeline.kernels import StringBuffers
from pipeline.params import UsageError

_Count = Annotated[int, Field(ge=0)] | None

# RFC 5737's and RFC 3849's addresses for documentation.
_FAKE_IPV4 = ("192.0.2", "198.51.100", "203.0.113")


class RedactParams(RuleSet):
    """Personal data and secrets, found by their form, in code and prose.

    E-mail addresses become `<EMAIL>` and secrets `<KEY>`; an IP address becomes one of the ranges for documentation, chosen by its hash.
    With `replacement: fake` the former become like `u3f9a2c1b@example.com` and `redacted-3f9a2c1b`, by their hashes too: a value is then
    the same in the whole corpus, and whoever knows it can see where it stood. A second pass changes nothing.

    Measured are the numbers of replaced spans in the text as it came; without a maximum they drop nothing.

    Source: BigCode's kinds, markers and exceptions (Allal et al. 2023, 2301.03988; Li et al. 2023, 2305.06161); secrets after
    detect-secrets 1.5 without its BasicAuth and Keyword plugins. Private keys are our own.
    """

    edit_ignores = frozenset(["max_emails", "max_ips", "max_secrets"])

    emails: bool = True
    ips: bool = True
    secrets: bool = True
    private_keys: bool = True
    replacement: Literal["marker", "fake"] = "marker"
    max_emails: _Count = None
    max_ips: _Count = None
    max_secrets: _Count = None

    @property
    def _finds_secrets(self) -> bool:
        return self.secrets or self.private_keys

    @model_validator(mode="after")
    def _counts_what_is_found(self) -> "RedactParams":
        for name, finds in (("emails", self.emails), ("ips", self.ips), ("secrets", self._finds_secrets)):
            if getattr(self, f"max_{name}") is not None and not finds:
                raise UsageError(f"redact: max_{name} counts what `{name}: false` leaves unseen: give one of them up")
        return self

    def rules(self) -> list[Rule]:
        return [
            Rule("redact_num_emails", lambda c: self._num(c, slice(EMAIL, IPV4), self.emails), maximum=self.max_emails),
            Rule("redact_num_ips", lambda c: self._num(c, slice(IPV4, IPV6 + 1), self.ips), maximum=self.max_ips),
            Rule("redact_num_secrets", lambda c: self._num(c, slice(IPV6 + 1, None), self._finds_secrets), maximum=self.max_secrets),
        ]

    def edit(self, columns: Columns) -> Edit:
        texts, rows, spans = _redacted(columns, self)
        kinds = pa.array(KINDS, pa.string()).take(pa.array(spans[:, 2]))
        return Edit(texts, Findings(rows, kinds, spans[:, 0], spans[:, 1], np.full(len(rows), np.nan)))

    def _num(self, columns: Columns, kinds: slice, is_sought: bool) -> np.ndarray:
        return _counts(columns, self)[kinds].sum(0) if is_sought else np.full(columns.batch.num_rows, np.nan)

    def find(self, buffers: StringBuffers) -> np.ndarray:
        """All that goes, as spans of bytes that may overlap; int64 [m, 3]."""
        finders: list[Callable[[StringBuffers], np.ndarray]] = []
        finders += [find_emails] * self.emails + [find_addresses] * self.ips + [find_private_keys] * self.private_keys
        finders += [find_tokens, find_strings, find_named_values] * self.secrets
        return np.concatenate([np.empty((0, 3), np.int64), *(find(buffers) for find in finders)])

    def replacements(self, buffers: StringBuffers, spans: np.ndarray) -> Replacements:
        """A marker or what a hash of the value says, for each span."""
        kinds = spans[:, 2]
        choice = np.where(kinds == EMAIL, 0, 1)
        texts = [b"<EMAIL>", b"<KEY>"]
        places: dict[bytes, int] = {}
        is_hashed = np.isin(kinds, (IPV4, IPV6)) | (self.replacement == "fake")
        for k in np.flatnonzero(is_hashed).tolist():
            start, end, kind = spans[k].tolist()
            fake = _fake(buffers.data[start:end].tobytes().decode(), kind)
            choice[k] = places.setdefault(fake, len(texts))
            if choice[k] == len(texts):
                texts.append(fake)
        return Replacements(choice, texts)


@once_per_batch
def _redacted(columns: Columns, params: RedactParams) -> Replaced:
    return replace_all(columns["text"], params.find, params.replacements)


@once_per_batch
def _counts(columns: Columns, params: RedactParams) -> np.ndarray:
    """How many spans of a kind a text had; int64 [num_kinds, n]."""
    _, rows, spans = _redacted(columns, params)
    num_documents = columns.batch.num_rows
    return np.bincount(spans[:, 2] * num_documents + rows, minlength=len(KINDS) * num_documents).reshape(len(KINDS), num_documents)


@lru_cache(1 << 16)
def _fake(value: str, kind: int) -> bytes:
    if kind == IPV4:
        luck = hash64("redact", value)
        return f"{_FAKE_IPV4[luck % 3]}.{1 + luck // 3 % 254}".encode()
    if kind == IPV6:
        luck = hash64("redact", _spelt_alike(value))
        return f"2001:db8:{luck >> 48:x}:{luck >> 32 & 0xFFFF:x}::{luck & 0xFFFF | 1:x}".encode()
    luck = hash64("redact", value.lower() if kind == EMAIL else value) & 0xFFFFFFFF
    return (f"u{luck:08x}@example.com" if kind == EMAIL else f"redacted-{luck:08x}").encode()


def _spelt_alike(address: str) -> str:
    """One spelling of an IPv6 address; as it stands where it runs on into what else goes (`2001:db9::1@firm.org`)."""
    try:
        return str(ipaddress.IPv6Address(address))
    except ValueError:
        return address
