"""Fetches pinned files of a package index: `python -m mixtures.fetch LIST DEST`.

The files are downloaded and checked, never installed, built or run: an archive is text to us. (`pip download` would run the
build backend of a source distribution.) A list has one file a line, `name==version filename sha256`, and `#` for comments.
"""

import hashlib
import http.client
import os
import re
import ssl
import sys
import tempfile
import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from mixtures.package_index import Index, users_index, without_credentials
from pipeline.errors import RunError, UsageError

CHUNK_BYTES = 1 << 18
SECONDS_BETWEEN_LINES = 5.0


@dataclass(frozen=True)
class Pin:
    """One file of one release, and what it must hash to."""

    project: str
    version: str
    filename: str
    sha256: str


def read_list(path: str | Path) -> list[Pin]:
    """The pins of a list.

    Raises:
        UsageError: a line that is no pin.
    """
    pins = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        line = line.partition("#")[0].strip()
        match = re.fullmatch(r"([\w.-]+)==([\w.!+]+)\s+([\w.!+-]+)\s+([0-9a-f]{64})", line)
        if match:
            pins.append(Pin(*match.groups()))
        elif line:
            raise UsageError(f"{path}, line {number}: {line!r} is not `name==version filename sha256` (64 digits, lower case)")
    return pins


def fetch(pins: list[Pin], dest: str | Path, *, index: Index, tell: Callable[[str], None] = print, attempts: int = 4) -> list[Path]:
    """Downloads what is not there yet.

    Args:
        dest: a directory; it is made where it is missing. What is there with the right checksum stays.
        tell: gets a line for each file.
        attempts: for each request; the waits between them double, from a second on.
    Returns:
        The files, in the order of the pins.
    Raises:
        RunError: a file is not to be had, or is not what was pinned.
    """
    dest = Path(dest)
    dest.mkdir(parents=True, exist_ok=True)
    for number, pin in enumerate(pins, 1):
        say = _labelled(tell, f"[{number}/{len(pins)}] {pin.filename}")
        path = dest / pin.filename
        if path.exists() and _sha256(path) == pin.sha256:
            say("present")
            continue
        for attempt in range(1, attempts + 1):
            try:
                _download(pin, dest, index=index, say=say)
                break
            except (OSError, http.client.HTTPException) as error:
                if attempt == attempts or not _may_pass(error):
                    raise RunError(_no_download(pin, dest, index=index, error=error)) from error
                say(f"{getattr(error, 'reason', error)}; again")
                time.sleep(2 ** (attempt - 1))
    for stray in sorted({path.name for path in dest.glob("[!.]*")} - {pin.filename for pin in pins}):
        tell(f"{dest / stray} is not in the list; a source that reads the whole directory reads it too: remove it, or move it elsewhere")
    return [dest / pin.filename for pin in pins]


def _labelled(tell: Callable[[str], None], label: str) -> Callable[[str], None]:
    return lambda line: tell(f"{label}: {line}")


def _download(pin: Pin, dest: Path, *, index: Index, say: Callable[[str], None]) -> None:
    url = index.files(pin.project).get(pin.filename)
    if url is None:
        raise RunError(
            f"{without_credentials(index.url)} has no {pin.filename}: ask its keeper for {pin.project} {pin.version}, "
            f"fetch from another index (PIP_INDEX_URL), or put the file into {dest} yourself"
        )
    handle, partial = tempfile.mkstemp(prefix=f".{pin.filename}.", dir=dest)
    try:
        with os.fdopen(handle, "wb") as out, index.open(url) as response:
            sha256 = _copy(response, out, say=say)
        if sha256 != pin.sha256:
            raise RunError(
                f"{pin.filename} from {without_credentials(url)} has sha256 {sha256}, the list says {pin.sha256}: the index, or something "
                "on the way, serves another file; fetch from another index (PIP_INDEX_URL), or correct the list if you changed it"
            )
        Path(partial).chmod(0o644)
        os.replace(partial, dest / pin.filename)
    finally:
        Path(partial).unlink(missing_ok=True)


def _copy(response: http.client.HTTPResponse, out: IO[bytes], *, say: Callable[[str], None]) -> str:
    """Writes the body to `out` and returns its sha256."""
    expected_bytes = int(response.headers.get("Content-Length") or 0)
    digest, start = hashlib.sha256(), time.monotonic()
    said = start
    while chunk := response.read(CHUNK_BYTES):
        digest.update(chunk)
        out.write(chunk)
        if time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            say(f"{out.tell() / 1e6:.1f} of {expected_bytes / 1e6:.1f} MB, {out.tell() / 1e6 / (said - start):.1f} MB/s")
    if expected_bytes and out.tell() != expected_bytes:
        raise ConnectionError(f"the connection ended after {out.tell():,} of {expected_bytes:,} bytes")
    seconds = time.monotonic() - start
    say(f"{out.tell() / 1e6:.1f} MB in {seconds:.1f} s")
    return digest.hexdigest()


def _may_pass(error: Exception) -> bool:
    """Whether the same request may succeed a second later."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code == 429 or error.code >= 500
    if isinstance(error, urllib.error.URLError):
        return not isinstance(error.reason, ssl.SSLCertVerificationError)
    return isinstance(error, ConnectionError | TimeoutError | http.client.HTTPException)


def _no_download(pin: Pin, dest: Path, *, index: Index, error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(error, urllib.error.HTTPError):
        reason, remedy = f"HTTP {error.code} {error.reason}", "check the index's address and its credentials (PIP_INDEX_URL)"
    elif isinstance(reason, ssl.SSLCertVerificationError):
        remedy = "name your network's certificates in PIP_CERT or SSL_CERT_FILE"
    elif isinstance(error, urllib.error.URLError | ConnectionError | TimeoutError | http.client.HTTPException):
        remedy = "check the network, the proxy (HTTPS_PROXY) and the index (PIP_INDEX_URL)"
    else:
        remedy = f"check that {dest} can be written"
    place = without_credentials(index.url)
    return f"{pin.filename} could not be fetched from {place}: {reason}; {remedy}, or put the file into {dest} yourself"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: python -m mixtures.fetch LIST DEST", file=sys.stderr)
        return 2
    try:
        fetch(read_list(arguments[0]), arguments[1], index=users_index(), tell=partial(print, flush=True))
    except (UsageError, RunError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
