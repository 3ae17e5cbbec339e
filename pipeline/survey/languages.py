"""What the languages of files are to a config: code, prose, or data, which is neither."""

import os
from functools import cache, lru_cache

from pipeline.readers import languages
from pipeline.readers.languages import canonical_language

# By their canonical names.
PROSE = frozenset(["asciidoc", "markdown", "org", "pod", "rdoc", "restructuredtext", "text", "textile"])
DATA = frozenset(
    [
        *("csv", "diff", "gettext-catalog", "graphviz-dot", "ini", "jupyter-notebook", "json", "json5", "jsonld", "json-lines", "svg"),
        *("pickle", "public-key", "toml", "tsv", "unity3d-asset", "xml", "yaml", "ignore-list", "adobe-font-metrics", "checksums"),
    ]
)
# These are read as one: they share their headers.
_FAMILIES = {"c": "c_cpp", "c++": "c_cpp", "cuda": "c_cpp"}


def language_of(path: str) -> str | None:
    """The language of a file of that name; None: unknown."""
    return _language_of(os.path.basename(path))


@lru_cache(1 << 16)
def _language_of(name: str) -> str | None:
    return languages.language_of(name)


def is_language(name: str) -> bool:
    """Whether it is the canonical name of a language of files; a code of a natural language (`en`) is none."""
    return name in _known() and (len(name) > 2 or name in ("c#", "f#", "go"))


def family(language: str) -> str:
    """The name of the source that a language's files go to."""
    return _FAMILIES.get(language, language)


__all__ = ["canonical_language"]


@cache
def _known() -> frozenset[str]:
    return languages.known_languages()
