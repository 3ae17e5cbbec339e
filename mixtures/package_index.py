"""Where a package index keeps a file: the user's own index and certificates, and the Simple API.

The address is never ours: it is what the user told uv or pip (environment, then configuration files), else the default that
is built into pip. So the corpus comes through the same mirror, proxy and certificates as the packages did.
"""

import ast
import base64
import json
import os
import re
import ssl
import subprocess
import sys
import tomllib
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from http.client import HTTPResponse
from pathlib import Path

from pipeline.errors import UsageError

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


@dataclass(frozen=True)
class Index:
    """A package index and how to reach it; no certificate and no proxy: what the system and the environment say."""

    url: str
    certificate: str | None = None
    proxy: str | None = None
    timeout_seconds: float = 60

    def open(self, url: str, *, accept: str = "*/*") -> HTTPResponse:
        """GET; credentials in the index's address go to the index's own host alone, and not along with a redirect."""
        parts = urllib.parse.urlsplit(url)
        credentials = urllib.parse.urlsplit(self.url)
        request = urllib.request.Request(parts._replace(netloc=_host(parts)).geturl(), headers={"Accept": accept})
        if credentials.username and _host(credentials) == _host(parts):
            pair = f"{urllib.parse.unquote(credentials.username)}:{urllib.parse.unquote(credentials.password or '')}"
            request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
        handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=_tls(self.certificate))]
        if self.proxy:
            handlers.append(urllib.request.ProxyHandler({"http": self.proxy, "https": self.proxy}))
        return urllib.request.build_opener(*handlers).open(request, timeout=self.timeout_seconds)

    def files(self, project: str) -> dict[str, str]:
        """The address of every file of a project, by file name (PEP 691, else PEP 503)."""
        name = re.sub(r"[-_.]+", "-", project).lower()
        with self.open(f"{self.url.rstrip('/')}/{name}/", accept=ACCEPT) as response:
            page, base = response.read().decode("utf-8"), response.geturl()
            is_json = response.headers.get_content_type().endswith("json")
        if is_json:
            links = {file["filename"]: file["url"] for file in json.loads(page)["files"]}
        else:
            links = _Anchors.links(page)
        return {filename: urllib.parse.urljoin(base, link) for filename, link in links.items()}


class _Anchors(HTMLParser):
    """The links of a PEP 503 page: an anchor's address ends in its file's name."""

    @classmethod
    def links(cls, page: str) -> dict[str, str]:
        parser = cls()
        parser.addresses = []
        parser.feed(page)
        paths = {address: urllib.parse.urlsplit(address).path for address in parser.addresses}
        return {urllib.parse.unquote(path.rsplit("/", 1)[-1]): address for address, path in paths.items()}

    addresses: list[str]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for key, value in attrs if tag == "a" and key == "href" and value]


def users_index(environment: Mapping[str, str] = os.environ) -> Index:
    """The index that this user's uv or pip would ask.

    Raises:
        UsageError: nobody configured one, and pip is not installed, which knows the default.
    """
    pip = _pip_settings(environment)
    url = (
        environment.get("UV_DEFAULT_INDEX")
        or environment.get("UV_INDEX_URL")
        or environment.get("PIP_INDEX_URL")
        or _uv_setting(environment)
        or pip.get("index-url")
        or _pip_default()
    )
    variables = (environment.get(name) for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"))
    certificate = next(filter(None, variables), None) or pip.get("cert")
    url = re.sub(r"^[\w-]+=(?=\w+://)", "", url)  # uv lets an index have a name: "company=https://..."
    return Index(url, certificate=certificate, proxy=pip.get("proxy"))


def without_credentials(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=_host(parts)).geturl()


def _host(parts: urllib.parse.SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _tls(certificate: str | None) -> ssl.SSLContext:
    if certificate is not None and not Path(certificate).exists():
        raise UsageError(f"no certificate is at {certificate}: correct PIP_CERT, SSL_CERT_FILE or pip's configuration, which names it")
    if certificate is not None and Path(certificate).is_dir():
        return ssl.create_default_context(capath=certificate)
    context = ssl.create_default_context(cafile=certificate)
    if certificate is None:
        try:  # A Python that finds no certificates of the system (some builds for macOS) takes pip's.
            from pip._vendor import certifi
        except ImportError:
            return context
        context.load_verify_locations(certifi.where())
    return context


def _pip_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What pip's configuration files and PIP_ variables say, by option; `download` goes before `global`."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], env=dict(environment), capture_output=True, text=True, check=False
    ).stdout
    lines = re.findall(r"^(global|download|:env:)\.([\w-]+)=(.*)$", listing, re.MULTILINE)
    rank = {"global": 0, "download": 1, ":env:": 2}
    return {option: str(ast.literal_eval(value)) for _, option, value in sorted(lines, key=lambda line: rank[line[0]])}


def _uv_setting(environment: Mapping[str, str]) -> str | None:
    """The default index in uv's own configuration, the user's before the system's."""
    home = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    chosen = environment.get("UV_CONFIG_FILE")
    for path in [Path(chosen)] if chosen else [home / "uv/uv.toml", Path("/etc/uv/uv.toml")]:
        if path.is_file():
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
            defaults = [index["url"] for index in settings.get("index", []) if index.get("default")]
            url = next(iter(defaults), None) or settings.get("index-url") or settings.get("pip", {}).get("index-url")
            if url:
                return str(url)
    return None


def _pip_default() -> str:
    try:
        from pip._internal.models.index import PyPI
    except ImportError:
        raise UsageError(f"set PIP_INDEX_URL: no index is configured, and the default is in pip, which {sys.executable} lacks") from None
    return PyPI.simple_url
