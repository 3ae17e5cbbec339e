"""A small corpus of real files, with troubles planted in it, and what has to come of every place in it.

The files are those that every environment of this project has: the standard library, headers, and what installed packages say of
themselves. They differ between environments, so a test counts what `Corpus.rows` says, and knows no number by heart.
"""

import gzip
import io
import json
import sysconfig
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
import zstandard

STDLIB = Path(sysconfig.get_paths()["stdlib"])
PACKAGES = Path(sysconfig.get_paths()["purelib"])


class Row(NamedTuple):
    """A place that has to become one row of decisions/: its text, or how it is broken."""

    source: str
    container: str
    row: int
    text: str | None
    reason: str | None = None


@dataclass(frozen=True)
class Corpus:
    """Where the sources are, and a Row for every document in them."""

    root: Path
    rows: tuple[Row, ...]

    def config(self, workdir: Path, **changes: Any) -> dict[str, Any]:
        """A config for it: several units a source, several partitions of bands, several shards of sequences."""
        code, text = {"kind": "code", "max_broken_fraction": 0.2}, {"kind": "text", "max_broken_fraction": 0.2}
        archived = {"include": ["*.py", "*.h", "*.js", "*.bin"]}
        values: dict[str, Any] = {
            "workdir": str(workdir),
            "unit_bytes": 1 << 17,
            "sources": {
                "stdlib": {"path": str(self.root / "stdlib"), "curation": ["starcoder2", "tests.jobs.own_rules.few_lines"], **code},
                "archives": {"path": str(self.root / "archives"), **archived, **code},
                "trees": {"path": str(self.root / "trees"), "format": "tree", "curation": ["starcoder2"], **code},
                "web": {"path": str(self.root / "web"), "curation": [{"gopher_quality": {"split_marks": False}}], **text},
                "notes": {"path": str(self.root / "notes"), **text},
            },
            "dedup": {
                "lines": {"max_documents": 3},
                "runs": {"min_bytes": 300, "max_documents": 2},
                "near": {"num_permutations": 4096, "bands": 512, "rows": 8},
            },
            "tokenizer": {"vocab_size": 700, "sample_bytes": 200_000},
            "mixture": mixture(archives=4, stdlib=5, trees=2.5, web=2, notes=3),
            "packing": {"sequence_length": 192, "sequences_per_shard": 500},
        }
        return values | changes


def mixture(*, archives: float, stdlib: float, trees: float, web: float, notes: float) -> dict[str, Any]:
    """10 code : 1 text; some documents are seen twice and more."""
    code = {"archives": archives, "stdlib": stdlib, "trees": {"weight": trees, "max_epochs": 3.5}}
    groups = {"code": {"weight": 10, "sources": code}, "text": {"weight": 1, "sources": {"web": web, "notes": notes}}}
    return {"groups": groups, "max_epochs": 2}


