"""Which paths a source takes: globs over the path inside an archive or a tree."""

import re
from collections.abc import Callable, Iterable

_TOKENS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def path_filter(include: Iterable[str], exclude: Iterable[str]) -> Callable[[str], bool]:
    """A test for paths: some pattern of `include` matches, none of `exclude` does.

    A pattern with a slash is held against the whole path, one without against the last part alone. `*` and `?` stay inside one
    part, `**/` is any number of folders (none, too), `/**` at the end is all that a folder holds, [abc] and [!abc] are sets.
    Upper and lower case differ.
    """
    wanted, unwanted = _union(include), _union(exclude)
    return lambda path: wanted.fullmatch(path) is not None and unwanted.fullmatch(path) is None


def _union(patterns: Iterable[str]) -> re.Pattern[str]:
    # (?!) matches nothing: what no pattern at all should do.
    return re.compile("|".join(_regex(pattern) for pattern in patterns) or "(?!)", re.DOTALL)


def _regex(pattern: str) -> str:
    anywhere = "" if "/" in pattern else "(?:.*/)?"
    parts = re.findall(r"\*\*/|\*\*|\*|\?|\[(?:!.|[^!])[^]]*\]|.", pattern.lstrip("/"), re.DOTALL)
    return anywhere + "".join(_TOKENS[part] if part in _TOKENS else _set(part) if len(part) > 1 else re.escape(part) for part in parts)


def _set(part: str) -> str:
    """[...] with its ranges, in the words of regexes; an empty range holds nothing."""
    is_negated = part.startswith("[!")
    characters = part[2 if is_negated else 1 : -1]
    inside = ""
    while characters:
        is_range = len(characters) > 2 and characters[1] == "-"
        first, last = characters[0], characters[2 if is_range else 0]
        if first <= last:
            inside += re.escape(first) + "-" + re.escape(last)
        characters = characters[3 if is_range else 1 :]
    if not inside:
        return "[^/]" if is_negated else "(?!)"
    return f"(?!/)[{'^' if is_negated else ''}{inside}]"
