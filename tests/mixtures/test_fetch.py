"""Fetching from a package index that runs on this machine, in both forms of the Simple API."""

import base64
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mixtures import fetch
from mixtures.fetch import Pin
from mixtures.package_index import Index, users_index
from pipeline.errors import RunError, UsageError

CONTENT = bytes(range(256)) * 4096
DEMO_LIST = Path(__file__).parents[2] / "mixtures" / "demo_corpus.txt"


class Registry:
    """What a test's index serves, how, and what it was asked."""

    def __init__(self) -> None:
        self.speaks_json = True
        self.failures: list[int] = []  # for the next requests for a file: a status, or 0 for half of the body
        self.file_host = ""  # "": links are relative
        self.asked: list[str] = []
        self.authorizations: list[str | None] = []

    def page(self) -> tuple[str, bytes]:
        link = f"{self.file_host}/files/Some_Project-1.0.tar.gz"
        if self.speaks_json:
            files = [{"filename": "Some_Project-1.0.tar.gz", "url": link, "hashes": {}}]
            return "application/vnd.pypi.simple.v1+json", json.dumps({"meta": {"api-version": "1.0"}, "files": files}).encode()
        return "text/html; charset=utf-8", f'<!DOCTYPE html><a href="{link}#sha256=00">Some_Project-1.0.tar.gz</a>'.encode()


class Handler(BaseHTTPRequestHandler):
    registry: Registry

    def do_GET(self) -> None:
        self.registry.asked.append(self.path)
        self.registry.authorizations.append(self.headers.get("Authorization"))
        status, kind, body = 404, "text/plain", b""
        if self.path == "/simple/some-project/":
            status, (kind, body) = 200, self.registry.page()
        elif self.path == "/files/Some_Project-1.0.tar.gz":
            status = self.registry.failures.pop(0) if self.registry.failures else 200
            kind, body = "application/gzip", CONTENT
        self.send_response(status or 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if status else body[: len(body) // 2])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def address(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The host and port of a server for the registry, which no proxy can reach."""
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "127.0.0.1,localhost")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("RegistryHandler", (Handler,), {"registry": registry}))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def index(address: str) -> Index:
    return Index(f"http://{address}/simple")


@pytest.fixture
def pin() -> Pin:
    return Pin("Some.Project", "1.0", "Some_Project-1.0.tar.gz", hashlib.sha256(CONTENT).hexdigest())


@pytest.mark.parametrize("speaks_json", [True, False])
def test_a_file_comes_from_an_index_of_either_form(registry: Registry, index: Index, pin: Pin, tmp_path: Path, speaks_json: bool) -> None:
    registry.speaks_json = speaks_json
    (path,) = fetch.fetch([pin], tmp_path / "new", index=index)
    assert path.read_bytes() == CONTENT


def test_what_is_there_is_not_asked_for_again(registry: Registry, index: Index, pin: Pin, tmp_path: Path) -> None:
    (tmp_path / pin.filename).write_bytes(CONTENT)
    fetch.fetch([pin], tmp_path, index=index)
    assert registry.asked == []


def test_what_is_there_but_damaged_is_replaced(index: Index, pin: Pin, tmp_path: Path) -> None:
    (tmp_path / pin.filename).write_bytes(CONTENT[:-1])
    (path,) = fetch.fetch([pin], tmp_path, index=index)
    assert path.read_bytes() == CONTENT


def test_another_content_than_the_pinned_one_is_refused(index: Index, pin: Pin, tmp_path: Path) -> None:
    other = Pin(pin.project, pin.version, pin.filename, hashlib.sha256(b"what was pinned").hexdigest())
    with pytest.raises(RunError, match=f"{pin.filename}.*{pin.sha256}.*{other.sha256}"):
        fetch.fetch([other], tmp_path, index=index)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failure", [0, 503], ids=["a body that ends early", "a server that is busy"])
def test_a_passing_failure_is_tried_again(registry: Registry, index: Index, pin: Pin, tmp_path: Path, failure: int) -> None:
    registry.failures = [failure]
    (path,) = fetch.fetch([pin], tmp_path, index=index)
    assert path.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [path]


def test_a_refusal_is_not_tried_again(registry: Registry, index: Index, pin: Pin, tmp_path: Path) -> None:
    registry.failures = [403]
    with pytest.raises(RunError, match=r"HTTP 403.*PIP_INDEX_URL"):
        fetch.fetch([pin], tmp_path, index=index)
    assert len(registry.asked) == 2  # the page and the file


def test_a_file_that_the_index_lacks_is_named(index: Index, pin: Pin, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"has no Some_Project-2\.0\.tar\.gz"):
        fetch.fetch([Pin(pin.project, "2.0", "Some_Project-2.0.tar.gz", pin.sha256)], tmp_path, index=index)


def test_an_index_out_of_reach_is_an_error_with_a_remedy(index: Index, pin: Pin, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"could not be fetched.*check the network"):
        fetch.fetch([pin], tmp_path, index=Index("http://127.0.0.1:1/simple"), attempts=1)


def test_files_beyond_the_list_are_told_of(index: Index, pin: Pin, tmp_path: Path) -> None:
    (tmp_path / "stray.tar.gz").touch()
    lines: list[str] = []
    fetch.fetch([pin], tmp_path, index=index, tell=lines.append)
    assert [line for line in lines if "stray.tar.gz is not in the list" in line]


def test_credentials_reach_the_index_alone(registry: Registry, address: str, pin: Pin, tmp_path: Path) -> None:
    registry.file_host = f"http://localhost:{address.rpartition(':')[2]}"  # another name of the same machine: another host
    fetch.fetch([pin], tmp_path, index=Index(f"http://user:p%40ss@{address}/simple"))
    assert registry.authorizations == ["Basic " + base64.b64encode(b"user:p@ss").decode(), None]


def test_credentials_stay_out_of_errors(address: str, pin: Pin, tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        fetch.fetch([pin], tmp_path, index=Index(f"http://user:secret@{address}/elsewhere"))
    assert address in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_users_settings_name_the_index(tmp_path: Path) -> None:
    pip_settings, uv_settings = tmp_path / "pip.conf", tmp_path / "uv.toml"
    certificate = tmp_path / "certificates.pem"
    pip_settings.write_text(f"[global]\nindex-url = https://mirror.test/pip\ncert = {certificate}\n")
    uv_settings.touch()
    environment = {"PIP_CONFIG_FILE": str(pip_settings), "UV_CONFIG_FILE": str(uv_settings)}
    assert users_index(environment) == Index("https://mirror.test/pip", certificate=str(certificate))
    uv_settings.write_text('[[index]]\nname = "company"\nurl = "https://mirror.test/uv"\ndefault = true\n')
    assert users_index(environment).url == "https://mirror.test/uv"
    environment |= {"PIP_INDEX_URL": "https://mirror.test/variable"}
    assert users_index(environment).url == "https://mirror.test/variable"
    environment |= {"UV_DEFAULT_INDEX": "company=https://mirror.test/named"}
    assert users_index(environment).url == "https://mirror.test/named"


def test_a_line_that_is_no_pin_is_an_error_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# a comment\n\ndjango==5.1.2 Django-5.1.2.tar.gz\n")
    with pytest.raises(UsageError, match=r"list\.txt, line 3: 'django==5\.1\.2 Django-5\.1\.2\.tar\.gz'"):
        fetch.read_list(tmp_path / "list.txt")


def test_the_demo_corpus_holds_two_versions_of_one_package() -> None:
    pins = fetch.read_list(DEMO_LIST)
    assert max(Counter(pin.project for pin in pins).values()) == 2
