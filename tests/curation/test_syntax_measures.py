import re
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.grammars import GRAMMARS, NAMES
from pipeline.curation.parsing import COMMENT, STRING
from pipeline.curation.syntax_measures import SyntaxMeasures, syntax_measures

CODE = 0
_WORDS = ["print", "pass", "import", "cout", "printf", "System.out.print", "fmt.Print", "x", "é", "_", "#", " ", "\n", "\t", ".", "ſ", "日"]
_IN_COMMENTS = ["TODO", "to", "do", "FixMe", "your code here", "Your", " code", " here", "print", "é", " ", "\n", "#", '"']
_IN_STRINGS = ["a", "word ", "é", "x" * 19, "xx", " ", "\n", ", ", "_", "https://", "http:/", "s://a", "s://", "print", "\u2003"]

_code = st.lists(st.sampled_from(_WORDS), max_size=8).map(lambda parts: (CODE, "".join(parts), ""))
_comments = st.lists(st.sampled_from(_IN_COMMENTS), min_size=1, max_size=8).map(lambda parts: (COMMENT, "".join(parts), ""))
_contents = st.lists(st.sampled_from(_IN_STRINGS), max_size=40).map("".join)
_strings = st.tuples(st.sampled_from(["", "f", "rb", "@", "u8"]), st.sampled_from(['"', "'", "`", '"""', "'''"]), _contents).map(
    lambda drawn: (STRING, drawn[0] + drawn[1] + drawn[2] + drawn[1], drawn[2])
)
_documents = st.lists(_code | _comments | _strings, max_size=8)


def measured(documents: list[list[tuple[int, str, str]]], language: str) -> SyntaxMeasures:
    """The measures of documents that are given as pieces: (kind, text, a string's content)."""
    spans, ends = [], [0]
    for pieces in documents:
        places = [0, *accumulate(len(text.encode()) for _, text, _ in pieces)]
        spans += [(places[i], places[i + 1], kind) for i, (kind, _, _) in enumerate(pieces) if kind != CODE]
        ends.append(len(spans))
    texts = pa.array(["before", *("".join(text for _, text, _ in pieces) for pieces in documents)], pa.string()).slice(1)
    grammars = np.full(len(documents), NAMES.index(language))
    return syntax_measures(texts, grammars, spans=np.array(spans, np.int64).reshape(-1, 3), ends=np.array(ends))


def expected(pieces: list[tuple[int, str, str]], language: str) -> list[int]:
    text = "".join(text for _, text, _ in pieces)
    kinds = [kind for kind, piece, _ in pieces for _ in piece]
    line_of = [0, *accumulate(char == "\n" for char in text)]
    contents = [content for kind, _, content in pieces if kind == STRING]
    long_words = [word for content in contents for word in content.split() if len(word) > 20 and not re.search(r"https?://\S", word)]
    string_lines = [line for content in contents for line in content.split("\n")]
    code_lines: dict[int, tuple[str, int]] = {}
    for char, kind, line in zip(text, kinds, line_of, strict=False):
        if kind != COMMENT and not char.isspace():
            code_lines.setdefault(line, (char, kind))
    starts = [0, *accumulate(len(piece) for _, piece, _ in pieces)]
    markers = re.compile("todo|fixme|your code here", re.IGNORECASE | re.ASCII)
    marker_lines = {
        line_of[start + match.start()]
        for start, (kind, piece, _) in zip(starts, pieces, strict=False)
        if kind == COMMENT
        for match in markers.finditer(piece)
    }

    def lines_with(measure: str) -> int:
        found = set()
        for word in GRAMMARS[language].words.get(measure, ()):
            whole = word.startswith("=")
            pattern = rf"(?<![\w]){word[1:]}(?![\w])" if whole else re.escape(word)
            found |= {line_of[match.start()] for match in re.finditer(pattern, text) if kinds[match.start()] == CODE}
        return len(found)

    return [
        len(text),
        sum(kind == COMMENT for kind in kinds),
        sum(map(len, contents)),
        sum(map(len, long_words)),
        len(text.split("\n")) - (text == "" or text.endswith("\n")),
        len(code_lines),
        sum(len(re.findall(r"\w+|[^\w\s]+", line)) > 20 for line in string_lines),
        len(marker_lines),
        sum(first == ("#", CODE) for first in code_lines.values()),
        *map(lines_with, ["print", "pass", "import"]),
    ]


@pytest.mark.parametrize("language", ["python", "c++", "java", "rust"])
@given(st.lists(_documents, max_size=3))
def test_the_counts_are_those_of_the_pieces(language, documents):
    assert np.array(measured(documents, language)).T.tolist() == [expected(pieces, language) for pieces in documents]


@pytest.mark.parametrize(
    ("literal", "content"),
    [
        ('""', ""),
        ("'''a'b'''", "a'b"),
        ('r#"a"b"#', 'a"b'),
        ('@"v""x"', 'v""x'),
        ("`t${y}`", "t${y}"),
        ("'\\''", "\\'"),
        ('"open', "open"),
        ('"', ""),
        ("here\n", "here\n"),
        ('f"""é"""', "é"),
    ],
)
def test_a_strings_characters_are_those_between_its_quotes(literal, content):
    assert measured([[(STRING, literal, content)]], "python").string_chars.tolist() == [len(content)]


def test_of_spans_that_overlap_the_first_counts():
    spans = np.array([(0, 9, STRING), (3, 6, STRING), (10, 13, COMMENT), (10, 13, STRING)], np.int64)
    counts = syntax_measures(pa.array(["`a${'b'}` 'c'"]), np.array([0]), spans=spans, ends=np.array([0, 4]))
    assert (counts.string_chars.tolist(), counts.comment_chars.tolist()) == ([7], [3])
