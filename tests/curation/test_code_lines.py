import re
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.code_lines import LONG_STRING_WORDS, code_line_measures
from tests.corpus import PACKAGES, STDLIB
from tests.curation.documents import DOCUMENTS, sliced, texts

_TODO = re.compile(r"todo|fixme|your code here", re.ASCII | re.IGNORECASE)
_OPENS = re.compile(r"//|/\*|\(\*|#|--|\"\"\"|'''|^\s*\*|^[ \t]*[;%]")


def _strings(line: str) -> list[str]:
    """What stands between equal quotes."""
    found, i, failed = [], 0, set()
    while i < len(line):
        if line[i] in "\"'`" and line[i] not in failed:
            k = i + 1
            while k < len(line) and line[k] != line[i]:
                k += 2 if line[k] == "\\" and line[k + 1 : k + 2] == line[i] else 1
            if k < len(line):
                found.append(line[i + 1 : k])
                i = k
            else:
                failed.add(line[i])
        i += 1
    return found


def _says_todo(line: str) -> bool:
    opened = _OPENS.search(line)
    return opened is not None and _TODO.search(line, opened.start()) is not None


def _lines(text: str) -> tuple[int, ...]:
    lines = [line for line in text.split("\n") if line.strip()]
    times = Counter("".join(line.split()) for line in lines)
    return (
        len(lines),
        sum(count for line, count in times.items() if count > 1 and len(line) > 1 and line != "},"),
        sum(re.search("assert", line, re.ASCII | re.IGNORECASE) is not None for line in lines),
        sum(any(len(re.findall(r"\w+|[^\w\s]+", part)) > LONG_STRING_WORDS for part in _strings(line)) for line in lines),
        sum(map(_says_todo, lines)),
        sum(len(number) for number in re.findall(r"\b0[xX][0-9a-fA-F]+\b", text)),
    )


_pieces = st.lists(
    st.sampled_from(
        [
            "assert",
            "AsserT",
            "ass",
            "todo",
            "TODO",
            "FixMe",
            "your code here",
            "0x1F",
            "0xg",
            "é0x1",
            "0X",
            "ff",
            "\n",
            "\n",
            " ",
            "\t",
            "},",
        ]
        + ["//", "/*", "(*", "#", "--", "-", "*", ";", "%", '"', "'", "`", '"""', "\\", "a b " * 11, "x", "é", "\u2003", "_", "{", "}"]
    ),
    max_size=30,
).map("".join)


@given(st.lists(_pieces | texts | st.sampled_from(DOCUMENTS)))
def test_lines_agree_with_plain_python(documents):
    assert list(zip(*code_line_measures(sliced(documents)), strict=True)) == [_lines(text) for text in documents]


def test_lines_of_real_files_agree_with_plain_python():
    files = [
        *sorted(STDLIB.glob("[a-d]*.py")),
        *sorted(PACKAGES.glob("*/*/*.js"))[:10],
        *sorted(PACKAGES.glob("numpy/_core/include/*/*.h")),
    ]
    documents = [path.read_text(encoding="utf-8") for path in files]
    assert list(zip(*code_line_measures(sliced(documents)), strict=True)) == [_lines(text) for text in documents]


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("  a = 1\na=1\n\n b\n", "num_repeated_lines", 2),
        ("}\n}\n},\n},\n", "num_repeated_lines", 0),
        ("  self.assertEqual(1)\nASSERT(x)\nass\nert\n", "num_assert_lines", 2),
        ("# TODO: mend\nx = todo\ny // fixme\n * Your code here\n", "num_todo_lines", 3),
        ("x = '" + "a " * 20 + "'", "num_long_string_lines", 0),
        ("x = '" + "a " * 21 + "'", "num_long_string_lines", 1),
        ("x = '" + "a " * 21 + '"\n', "num_long_string_lines", 0),  # it does not end
        (r"x = 'don\'t " + "a " * 18 + "'", "num_long_string_lines", 1),  # don \' t
        ("0x1F, 0XABCDEFL a0x1 0x", "num_hexadecimal_chars", 4),
    ],
)
def test_what_counts_in_a_line(text, count, expected):
    assert getattr(code_line_measures(pa.array([text])), count).tolist() == [expected]


@pytest.mark.parametrize(
    "text", ["\"'`" * 700_000, "'\\" * 1_000_000, "0x" * 1_000_000, "assert" * 300_000, "# todo" * 300_000, "'\n" * 900_000]
)
def test_bait_is_read_in_linear_time(text):
    assert code_line_measures(pa.array([text])).num_lines[0] == text.count("\n") + (not text.endswith("\n"))