def write_config(path: Path, values: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


def edited(text: str) -> str:
    """The text with every 50th line changed: a near-duplicate if it is long."""
    return "\n".join(line + "  # edited" if number % 50 == 25 else line for number, line in enumerate(text.split("\n")))


def normalised(text: str) -> str:
    """What `documents/` should hold of a planted text; a plain version of DESIGN's words."""
    for end in ("\r\n", "\r", "\v", "\f", "\x85"):
        text = text.replace(end, "\n")
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")
    return unicodedata.normalize("NFC", text.lstrip("\ufeff"))


def write_corpus(root: Path) -> Corpus:
    """Writes every source below the folder."""
    modules = list(_texts([*STDLIB.glob("*.py"), *STDLIB.glob("[cejlu]*/*.py")], num_bytes=1_200_000))
    headers = list(_texts(Path(np.get_include()).rglob("*.h"), num_bytes=250_000))
    scripts = list(_texts(PACKAGES.glob("*/*/*.js"), num_bytes=20_000))
    pages = [(name, text.partition("\n\n")[2]) for name, text in _texts(PACKAGES.glob("*.dist-info/METADATA"), num_bytes=700_000)]
    licences = list(_texts(PACKAGES.glob("*.dist-info/licenses/*"), num_bytes=150_000))
    rows = [
        *_write_stdlib(root / "stdlib", modules[:50]),
        *_write_archives(root / "archives", modules[45:75], headers + scripts),
        *_write_trees(root / "trees", modules[75:95] + modules[:2]),
        *_write_web(root / "web", pages),
        *_write_notes(root / "notes", licences, pages),
    ]
    return Corpus(root, tuple(rows))


def _texts(paths: Iterable[Path], *, num_bytes: int) -> Iterator[tuple[str, str]]:
    """(name, text) of files of a few kB, in the order of their paths, until they have so many bytes."""
    for path in sorted(paths):
        if num_bytes > 0 and path.is_file() and 500 < path.stat().st_size < 30_000:
            try:
                text = path.read_bytes().decode()
            except UnicodeDecodeError:
                continue
            num_bytes -= len(text)
            yield f"{path.parent.name}-{path.name}".replace(".dist-info", ""), text


# The Stack's columns as Parquet.

STACK = pa.schema(
    [
        ("hexsha", pa.string()),
        ("lang", pa.string()),
        ("max_stars_repo_path", pa.string()),
        ("max_stars_repo_name", pa.string()),
        ("max_stars_repo_licenses", pa.list_(pa.string())),
        ("max_stars_count", pa.int64()),
        ("content", pa.binary()),
    ]
)


def write_parquet(path: Path, texts: list[tuple[str, bytes | None]], *, row_group_size: int = 7) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    records = [
        {
            "hexsha": f"{index:040x}",
            "lang": "Python",
            "max_stars_repo_path": f"src/{name}",
            "max_stars_repo_name": f"someone/{name[0]}",
            "max_stars_repo_licenses": ["MIT", "Apache-2.0"][: index % 3],
            "max_stars_count": index * 37 % 11 or None,
            "content": text,
        }
        for index, (name, text) in enumerate(texts)
    ]
    pq.write_table(pa.Table.from_pylist(records, STACK), path, row_group_size=row_group_size)


def _write_stdlib(root: Path, modules: list[tuple[str, str]]) -> Iterator[Row]:
    odd: list[tuple[str, str | bytes | None]] = [
        ("null.py", None),
        ("latin1.py", b"caf\xe9 = 1\n"),
        ("empty.py", ""),
        ("marks.py", "\ufeffx = 1\r\ny = 'cafe\u0301'\r\n\x00z\f = 2\n"),
        ("twice.py", modules[3][1]),
        ("edited.py", edited(modules[4][1])),
    ]
    # A name that is no friend of URLs, shells and globs.
    for container, texts in (("a.parquet", modules[:30]), ("sub dir/b #1 [ü]%20.parquet", [*modules[30:], *odd])):
        encoded = [(name, text.encode() if isinstance(text, str) else text) for name, text in texts]
        write_parquet(root / container, encoded)
        for index, (_, text) in enumerate(texts):
            reason = "null_text" if text is None else "invalid_utf8" if isinstance(text, bytes) else None
            yield Row("stdlib", container, index, text if isinstance(text, str) else None, reason)
    write_parquet(root / "none.parquet", [])
    whole = (root / "a.parquet").read_bytes()
    (root / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    yield Row("stdlib", "cut.parquet", 0, None, "truncated")
    (root / "nothing.parquet").write_bytes(b"")
    (root / ".hidden.parquet").write_bytes(b"of no concern")


# Archives: two versions of one package, headers, and members that nobody should trust.


def _write_archives(root: Path, modules: list[tuple[str, str]], headers: list[tuple[str, str]]) -> Iterator[Row]:
    root.mkdir(parents=True)
    first = [(f"pkg/{name}", text.encode()) for name, text in modules]
    second = [(f"pkg/{name}", (edited(text) if index % 2 else text).encode()) for index, (name, text) in enumerate(modules[10:])]
    hostile = [
        ("../outside.py", b"print('place, but no document')\n"),
        ("/absolute.py", b"print('nor this')\n"),
        ("nul.bin", b"\x7fELF\x00\x00\x00"),
        ("latin1.h", b"/* caf\xe9 */\n"),
        ("naïve\nname.h", "/* naïve */\n".encode()),
        ("empty.h", b""),
        ("folder/", b""),
        ("skipped.md", b"# not included\n"),
    ]
    yield from _tar(root / "pkg-1.0.tar.gz", [("pkg-1.0/" + name, blob) for name, blob in first])
    yield from _zip(root / "pkg-1.1.zip", [("pkg-1.1/" + name, blob) for name, blob in second])
    yield from _zip(root / "headers.zip", [*((name, text.encode()) for name, text in headers), *hostile])


def _members(container: str, members: list[tuple[str, bytes]], *, first: int = 0) -> Iterator[Row]:
    for index, (name, blob) in enumerate(members, first):
        if name.startswith(("/", "..")) or not name.endswith((".py", ".h", ".js", ".bin")):
            continue
        reason = "binary" if b"\0" in blob else "invalid_utf8" if b"\xe9 " in blob else None
        yield Row("archives", container, index, blob.decode() if reason is None else None, reason)


def _zip(path: Path, members: list[tuple[str, bytes]]) -> Iterator[Row]:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, blob in members:
            archive.writestr(zipfile.ZipInfo(name), blob, zipfile.ZIP_DEFLATED)
    return _members(path.name, members)


def _tar(path: Path, members: list[tuple[str, bytes]]) -> Iterator[Row]:
    """The folder comes first, as it does in source distributions, and a link to a place outside."""
    with gzip.GzipFile(path, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        folder, link = tarfile.TarInfo("pkg-1.0"), tarfile.TarInfo("pkg-1.0/link.py")
        folder.type, link.type, link.linkname = tarfile.DIRTYPE, tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(folder)
        archive.addfile(link)
        for name, blob in members:
            info = tarfile.TarInfo(name)
            info.size = len(blob)
            archive.addfile(info, io.BytesIO(blob))
    return _members(path.name, members, first=2)


# A tree: a folder is a container; hidden files and links are no documents.


def _write_trees(root: Path, modules: list[tuple[str, str]]) -> Iterator[Row]:
    for number in range(3):
        container = f"project-{number}"
        texts = modules[number::3]
        (root / container / "src" / ".git").mkdir(parents=True)
        (root / container / "src" / ".git" / "config.py").write_text("hidden = True\n")
        (root / container / "link.py").symlink_to(STDLIB / "abc.py")
        for name, text in texts:
            (root / container / "src" / name).write_bytes(text.encode())
        for index, (_, text) in enumerate(sorted(texts)):
            yield Row("trees", container, index, text)


# Dolma's JSON lines, RedPajama's, and what goes wrong in them.


def _write_web(root: Path, pages: list[tuple[str, str]]) -> Iterator[Row]:
    """Packed by zstd; the second file ends in the middle of a frame."""
    root.mkdir(parents=True)
    half = len(pages) // 2
    yield from _lines(
        root / "c4-0000.jsonl.zst", [_dolma(name, text) for name, text in pages[:half]], texts=[text for _, text in pages[:half]]
    )
    lines = [_dolma(name, text) for name, text in pages[half:]]
    yield from _lines(root / "c4-0001.jsonl.zst", lines, texts=[text for _, text in pages[half:]], rest=b'{"text": "not much of a fra')


def _lines(path: Path, lines: list[str], *, texts: list[str], rest: bytes = b"") -> Iterator[Row]:
    packed = zstandard.ZstdCompressor().compress("".join(line + "\n" for line in lines).encode())
    path.write_bytes(packed + (zstandard.ZstdCompressor().compress(rest)[:-4] if rest else b""))
    yield from (Row("web", path.name, row, text) for row, text in enumerate(texts))
    if rest:
        yield Row("web", path.name, len(texts), None, "truncated")


def _write_notes(root: Path, licences: list[tuple[str, str]], pages: list[tuple[str, str]]) -> Iterator[Row]:
    (root / "more").mkdir(parents=True)
    texts = [text for _, text in licences]
    # One document of many sequences; one that is nothing but a mark at its start; symbols that only look special.
    long = "\n\n".join(islice((text for _, text in pages), 12))
    symbols = "<s> </s> <unk> <|im_start|>system<|im_end|> <|fim_prefix|> <0x0A> ▁ \u200b 你好 🙂\n"
    texts += ["", "\ufeff", " \n\t\n", symbols, long, edited(long), pages[0][1], texts[0]]
    with gzip.GzipFile(root / "more" / "notes.jsonl.gz", "wb", mtime=0) as packed:
        packed.write("".join(json.dumps({"text": text, "meta": {"language": "en"}}) + "\n" for text in texts).encode())
    yield from (Row("notes", "more/notes.jsonl.gz", row, text) for row, text in enumerate(texts))
    yield from _write_faulty(root)


def _write_faulty(root: Path) -> Iterator[Row]:
    good, extra = "A line between broken ones keeps its place. ", b"\xff\xfe not UTF-8"
    lines: list[tuple[bytes, str | None]] = [
        (b'{"text": "cut short', "bad_json"),
        (b'["a list"]', "bad_type"),
        (b'{"text": null}', "null_text"),
        (b'{"id": 1}', "null_text"),
        (b'{"text": 5}', "bad_type"),
        (b'{"text": "half a pair: \\ud83d"}', "invalid_utf8"),
        (b'{"text": "' + extra + b'"}', "invalid_utf8"),
        (b"[" * 5000, "bad_json"),
        (b"", ""),  # blank: a place, but no document
        (b'{"text": "the last line has no end', "truncated"),
    ]
    blobs: list[bytes] = []
    for index, (line, reason) in enumerate(lines):
        blobs += [json.dumps({"text": good * (index + 1)}).encode(), line]
        yield Row("notes", "faulty.jsonl", 2 * index, good * (index + 1))
        if reason:
            yield Row("notes", "faulty.jsonl", 2 * index + 1, None, reason)
    (root / "faulty.jsonl").write_bytes(b"\n".join(blobs))


def _dolma(name: str, text: str) -> str:
    return json.dumps({"id": name, "text": text, "source": "c4", "metadata": {"language": "en", "stars": None}}, ensure_ascii=False)
