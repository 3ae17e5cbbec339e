"""Makes linguist.json of a checkout of github-linguist/linguist.

    python -m pipeline.readers.linguist.derive CHECKOUT

Takes over names, extensions, file names, interpreters and which are data of `languages.yml`, the patterns of paths in `vendor.yml` and
`documentation.yml`, and of `heuristics.yml` what tells languages of one extension apart by RE2 alone, so in linear time. An
extension's languages are in the order of choice, the first is taken if the text tells nothing: first the one that Linguist takes
then, or ours of `_CHOICES`; then those that name the extension first; then the popular; then by name.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from pipeline.readers.languages import canonical_language

# Where the rule above would choose a language that few files of that extension are in.
_CHOICES = {
    ".asc": "AsciiDoc",
    ".bas": "BASIC",
    ".cfg": "INI",
    ".cl": "OpenCL",
    ".cls": "TeX",
    ".ddl": "SQL",
    ".f": "Fortran",
    ".for": "Fortran",
    ".frag": "GLSL",
    ".fx": "HLSL",
    ".gs": "JavaScript",
    ".inc": "PHP",
    ".jq": "jq",
    ".m4": "M4",
    ".nb": "Wolfram Language",
    ".p": "Gnuplot",
    ".prc": "SQL",
    ".pro": "Prolog",
    ".s": "Assembly",
    ".sc": "Scala",
    ".sch": "Scheme",
    ".t": "Perl",
    ".v": "Verilog",
    ".yy": "Yacc",
}
# Whose other languages are dialects, or so rare that a look at every text would not pay.
_SETTLED = {
    ".asm": "Assembly",
    ".html": "HTML",
    ".json": "JSON",
    ".s": "Assembly",
    ".sql": "SQL",
    ".txt": "Text",
    ".yaml": "YAML",
    ".yml": "YAML",
    ".plist": "XML Property List",
    ".properties": "Java Properties",
}


def main() -> None:
    root = Path(sys.argv[1]) / "lib" / "linguist"
    languages = _load(root / "languages.yml")
    generic = set(_load(root / "generic.yml")["extensions"])
    heuristics = _heuristics(_load(root / "heuristics.yml"))
    usual = {extension: rules[-1]["language"] for extension, rules in heuristics.items() if rules[-1].keys() == {"language"}}
    usual |= {extension: canonical_language(name) for extension, name in (_CHOICES | _SETTLED).items()}
    extensions = _extensions(languages, popular=set(_load(root / "popular.yml")), usual=usual)
    tables = {
        "source": f"github-linguist/linguist {(root / 'VERSION').read_text().strip()}, MIT, Copyright (c) 2017 GitHub, Inc.",
        "extensions": extensions,
        "generic": sorted(generic),
        "filenames": _index(languages, "filenames"),
        "interpreters": _index(languages, "interpreters"),
        "data": sorted(canonical_language(name) for name, language in languages.items() if language["type"] == "data"),
        "heuristics": {extension: rules for extension, rules in sorted(heuristics.items()) if extension in extensions},
        "vendored": _load(root / "vendor.yml"),
        "documentation": _load(root / "documentation.yml"),
    }
    text = ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in tables.items())
    (Path(__file__).parent / "linguist.json").write_text(f"{{\n{text}\n}}\n", encoding="utf-8")


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _index(languages: dict[str, Any], field: str) -> dict[str, list[str]]:
    """By the field's values the languages that have them, in the order of their names."""
    index = defaultdict(list)
    for name, language in sorted(languages.items()):
        for value in language.get(field, []):
            index[value].append(canonical_language(name))
    return dict(sorted(index.items()))


def _extensions(languages: dict[str, Any], *, popular: set[str], usual: dict[str, str]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for name, language in languages.items():
        for place, spelled in enumerate(language.get("extensions", [])):
            extension, canonical = spelled.lower(), canonical_language(name)
            key = (canonical != usual.get(extension), place != 0, name not in popular, name)
            found[extension].append((key, canonical))
    return {extension: list(dict.fromkeys(name for _, name in sorted(names))) for extension, names in sorted(found.items())}


def _heuristics(source: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """By extension the rules in their order: `all` of these patterns and `none` of those match a text of that language."""
    found = {}
    for disambiguation in source["disambiguations"]:
        # A rule that names several languages would leave the choice to Linguist's classifier.
        decisive = [rule for rule in disambiguation["rules"] if isinstance(rule["language"], str)]
        rules = [_rule(rule, source["named_patterns"]) for rule in decisive]
        patterns = [pattern for rule in rules for pattern in rule.get("all", []) + rule.get("none", [])]
        if all(_is_linear(pattern) for pattern in patterns):
            found.update({extension.lower(): rules for extension in disambiguation["extensions"] if extension not in _SETTLED})
    return found


def _rule(rule: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"language": canonical_language(rule["language"])}
    for part in rule.get("and", [rule]):
        for key, place in (("pattern", "all"), ("named_pattern", "all"), ("negative_pattern", "none")):
            if key in part:
                pattern = named[part[key]] if key == "named_pattern" else part[key]
                made.setdefault(place, []).append("|".join(_re2(one) for one in ([pattern] if isinstance(pattern, str) else pattern)))
    return made


def _re2(pattern: str) -> str:
    """In Ruby `^` and `$` are always those of lines, and (?m) lets a dot match a line's end."""
    return "(?m:" + pattern.replace("(?im)", "(?is)").replace("(?-m)", "(?-s)") + ")"


def _is_linear(pattern: str) -> bool:
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid:
        return False
    return True


def _lines(value: Any) -> str:
    """JSON with one entry a line, so that two versions can be compared."""
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f" {json.dumps(key)}: {json.dumps(entry)}" for key, entry in value.items()) + "\n}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(f" {json.dumps(entry)}" for entry in value) + "\n]"
    return json.dumps(value)


if __name__ == "__main__":
    main()
