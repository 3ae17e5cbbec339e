import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.redaction.emails import find_emails
from tests.curation.redaction.found import values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Joe <joe@x.org>, a.b+c@sub.domain.co.uk.", ["joe@x.org", "a.b+c@sub.domain.co.uk"]),
        ("mailto:joe_doe@x.org?subject=x", ["joe_doe@x.org"]),
        ("joe@x.org.The next", ["joe@x.org"]),
        ("jörg@müller.de и иван@почта.ru", ["jörg@müller.de", "иван@почта.ru"]),
        ("联系joe@x.com联系", ["joe@x.com"]),
        ("...joe@x.org -joe@x.org", ["joe@x.org", "joe@x.org"]),
        ("a@b@c.com", ["b@c.com"]),
        ("JOE@X.ORG x@xn--bcher-kva.xn--p1ai 1234@163.com", ["JOE@X.ORG", "x@xn--bcher-kva.xn--p1ai", "1234@163.com"]),
        ("(joe@x.org)", ["joe@x.org"]),
        ("joe@x.org\njane@x.org", ["joe@x.org", "jane@x.org"]),
    ],
)
def test_addresses_are_found_without_what_stands_around_them(text, expected):
    assert values(find_emails, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "icon@2x.png",
        "lodash@4.17.21",
        "git@github.com:user/repo.git",
        "this@Outer.show",
        "view@Outer.show()",
        "@app.route",
        "joe@localhost",
        "joe @x.org",
        "joe@ x.org",
        "joe@x..org",
        "joe@.org",
        "joe@example.com jane@mail.example.org x@example.net",
        "<EMAIL>@x.org",
        "x@meta.data",
        "a" * 129 + "@x.org",
        "a@" + "b" * 250 + ".org",
        "@",
        "a@",
    ],
)
def test_what_only_looks_like_an_address_stays(text):
    assert values(find_emails, text) == []


def test_the_longest_local_part_and_domain_are_found():
    address = "a" * 128 + "@" + "b" * 248 + ".org"
    assert values(find_emails, address) == [address]


_local = st.from_regex(r"[a-z0-9_]([a-z0-9._%+-]{0,20}[a-z0-9])?", fullmatch=True)
_domain = st.from_regex(r"([a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?\.){1,3}(com|de|co\.uk|museum)", fullmatch=True)


_before = st.sampled_from(["", " ", "<", '"', "é ", "\n", ":", "/", "="])
_after = st.sampled_from(["", " ", ">", '"', ", ", "\n", ". "])


@given(_local, _domain, _before, _after)
def test_every_plain_address_is_found_whole(local, domain, before, after):
    expected = [] if local in ("git", "hg") or domain.split(".")[-2] == "example" else [f"{local}@{domain}"]
    assert values(find_emails, f"{before}{local}@{domain}{after}") == expected


@given(st.text(st.sampled_from("ab.@-_ é联C\n<")))
def test_what_is_found_has_the_form_of_an_address(text):
    for value in values(find_emails, text):
        local, domain = value.split("@")
        assert local
        assert "." in domain
        assert value in text
