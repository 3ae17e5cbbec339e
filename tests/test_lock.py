"""The locks in requirements/ are whole, name no index, and keep Beam and JAX apart."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = ("dev", "pipeline", "trainer")


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9][\w.-]*", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def required(extra: str) -> Iterator[str]:
    """The names that the project itself asks for with an extra; an extra may bring in others."""
    for requirement in PROJECT["dependencies"] + EXTRAS[extra]:
        others = re.match(r"tenfold\[([\w,]+)\]", requirement)
        if others:
            for other in others[1].split(","):
                yield from required(other)
        else:
            yield name_of(requirement)


def entries(lock: str) -> dict[str, list[str]]:
    """Each pinned requirement of a lock, with the lines that belong to it."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    pins = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    return {pin.split(" ", 1)[0]: pin.splitlines() for pin in pins if pin.strip()}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_all_that_the_project_asks_for(lock: str) -> None:
    locked = {name_of(pin) for pin in entries(lock)}
    assert set(required(lock)) - locked == set(), "run make lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    for pin, lines in entries(lock).items():
        assert re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.+!]+", pin), pin
        assert any(re.match(r"    --hash=sha256:[0-9a-f]{64}\b", line) for line in lines), pin


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    assert re.findall(r"^.*(?:://|--index|--extra-index|--find-links|--trusted-host).*$", text, re.MULTILINE) == []


@pytest.mark.parametrize(("lock", "absent"), [("pipeline", {"jax", "jaxlib", "grain"}), ("trainer", {"apache-beam"})])
def test_a_host_is_spared_what_another_needs(lock: str, absent: set[str]) -> None:
    assert {name_of(pin) for pin in entries(lock)} & absent == set()


@pytest.mark.parametrize("lock", ["pipeline", "trainer"])
def test_hosts_run_the_versions_that_the_tests_ran(lock: str) -> None:
    tested = set(entries("dev"))
    assert set(entries(lock)) - tested == set(), "run make lock"
