import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.licenses import canonicalize_license_expression

from pipeline.curation.spdx import ALLOWED, REFUSED, UNKNOWN, Expression, parse, spdx_list, status

IDS = ["MIT", "ISC", "Apache-2.0", "GPL-2.0-only", "LGPL-2.1-or-later", "LicenseRef-Ours"]
EXCEPTIONS = ["LLVM-exception", "Classpath-exception-2.0"]
licences = st.sampled_from(IDS) | st.tuples(st.sampled_from(IDS[:5]), st.sampled_from(EXCEPTIONS)).map(" WITH ".join)
trees = st.recursive(
    licences, lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)), max_leaves=12
)


def written(tree: object) -> str:
    """With every bracket that could matter, and some that do not."""
    if isinstance(tree, str):
        return tree
    operator, parts = tree  # type: ignore[misc]
    return f" {operator} ".join(f"({written(part)})" if isinstance(part, tuple) else written(part) for part in parts)


def truth(tree: object, allowed: set[str]) -> bool:
    if isinstance(tree, str):
        return bool({tree, tree.partition(" WITH ")[0], tree.replace("-or-later", "-only")} & allowed)
    operator, parts = tree  # type: ignore[misc]
    return (all if operator == "AND" else any)(truth(part, allowed) for part in parts)


def parsed(text: str) -> Expression:
    expression = parse(text)
    assert expression is not None
    return expression


@given(trees, st.sets(st.sampled_from(IDS)))
def test_an_expression_is_allowed_if_all_of_an_and_and_any_of_an_or_is(tree: object, allowed: set[str]) -> None:
    assert (status(parsed(written(tree)), allowed) == ALLOWED) == truth(tree, allowed)


@given(trees, st.sets(st.sampled_from(IDS)), st.sets(st.sampled_from(IDS)))
def test_to_allow_more_refuses_nothing_more(tree: object, allowed: set[str], more: set[str]) -> None:
    assert status(parsed(written(tree)), allowed) <= status(parsed(written(tree)), allowed | more)


@given(trees)
def test_an_expression_that_is_written_reads_the_same(tree: object) -> None:
    expression = parsed(written(tree))
    assert parse(str(expression)) == expression
    assert parse(f"(( {str(expression).replace('MIT', 'mit').replace(' OR ', ' or ')} ))") == expression


@given(st.lists(st.sampled_from([*IDS, *EXCEPTIONS, "AND", "OR", "WITH", "(", ")"]), min_size=1, max_size=9).map(" ".join))
def test_what_is_an_expression_is_told_as_packaging_does(text: str) -> None:
    try:
        canonical = canonicalize_license_expression(text)
    except ValueError:
        canonical = None
    expression = parse(text)
    ours = expression if expression is not None and status(expression, frozenset()) != UNKNOWN else None
    if canonical is None or re.search(r"WITH (?!LLVM|Classpath)", canonical):
        # It knows no exceptions as licences, and wants them after WITH; a name that neither knows is an id of somebody's to us.
        assert ours is None or any(word in EXCEPTIONS or word.startswith("LicenseRef") for word in text.split())
    else:
        assert set(re.findall(r"[\w.-]+", str(ours))) == set(re.findall(r"[\w.-]+", canonical))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mit", "MIT"),
        ("GPL-2.0", "GPL-2.0-only"),
        ("gpl-2.0+", "GPL-2.0-or-later"),
        ("LGPL-2.1+ WITH classpath-exception-2.0", "LGPL-2.1-or-later WITH Classpath-exception-2.0"),
        ("EPL-1.0+", "EPL-1.0+"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT and ISC or Zlib", "(MIT AND ISC) OR Zlib"),
        ("MIT OR (ISC OR MIT)", "MIT OR ISC"),
        ("((MIT))", "MIT"),
        ("DocumentRef-a:LicenseRef-b", "DocumentRef-a:LicenseRef-b"),
        ("MIT OR", None),
        ("OR MIT", None),
        ("(MIT", None),
        ("MIT)", None),
        ("MIT ISC", None),
        ("(MIT OR ISC) WITH LLVM-exception", None),
        ("MIT WITH (LLVM-exception)", None),
        ("MIT, see LICENSE", None),
        ("", None),
        ("(" * 900 + "MIT" + ")" * 90, None),
        ("MIT OR " * 300 + "MIT", None),
    ],
)
def test_expressions_have_one_form(text: str, expected: str | None) -> None:
    assert str(parse(text)) == str(expected)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("MIT */", "MIT"),
        ("GPL-2.0 WITH Linux-syscall-note */", "GPL-2.0-only WITH Linux-syscall-note"),
        ("Apache-2.0 -->", "Apache-2.0"),
        ("(MIT OR ISC), or so", "MIT OR ISC"),
        ("MIT AND", "None"),
        ("-->", "None"),
    ],
)
def test_of_a_line_the_expression_at_its_head_is_read(line: str, expected: str) -> None:
    assert str(parse(line, prefix=True)) == expected


@pytest.mark.parametrize(
    ("text", "allowed", "expected"),
    [
        ("MIT", {"MIT"}, ALLOWED),
        ("MIT", {"ISC"}, REFUSED),
        ("Something-1.0", {"MIT"}, UNKNOWN),
        ("NOASSERTION", {"MIT"}, UNKNOWN),
        ("MIT OR Something-1.0", {"MIT"}, ALLOWED),
        ("ISC OR Something-1.0", {"MIT"}, UNKNOWN),
        ("MIT AND Something-1.0", {"MIT"}, UNKNOWN),
        ("ISC AND Something-1.0", {"MIT"}, REFUSED),
        ("GPL-2.0-or-later", {"GPL-2.0-only"}, ALLOWED),
        ("GPL-2.0-only", {"GPL-2.0-or-later"}, REFUSED),
        ("EPL-1.0+", {"EPL-1.0"}, ALLOWED),
        ("GPL-2.0-only WITH Classpath-exception-2.0", {"GPL-2.0-only"}, ALLOWED),
        ("GPL-2.0-only WITH Classpath-exception-2.0", {"GPL-2.0-only WITH Classpath-exception-2.0"}, ALLOWED),
        ("GPL-2.0-only", {"GPL-2.0-only WITH Classpath-exception-2.0"}, REFUSED),
        ("LicenseRef-Ours", {"MIT"}, REFUSED),
    ],
)
def test_a_licence_is_allowed_refused_or_not_known(text: str, allowed: set[str], expected: int) -> None:
    assert status(parsed(text), allowed) == expected


def test_the_permissive_licences_are_those_that_ask_for_little() -> None:
    permissive = spdx_list().permissive
    assert {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "Unlicense", "CC0-1.0", "Zlib", "BSL-1.0", "PSF-2.0"} <= permissive
    assert not [name for name in permissive if re.match("A?L?GPL|GFDL|MPL|EPL|EUPL|CDDL|SSPL|BUSL|CC-BY", name)]
