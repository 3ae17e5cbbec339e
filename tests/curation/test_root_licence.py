import json

import pytest

from pipeline.curation.root_licence import root_licences
from tests.curation import licences as texts

MIT, GPL, APACHE = texts.MIT.encode(), texts.GPL_3_TEXT.encode(), texts.APACHE.encode()


def package(**fields: object) -> bytes:
    return json.dumps({"name": "x"} | fields).encode()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"LICENSE": MIT}, ["MIT"]),
        ({"LICENSE": b"All rights reserved."}, None),
        ({"LICENSE": b"\xff\xfe" + MIT}, ["MIT"]),
        ({"LICENSE-MIT": MIT, "LICENSE-APACHE": APACHE}, ["Apache-2.0", "MIT"]),
        # A declaration stands for the texts that it names.
        (
            {"Cargo.toml": b'[package]\nlicense = "MIT OR Apache-2.0"\n', "LICENSE-MIT": MIT, "LICENSE-APACHE": APACHE},
            ["MIT OR Apache-2.0"],
        ),
        ({"package.json": package(license="ISC"), "LICENSE": GPL}, ["ISC", "GPL-3.0-only"]),
        ({"package.json": package(license="GPL-3.0-or-later"), "COPYING": GPL}, ["GPL-3.0-or-later"]),
        ({"package.json": package(license={"type": "MIT", "url": "http://x"})}, ["MIT"]),
        ({"package.json": package(licenses=[{"type": "MIT"}, {"type": "ISC"}])}, ["MIT", "ISC"]),
        ({"package.json": package(license="SEE LICENSE IN LICENSE.txt"), "LICENSE.txt": MIT}, ["MIT"]),
        ({"package.json": b"{", "LICENSE": MIT}, ["MIT"]),
        ({"package.json": b"[" * 100_000}, None),
        ({"package.json": b"[1]"}, None),
        ({"composer.json": package(license=["MIT", ["x"]])}, ["MIT"]),
        ({"pyproject.toml": b'[project]\nlicense = "BSD-3-Clause"\n'}, ["BSD-3-Clause"]),
        ({"pyproject.toml": b'[project]\nlicense = {text = "MIT License"}\n'}, ["MIT"]),
        ({"pyproject.toml": b'[project]\nclassifiers = ["License :: OSI Approved :: Apache Software License"]\n'}, ["Apache-2.0"]),
        ({"pyproject.toml": b'[tool.poetry]\nlicense = "ISC"\n'}, ["ISC"]),
        ({"Cargo.toml": b"[package]\nlicense.workspace = true\n", "LICENSE": MIT}, ["MIT"]),
        ({"PKG-INFO": b"Name: six\nLicense: MIT\nClassifier: License :: OSI Approved :: MIT License\n\nbody\nLicense: GPL\n"}, ["MIT"]),
        ({"PKG-INFO": b"License-Expression: MIT OR Apache-2.0\nLicense: GPL\n"}, ["MIT OR Apache-2.0"]),
        ({"PKG-INFO": b"License: UNKNOWN\n"}, None),
        (
            {"six-1.0.dist-info/METADATA": b"License: BSD\n", "six-1.0.dist-info/LICENSE": texts.BSD_3.encode()},
            ["LicenseRef-BSD", "BSD-3-Clause"],
        ),
        ({"PKG-INFO": b"License: " + texts.MIT.replace("\n", " ").encode() + b" and so on" * 200}, ["MIT"]),
    ],
)
def test_the_root_of_a_repository_says_its_licence(files: dict[str, bytes], expected: list[str] | None) -> None:
    assert root_licences(files) == expected
    assert root_licences(dict(reversed(files.items()))) == expected
