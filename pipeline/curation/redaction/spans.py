"""What every finder returns: spans of bytes with their kind; and how several finders' spans become one list."""

import numpy as np

from pipeline.kernels import kernel

# In the order of precedence: of two kinds that start at the same byte, the former names the finding.
KINDS = (
    "email", "ipv4", "ipv6", "private_key",
    "artifactory", "aws_access_key", "aws_secret_key", "azure_storage_key", "cloudant", "discord", "github", "gitlab", "google_api_key",
    "ibm_cloud_iam", "ibm_cos_hmac", "jwt", "mailchimp", "npm", "openai", "anthropic", "pypi", "sendgrid", "slack", "softlayer", "square",
    "stripe", "telegram", "twilio",
    "hex_string", "base64_string",
)  # fmt: skip
KIND = {name: number for number, name in enumerate(KINDS)}
EMAIL, IPV4, IPV6, PRIVATE_KEY = 0, 1, 2, 3  # all after IPV6 are secrets


@kernel
def no_spans() -> np.ndarray:
    """Room for spans: int64 [capacity, 3], of start, end and kind."""
    return np.empty((64, 3), np.int64)


@kernel
def pushed(spans: np.ndarray, num: int, start: int, end: int, kind: int) -> np.ndarray:
    """The spans with one more at place `num`; a larger array if there was no room."""
    if num == len(spans):
        larger = np.empty((2 * num, 3), np.int64)
        larger[:num] = spans
        spans = larger
    spans[num, 0], spans[num, 1], spans[num, 2] = start, end, kind
    return spans


def merged(spans: np.ndarray) -> np.ndarray:
    """Spans that overlap become one, of the kind of that which starts first.

    Args:
        spans: int64 [m, 3].
    Returns:
        int64 [at most m, 3], ascending and apart.
    """
    if len(spans) < 2:
        return spans
    spans = spans[np.lexsort((spans[:, 2], spans[:, 0]))]
    reach = np.maximum.accumulate(spans[:, 1])
    first = np.flatnonzero(np.append(True, spans[1:, 0] >= reach[:-1]))
    return np.stack([spans[first, 0], np.maximum.reduceat(spans[:, 1], first), spans[first, 2]], axis=1)
