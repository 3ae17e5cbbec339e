from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.html import visible_chars
from tests.curation.documents import HTML, sliced, texts


class _Reader(HTMLParser):
    """Collects what stands outside scripts and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self.hidden = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.hidden = False

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.seen.append(data)


def _by_parser(page: str) -> int:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return len(" ".join("".join(reader.seen).split()))


_words = st.text(st.sampled_from(" \n\tabé日🙂\u2003.!/-'\"=;"), max_size=12)
_characters = st.sampled_from(["&eacute;", "&#233;", "&#x1F642;", "&lt;", " & ", " < ", " > ", "<3 ", " <= "])
_comments = _words.map(lambda text: f"<!-- {text.replace('-', '')}<b> -->")
_hidden = st.builds(
    "<{0}{1}>{2} if (a < b) '<p>' </b>{3}{0} >".format,
    st.sampled_from(["script", "STYLE", "Script"]),
    *[st.sampled_from(["", " type='text/x'", ' src="a>b"']), _words, st.just("</")],
)
_openings = st.sampled_from(
    ["<p>", "<P class='a > b'>", '<a href = "x>y" title="it\'s">', "<br/>", "<scripts>", "<!DOCTYPE html>", "<h1\n id=x>"]
)
_pages = st.lists(_words | _characters | _comments | _hidden | _openings | st.sampled_from(["</p>", "</A >", "</h1>"])).map("".join)


@given(st.lists(_pages))
def test_visible_text_is_what_the_standard_parser_reads(pages):
    assert visible_chars(sliced(pages)).tolist() == [_by_parser(page) for page in pages]


@given(st.lists(texts))
def test_visible_text_is_never_longer_than_the_text(pages):
    assert all(seen <= len(page) for seen, page in zip(visible_chars(sliced(pages)), pages, strict=True))


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        (HTML, "Été à Paris Il faité beau, 3 < 4 et a < b."),
        ("  a \n\n <b> b</b> ", "a b"),
        ("a<!-- b", "a"),
        ("a<script>b", "a"),
        ("a<style>b</STYLE>c", "ac"),
        ("a<p title='b>c", "a"),
        ("<p title=it's>a</p>", "a"),
        ("a < b <", "a < b <"),
        ("&eacute;&nope&;&" + "x" * 40 + ";", "é&nope&;&" + "x" * 40 + ";"),
        ("<?php echo 1; ?>a", "a"),
    ],
)
def test_known_pages_show_their_text(page, seen):
    assert visible_chars(sliced([page]))[0] == len(seen)
