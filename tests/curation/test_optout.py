import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import schema
from pipeline.curation.optout import RemovalParams, read_entries, removals
from pipeline.params import UsageError

TEXT = "print('mine')\n"
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()


def entries_of(folder: Path, *texts: str) -> Any:
    paths = [folder / f"list-{number}.txt" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return read_entries(RemovalParams(files=tuple(map(str, paths))))


def decisions(**columns: list[Any]) -> pa.Table:
    n = len(next(iter(columns.values())))
    own = {"id": list(range(n)), "verdict": [schema.KEPT] * n, "repository": [None] * n, "path": [None] * n, "sha256": [None] * n} | columns
    return pa.table({name: pa.array(values, schema.DECISIONS.field(name).type) for name, values in own.items()})


def removed(folder: Path, text: str, **columns: list[Any]) -> list[int]:
    return removals(decisions(**columns), entries_of(folder, text))["id"].to_pylist()


def test_each_kind_of_entry_names_its_documents(tmp_path: Path) -> None:
    text = f"# of our own\n\nrepository: Ann/one\nuser: bob\nurl: https://www.Example.org/blog/\nsha256: {SHA256.upper()}\n"
    found = removals(
        decisions(
            repository=["ann/one", "Ann/ONE", "ann/two", "bob/x", "bobby/x", None, None, None, None],
            path=["a.py", "a.py", "a.py", "a.py", "a.py", "http://example.org/blog/1", "example.org/blogs", None, "https://other.org/"],
            sha256=[None, None, None, None, None, None, None, bytes.fromhex(SHA256), bytes(32)],
        ),
        entries_of(tmp_path, text),
    )
    assert found.schema.equals(schema.REMOVALS)
    assert found.to_pydict() == {
        "id": [0, 1, 3, 5, 7],
        "list": ["list-0.txt"] * 5,
        "line": [3, 3, 4, 5, 6],
        "entry": ["repository: Ann/one"] * 2 + ["user: bob", "url: https://www.Example.org/blog/", f"sha256: {SHA256.upper()}"],
    }


@pytest.mark.parametrize(
    ("entry", "address", "expected"),
    [
        ("example.org", "https://example.org", True),
        ("example.org", "http://www.example.org/a/b?c#d", True),
        ("example.org", "https://example.org?x=1", True),
        ("example.org", "https://example.organic.com/", False),
        ("example.org", "https://sub.example.org/", False),
        ("example.org", "https://other.org/example.org", False),
        ("https://example.org/a", "https://example.org/a/b", True),
        ("https://example.org/a", "https://example.org/ab", False),
        ("https://example.org/a/", "https://example.org/a", True),
        ("https://example.org/a.php?p=1", "https://example.org/a.php?p=1", True),
        ("https://example.org/a.php?p=1", "https://example.org/a.php?p=12", False),
        ("https://example.org/größe", "https://example.org/GRÖSSE", False),
        ("https://example.org/größe", "https://example.org/Größe/x", True),
    ],
)
def test_an_address_covers_what_is_below_it(tmp_path: Path, entry: str, address: str, expected: bool) -> None:
    assert removed(tmp_path, f"url: {entry}\n", path=[address]) == ([0] if expected else [])


@pytest.mark.parametrize(
    ("entry", "repository"),
    [
        ("repository: https://github.com/ann/one", "ann/one"),
        ("repository: https://github.com/ann/one.git", "ann/one"),
        ("repository: group/sub/one", "group/sub/one"),
        ("repository: six", "six"),
        ("user: https://github.com/ann/", "ann/one"),
        ("repository: git@github.com:ann/one.git", "ann/one"),
        ("repository: github.com/ann/one/", "ann/one"),
        ("repository: ann/one", "https://github.com/Ann/One.git"),
        ("repository: https://gitlab.com/group/sub/one", "gitlab.com/group/sub/one"),
        ("user: ann", "https://github.com/Ann/one"),
    ],
)
def test_a_repository_may_be_named_by_its_address(tmp_path: Path, entry: str, repository: str) -> None:
    assert removed(tmp_path, entry, repository=[repository, "else/where"]) == [0]


def test_a_user_is_not_a_repository_without_an_owner(tmp_path: Path) -> None:
    assert removed(tmp_path, "user: six\nrepository: ann\n", repository=["six", "ann/one"]) == []


def test_only_kept_documents_are_removed(tmp_path: Path) -> None:
    verdicts = [schema.KEPT, schema.DROPPED, schema.BROKEN]
    assert removed(tmp_path, "user: ann", repository=["ann/one"] * 3, verdict=verdicts) == [0]


def test_of_several_entries_the_first_of_the_first_list_counts(tmp_path: Path) -> None:
    entries = entries_of(tmp_path, "user: bob\nrepository: ann/one\n", "user: ann\nrepository: ann/one\n")
    (found,) = removals(decisions(repository=["ann/one"]), entries).to_pylist()
    assert found == {"id": 0, "list": "list-0.txt", "line": 2, "entry": "repository: ann/one"}


@pytest.mark.parametrize(
    "line",
    [
        "ann/one",
        "repo: ann/one",
        "repository:",
        "user: ann/one",
        "sha256: 12ab",
        f"sha256: {SHA256}0",
        "url: https://",
        "repository ann",
        "repository: https://github.com/ann/one/tree/main",
        "url: x" + "/y" * 100,
    ],
)
def test_a_line_that_is_no_entry_is_an_error_with_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError, match=r"list-0.txt, line 2: .* is no entry: write `repository: owner/name`"):
        entries_of(tmp_path, f"user: ann\n{line}\n")


def test_a_list_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_entries(RemovalParams(files=(str(tmp_path / "none.txt"),)))
    (tmp_path / "bytes.txt").write_bytes(b"user: caf\xe9\n")
    with pytest.raises(UsageError, match="no UTF-8 at byte 9"):
        read_entries(RemovalParams(files=(str(tmp_path / "bytes.txt"),)))


parts = st.sampled_from(["a", "b", "ab"])


@given(
    st.lists(st.lists(parts, min_size=1, max_size=3).map("/".join), min_size=1, max_size=4),
    st.lists(st.lists(parts, min_size=1, max_size=5).map("/".join), max_size=6),
)
def test_addresses_are_covered_as_their_parts_say(
    tmp_path_factory: pytest.TempPathFactory, entries: list[str], addresses: list[str]
) -> None:
    expected = [
        row for row, address in enumerate(addresses) if any(address.split("/")[: len(e.split("/"))] == e.split("/") for e in entries)
    ]
    folder = tmp_path_factory.mktemp("lists")
    assert removed(folder, "".join(f"url: http://{entry}\n" for entry in entries), path=[f"http://{a}" for a in addresses]) == expected


def test_the_digest_names_the_entries(tmp_path: Path) -> None:
    one, same, other = (entries_of(tmp_path, text).digest for text in ("user: ann\n", "user: ann\n", "user: bob\n"))
    assert one == same != other
