"""Which licences a text is under, by the words that only their texts and notices have (`licence_texts.yaml`).

What is found is for a decision on training data, so doubt counts against permission: of two licences in one head both hold,
unless the text offers a choice.
"""

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import pyarrow as pa
import yaml

from pipeline.curation.phrases import Phrases, compile_phrases, find_phrases, words
from pipeline.curation.spdx import PUBLIC_DOMAIN, SOME_BSD, UNKNOWN, Expression, Licence, canonical_id, join, parse, spdx_list, status
from pipeline.kernels import string_buffers

# Of a licence's file; the longest of the SPDX list has 38 kB.
MAX_TEXT_BYTES = 1 << 16

# What a text says with these words, it also says with others.
_SAME = {"licence": "license", "licences": "licenses", "licenced": "licensed", "dually": "dual"}
# Words of comment marks: of m4, of BASIC and batch files.
_SKIPPED = ("dnl", "rem")
_CREATIVE_COMMONS = {
    "BY": "Attribution",
    "BY-SA": "Attribution ShareAlike",
    "BY-NC": "Attribution NonCommercial",
    "BY-ND": "Attribution NoDerivatives",
    "BY-NC-SA": "Attribution NonCommercial ShareAlike",
    "BY-NC-ND": "Attribution NonCommercial NoDerivatives",
}

Key = frozenset[int]  # numbers of phrases


class Notice(NamedTuple):
    """The licence is found where all of `all` are and none of `without`."""

    licence: Expression
    all: Key
    without: Key = frozenset()


class Family(NamedTuple):
    """Licences of one name in several versions.

    Attributes:
        names: a phrase of these says that it is the family.
        versions: (version, the phrases that say which, once the family is known)
        titles: (version, the title of the licence's own text)
    """

    id: str
    untold: Licence
    names: Key
    versions: tuple[tuple[str, Key], ...]
    titles: tuple[tuple[str, Key], ...]


class LicenceTexts(NamedTuple):
    """What `licence_texts.yaml` holds, compiled.

    Attributes:
        names: the phrases that name a licence, so that they say where it was found.
    """

    phrases: Phrases
    notices: tuple[Notice, ...]
    families: tuple[Family, ...]
    later: Key
    verbatim: Key
    secondary: Key
    choice: Key
    tag: int
    names: Key


@cache
def licence_texts() -> LicenceTexts:
    facts = yaml.safe_load(files(__package__).joinpath("licence_texts.yaml").read_text(encoding="utf-8"))
    numbers: dict[tuple[str, ...], int] = {}

    def key(phrases: Iterable[str]) -> Key:
        spelled = (tuple(_SAME.get(word, word) for word in words(phrase)) for phrase in phrases)
        return frozenset(numbers.setdefault(phrase, len(numbers)) for phrase in spelled)

    notices = [
        Notice(_expression(licence), key(all_of), key(none_of))
        for entry in facts["notices"]
        for licence, said in entry.items()
        for all_of, none_of in ([(said["all"], said.get("without", ()))] if isinstance(said, dict) else [([phrase], ()) for phrase in said])
    ]
    notices += [Notice(_expression(licence), key([phrase])) for licence, phrase in _creative_commons()]
    families = [_family(entry, key) for entry in facts["families"]]
    later, verbatim, secondary = (key(facts[name]) for name in ("later", "verbatim", "secondary"))
    choice = key(phrase for line in facts["choice"] for phrase in line)
    (tag,) = key(["SPDX-License-Identifier"])
    names = frozenset().union(*(notice.all for notice in notices), *(family.names for family in families))
    phrases = compile_phrases([" ".join(phrase) for phrase in numbers], same=_SAME, skipped=_SKIPPED)
    return LicenceTexts(phrases, tuple(notices), tuple(families), later, verbatim, secondary, choice, tag, names)


def _expression(text: str) -> Expression:
    expression = parse(text)
    assert expression is not None, text
    return expression


def _creative_commons() -> Iterator[tuple[str, str]]:
    for terms, name in _CREATIVE_COMMONS.items():
        for version in ("1.0", "2.0", "2.5", "3.0", "4.0"):
            for phrase in (f"licenses {terms} {version}", f"CC {terms} {version}", f"{name} {version}", f"{name} License {version}"):
                yield f"CC-{terms}-{version}", phrase
            yield f"CC-{terms}-{version}", name.replace("ShareAlike", "Share Alike") + f" {version}"


