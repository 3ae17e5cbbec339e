"""Places to drafts of sources: what is read from where, what it holds, how much of it there is."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import storage
from pipeline.params import RunError, UsageError
from pipeline.readers.globs import path_filter
from pipeline.readers.params import Field
from pipeline.readers.source import SourceReadParams
from pipeline.survey.columns import choose_columns, jsonl_columns, parquet_columns, usual_names
from pipeline.survey.guess import Kind, file_languages, kind_of, natural_languages
from pipeline.survey.languages import DATA, PROSE, canonical_language, family, is_language, language_of
from pipeline.survey.listing import File
from pipeline.survey.places import Place, source_name
from pipeline.survey.sample import sample_shards, sample_tree

# Bytes of text that a byte on disk usually holds.
_EXPANSION = {"parquet": 3.0, "archive": 4.0, "jsonl": 4.0}
_PLAIN_JSON = (".jsonl", ".ndjson", ".json")
# A language of a tree with less of its code than this goes to `other_code`; so do those beyond so many.
_MIN_LANGUAGE_FRACTION, _MAX_LANGUAGES = 0.02, 8
# Endings of a language with less of its bytes than this are left out, and those beyond so many.
_MIN_GLOB_FRACTION, _MAX_GLOBS = 0.002, 40
DOCS, OTHER_CODE = "docs", "other_code"


@dataclass(frozen=True)
class Draft:
    """One source to be.

    Attributes:
        settings: what the source's entry has beside path, kind and curation (`format`, `include`, `columns`, ...).
        languages: of the sample: of code the shares by bytes, of prose those by documents; largest first.
        sample: schema.RAW, broken records too.
        notes: what a reader of the config should know.
    """

    name: str
    path: str
    kind: Kind
    settings: dict[str, object]
    languages: dict[str, float]
    sample: pa.Table
    num_files: int
    disk_bytes: int
    text_bytes: int
    what: str
    notes: tuple[str, ...] = ()
    is_markup: bool = False

    @property
    def broken(self) -> dict[str, int]:
        """Broken records of the sample by reason."""
        return dict(Counter(self.sample["error"].drop_null().to_pylist()))


@dataclass
class Drafts:
    """What was drafted, and which places were left out, with the reason."""

    drafts: list[Draft] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def draft_sources(places: list[Place], *, num_files: int) -> Drafts:
    """
    Args:
        num_files: shards that are opened for each place.
    """
    made = Drafts()
    is_alone = len(places) == 1
    for place in places:
        taken = [draft.name for draft in made.drafts]
        try:
            prefix = "" if is_alone else f"{source_name(place.names, taken)}_"
            drafts = [_of_shards(place, taken, num_files)] if place.format == "shards" else list(_by_language(place, prefix, num_files))
        except (UsageError, RunError, pa.ArrowException, OSError) as error:
            made.skipped.append(f"{place.path}: {' '.join(str(error).split())}")
            continue
        for draft in drafts:
            if draft.broken and sum(draft.broken.values()) == draft.sample.num_rows:
                made.skipped.append(f"{draft.path}: {draft.name}: nothing of a sample can be read: {', '.join(draft.broken)}")
            else:
                made.drafts.append(draft)
    return made


def read_params(place: Place) -> SourceReadParams:
    """How all that a place holds is read.

    Raises:
        UsageError: its largest shard has no column of text.
    """
    if place.format == "shards":
        return SourceReadParams(path=place.path, **_shard_settings(place))  # type: ignore[arg-type]
    return SourceReadParams(path=place.path, format="tree" if place.format == "tree" else "auto")


def _shard_settings(place: Place) -> dict[str, object]:
    settings: dict[str, object] = {"include": list(place.include)} if place.include else {}
    if columns := _columns(place):
        settings["columns"] = columns
    return settings


def _of_shards(place: Place, taken: list[str], num_files: int) -> Draft:
    settings = _shard_settings(place)
    sample = sample_shards(place.path, place.files, read_params(place), num_files=num_files)
    name = source_name(place.names, taken)
    kind = kind_of(sample, place.names)
    shares, notes = _languages(sample, kind)
    folder = next((spelt for part in reversed(place.names) if is_language(spelt := canonical_language(part))), None)
    if kind == "code" and not shares and folder is not None:
        settings["language"] = folder
        notes.append("No column or path names a language, so the folder's name does: rules go by it.")
    shapes = Counter(file.shape for _, file in place.files)
    what = " and ".join(f"{count:,} {'Parquet' if shape == 'parquet' else 'JSON lines'}" for shape, count in shapes.items())
    what += " file" if len(place.files) == 1 else " files"
    return Draft(
        name, place.path, kind, settings, shares, sample, len(place.files), place.num_bytes, _text_bytes(place), what, tuple(notes)
    )


def _columns(place: Place) -> dict[Field, str | None]:
    """Raises UsageError: the largest shard has no column of text."""
    name, file = max(place.files, key=lambda held: held[1].num_bytes)
    with storage.open_read(os.path.join(place.path, name) if name else place.path) as stream:
        columns = parquet_columns(stream) if file.shape == "parquet" else jsonl_columns(stream)
    return choose_columns(columns, usual_names(file.shape))


def _by_language(place: Place, prefix: str, num_files: int) -> Iterator[Draft]:
    """A draft a language of a tree, or of the members of archives, and one for its prose."""
    if place.format == "archive":
        members = sample_shards(place.path, place.files, SourceReadParams(path=place.path), num_files=4 * num_files)
        names = [path or "" for path in members["path"].to_pylist()]
        sizes = [len(text or "") for text in members["text"].to_pylist()]
        scale = _text_bytes(place) / max(1, sum(sizes))
    else:
        wanted = path_filter(("**",), ("**/.git/**",))
        files = [(name, file.num_bytes) for name, file in place.files if wanted(name)]
        names, sizes, scale = [name for name, _ in files], [size for _, size in files], 1.0
    by_language: Counter[str] = Counter()
    for name, size in zip(names, sizes, strict=True):
        by_language[language_of(name) or ""] += size
    left_out = {language: size for language, size in by_language.items() if language in DATA and size}
    for group, languages in _groups(by_language).items():
        held = [name for name in names if language_of(name) in languages]
        size = int(sum(by_language[language] for language in languages) * scale)
        settings: dict[str, object] = {"format": "tree"} if place.format == "tree" else {}
        settings["include"] = _globs(names, sizes, languages)
        kind: Kind = "text" if group == DOCS else "code"
        if place.format == "tree":
            sample = sample_tree(place.path, held, SourceReadParams(path=place.path, format="tree"))
            what, disk_bytes, count = f"{len(held):,} files of a tree", size, len(held)
        else:
            sample = members.filter(pc.is_in(members["path"], pa.array(held, pa.string())))
            what, disk_bytes, count = f"members of {len(place.files):,} archives", place.num_bytes, len(place.files)
        shares, notes = _languages(sample, kind)
        if group == DOCS and left_out:
            notes.append(f"Left out everywhere, as data: {', '.join(sorted(left_out))}.")
        yield Draft(
            prefix + group, place.path, kind, settings, shares, sample, count, disk_bytes, size, what, tuple(notes), is_markup=group == DOCS
        )


def _groups(by_language: Counter[str]) -> dict[str, set[str]]:
    """Names of sources to the languages that they hold: code by size, then prose."""
    members: dict[str, set[str]] = defaultdict(set)
    sizes: Counter[str] = Counter()
    for language, size in by_language.items():
        if language and language not in PROSE | DATA:
            members[family(language)].add(language)
            sizes[family(language)] += size
    ranked = [name for name, _ in sizes.most_common()]
    own = [name for name in ranked[:_MAX_LANGUAGES] if sizes[name] >= _MIN_LANGUAGE_FRACTION * sizes.total()]
    groups = {source_name([name], []): members[name] for name in own}
    if rest := [name for name in ranked if name not in own]:
        groups[OTHER_CODE if len(rest) > 1 else source_name(rest, [])] = set().union(*(members[name] for name in rest))
    if prose := {language for language in by_language if language in PROSE and by_language[language]}:
        groups[DOCS] = prose
    return groups


def _globs(names: list[str], sizes: list[int], languages: set[str]) -> list[str]:
    """Globs for the files of the languages: by ending, or a name that its language is known by (Makefile); of those that matter."""
    by_glob: Counter[str] = Counter()
    for name, size in zip(names, sizes, strict=True):
        if (language := language_of(name)) in languages:
            base = os.path.basename(name)
            ending = os.path.splitext(base)[1]
            by_glob[f"*{ending}" if ending and language_of("x" + ending) == language else base] += size
    least = _MIN_GLOB_FRACTION * by_glob.total()
    return sorted(glob for glob, size in by_glob.most_common(_MAX_GLOBS) if size >= least)


def _languages(sample: pa.Table, kind: Kind) -> tuple[dict[str, float], list[str]]:
    """Shares of languages, and what to say of them."""
    if kind == "code":
        found = file_languages(sample)
        total = max(1, found.total())
        return {language: size / total for language, size in found.most_common(4) if language and size >= 0.01 * total}, []
    try:
        return natural_languages(sample), []
    except UsageError:
        return {}, ["Its languages are unknown, since the model that tells them is not here: `make setup` fetches it, then init again."]


def _text_bytes(place: Place) -> int:
    return int(sum(file.num_bytes * _expansion(file) for _, file in place.files))


def _expansion(file: File) -> float:
    return 1.0 if file.name.lower().endswith(_PLAIN_JSON) else _EXPANSION.get(file.shape, 1.0)
