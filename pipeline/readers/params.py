"""How a source's files are read."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field as Setting
from pydantic import field_validator

from pipeline.params import Params

Field = Literal["text", "path", "repository", "licences", "language", "stars"]
Format = Literal["auto", "parquet", "jsonl", "tree", "archive"]
FIELDS: tuple[Field, ...] = ("text", "path", "repository", "licences", "language", "stars")

# The first that a file has is taken: The Stack's columns, then our own.
PARQUET_COLUMNS: Mapping[Field, tuple[str, ...]] = {
    "text": ("content", "text"),
    "path": ("max_stars_repo_path", "path"),
    "repository": ("max_stars_repo_name", "repository"),
    "licences": ("max_stars_repo_licenses", "licences"),
    "language": ("lang", "language"),
    "stars": ("max_stars_count", "stars"),
}

# The first that a line has is taken: Dolma's (and The Stack's inside it), RedPajama's, The Stack's, then our own.
JSON_KEYS: Mapping[Field, tuple[str, ...]] = {
    "text": ("text", "content"),
    "path": ("metadata.path", "metadata.max_stars_repo_path", "meta.path", "max_stars_repo_path", "path"),
    "repository": ("metadata.repo_name", "metadata.max_stars_repo_name", "meta.repo_name", "max_stars_repo_name", "repository"),
    "licences": ("metadata.license", "metadata.max_stars_repo_licenses", "meta.license", "max_stars_repo_licenses", "licences"),
    "language": ("metadata.language", "meta.language", "lang", "language"),
    "stars": ("metadata.max_stars_count", "max_stars_count", "stars"),
}


class ReadParams(Params):
    """How a source's files are read.

    Attributes:
        format: auto goes by the file's name, then by its first bytes; tree reads folders of files as they are.
        columns: our field to the Parquet column or JSON key that holds it, nested ones with dots (`metadata.path`); null: none.
            Fields that are not named here have the usual names of The Stack, Dolma and RedPajama.
        include: globs over the path inside an archive or a tree; of other files (Parquet, JSON lines) over their own path in the source.
            With a slash: over the whole path; without: over the file's name in any folder. `*` stays inside a folder, `**` does not.
        exclude: globs of the same kind, which win over include.
        max_document_bytes: larger documents are broken rows, "too_large".
        max_unpacked_bytes: compressed files, archives: what comes after so many bytes is one broken row, "too_large" (a bomb).
        language: of every document of the source; None: as the columns say, or the files' names and first lines.
    """

    format: Format = "auto"
    columns: dict[Field, str | None] = Setting(default_factory=dict)
    include: tuple[str, ...] = ("**",)
    exclude: tuple[str, ...] = ("**/.git/**",)
    max_document_bytes: int = Setting(default=16 << 20, ge=1, le=1 << 30)
    max_unpacked_bytes: int = Setting(default=256 << 30, ge=1)
    language: str | None = None

    @field_validator("columns")
    @classmethod
    def _text_is_named(cls, columns: dict[Field, str | None]) -> dict[Field, str | None]:
        if columns.get("text", "") is None:
            raise ValueError("columns.text is null, but a document needs its text: name its column, or leave the key out")
        return columns

    def names(self, field: Field, usual: Mapping[Field, tuple[str, ...]]) -> tuple[str, ...]:
        """Names of the columns or keys that may hold the field, the first choice first."""
        if field not in self.columns:
            return usual[field]
        name = self.columns[field]
        return () if name is None else (name,)