def _family(facts: dict[str, Any], key: Any) -> Family:
    """The abbreviation alone is no notice ("GPL-compatible"), but with a version, or as what the licence is."""
    *full, short = facts["names"]
    names = [*full, f"license {short}", f"{short} license", f"licenses {short}", f"{short} licensed", f"GNU {short}", f"under {short}"]
    names += [f"under the {short}", f"terms of the {short}", f"Lesser {short}"]
    versions = []
    for version in facts["versions"]:
        numbers = {version, version.removesuffix(".0")}
        named = [f"{name} {mark}{number}" for name in facts["names"] for number in numbers for mark in ("", "version ", "v", "v ")]
        named += [f"{short}{mark}{number}" for number in numbers for mark in ("", "v")]
        names += [phrase for phrase in named if words(phrase)[0].startswith(short.lower())]
        ends = ("of the license", f"of the {short}", "of the GNU", "as published", "only")
        versions.append((version, key([*named, *(f"version {number} {end}" for number in numbers for end in ends)])))
    titles = [(version, key(f"{name} version {version.removesuffix('.0')}" for name in full)) for version in facts["versions"]]
    return Family(facts["id"], Licence(facts["untold"]), key(names), tuple(versions), tuple(titles))


@lru_cache(1 << 14)
def licence_of(found: Key) -> Expression | None:
    """The licence of a text that has these phrases; None: it names none."""
    texts = licence_texts()
    if found & texts.verbatim and (titled := list(_titled(found))):
        return join(titled, "AND")
    named = dict.fromkeys(notice.licence for notice in texts.notices if notice.all <= found and not notice.without & found)
    for vague, precise in ((SOME_BSD, "BSD-"), (PUBLIC_DOMAIN, "Unlicense"), (PUBLIC_DOMAIN, "CC0-"), (PUBLIC_DOMAIN, "blessing")):
        if any(str(licence).startswith(precise) for licence in named):
            named.pop(Licence(vague), None)
    expressions = [*named, *_families(found)]
    return join(expressions, "OR" if found & texts.choice else "AND") if expressions else None


def _titled(found: Key) -> Iterator[Expression]:
    """The text of a GNU licence speaks of others and of later versions, but grants neither."""
    families = licence_texts().families
    titled = {family.id: [version for version, phrases in family.titles if phrases & found] for family in families}
    for family in _not_spoken_of({name for name, versions in titled.items() if versions}):
        yield Licence(f"{family.id}-{titled[family.id][-1]}-only")  # "version 2" is in "version 2.1"


def _not_spoken_of(ids: set[str]) -> list[Family]:
    """The families of these ids, without the GPL where the LGPL or AGPL is, since what they stand in names it, too."""
    return [family for family in licence_texts().families if family.id in ids and not (family.id == "GPL" and {"LGPL", "AGPL"} & ids)]


def _families(found: Key) -> Iterator[Expression]:
    texts = licence_texts()
    if found & texts.secondary:
        return
    for family in _not_spoken_of({family.id for family in texts.families if family.names & found}):
        versions = [version for version, phrases in family.versions if phrases & found]
        if "2.1" in versions and "2.0" in versions:
            versions.remove("2.0")  # "version 2" is in "version 2.1"
        suffix = "or-later" if found & texts.later else "only"
        yield from (Licence(f"{family.id}-{version}-{suffix}") for version in versions)
        if not versions:
            yield family.untold


@lru_cache(1 << 14)
def named_licence(text: str) -> Expression:
    """What one entry of metadata means: an SPDX expression, the name of a licence, or words that a notice would have.

    Returns:
        the text itself as an id that is not known, if it means nothing.
    """
    expression = parse(text)
    if expression is not None and status(expression, frozenset()) != UNKNOWN:
        return expression
    if name := spdx_list().names.get(text.strip().lower()):
        return Licence(canonical_id(name))
    return said_in(f"license {text}") or expression or Licence(text)


def said_in(text: str) -> Expression | None:
    """The licence of one text; None: it names none."""
    found = find_phrases(string_buffers(pa.array([text], pa.string())), licence_texts().phrases, max_bytes=MAX_TEXT_BYTES)
    return licence_of(frozenset(found.phrase.tolist()))
