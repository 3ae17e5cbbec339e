import io
import random
from pathlib import Path

import pytest

from pipeline.curation.root_licence import root_licences
from pipeline.readers.params import ReadParams
from pipeline.readers.root_files import MAX_BYTES, MAX_FILES, archive_root_files, is_root_file
from pipeline.readers.source import SourceReadParams, list_containers, read_unit
from pipeline.units import form_units
from tests.curation import licences as texts
from tests.readers.test_archive import tarred, zipped

PACKERS = {"zip": zipped, "tar": tarred, "tar.gz": lambda files: tarred(files, "w:gz")}
MIT = texts.MIT.encode()
FILES = {"a.py": b"a = 1\n", "pkg/b.py": b"b = 2\n", "vendor/LICENSE": b"GPL-3.0", "z.py": b"z = 3\n"}


@pytest.mark.parametrize(
    "path",
    [
        *(
            "LICENSE",
            "LICENCE.md",
            "license.txt",
            "COPYING",
            "COPYING.LESSER",
            "LICENSE-MIT",
            "UNLICENSE",
            "MIT-LICENSE",
            "LICENSES/MIT.txt",
        ),
        *("package.json", "pyproject.toml", "Cargo.toml", "PKG-INFO", "x-1.0.dist-info/METADATA", "x-1.0.dist-info/licenses/LICENSE"),
    ],
)
def test_files_that_say_a_licence(path: str) -> None:
    assert is_root_file(path)
    assert not is_root_file(f"vendor/{path}")


@pytest.mark.parametrize("path", ["license.py", "licenses.html", "METADATA", "README.md", "sixLICENSE", "src/package.json", "licensed/x"])
def test_files_that_say_none(path: str) -> None:
    assert not is_root_file(path)


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("top", ["", "six-1.0/"])
def test_the_licence_is_found_wherever_it_stands_in_an_archive(kind: str, top: str) -> None:
    first, *names = [*FILES, "LICENSE"]
    for seed in range(5):
        random.Random(seed).shuffle(names)
        # The top folder of a tar is that of its first member.
        packed = io.BytesIO(PACKERS[kind]({top + name: FILES.get(name, MIT) for name in (first, *names)}))
        assert archive_root_files(packed, ReadParams()) == {"LICENSE": MIT}
        assert packed.tell() == 0


@pytest.mark.parametrize("kind", PACKERS)
def test_what_is_held_is_bounded(kind: str) -> None:
    packed = PACKERS[kind]({f"LICENSE-{i:03d}": b"x" * (MAX_BYTES + 5) for i in range(MAX_FILES + 3)})
    held = archive_root_files(io.BytesIO(packed), ReadParams())
    assert [len(blob) for blob in held.values()] == [MAX_BYTES] * MAX_FILES


def test_a_broken_archive_tells_what_stands_before_the_fault() -> None:
    packed = tarred({"LICENSE": MIT, "a.py": b"a" * 5000})
    assert archive_root_files(io.BytesIO(packed[:4000]), ReadParams()) == {"LICENSE": MIT}
    assert archive_root_files(io.BytesIO(b"PK\3\4 and no more"), ReadParams()) == {}


@pytest.fixture(params=["tree", "zip", "tar.gz"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> SourceReadParams:
    """Two repositories: one with a licence at its root, one without."""
    own = {"one": {**FILES, "zzz/LICENSE": b"", "LICENSE": MIT}, "two": FILES}
    for name, files in own.items():
        if request.param != "tree":
            (tmp_path / f"{name}-1.0.{request.param}").write_bytes(PACKERS[request.param](files))
            continue
        for path, blob in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_bytes(blob)
    return SourceReadParams(path=str(tmp_path), format="tree" if request.param == "tree" else "auto", include=("*.py",))


def test_every_document_of_a_repository_has_the_licence_of_its_root(source: SourceReadParams) -> None:
    containers = list_containers("code", source, unit_bytes=1 << 20)
    units = form_units("code", containers, unit_bytes=1 << 20, salts={})
    rows = [row for unit in units for batch in read_unit(unit, source, root_licences=root_licences) for row in batch.to_pylist()]
    assert {(row["repository"], row["path"]): row["root_licences"] for row in rows} == {
        (name, path): licences for name, licences in (("one", ["MIT"]), ("two", None)) for path in ("a.py", "pkg/b.py", "z.py")
    }
    unasked = [row for unit in units for batch in read_unit(unit, source) for row in batch.to_pylist()]
    assert [row | {"root_licences": None} for row in rows] == unasked
