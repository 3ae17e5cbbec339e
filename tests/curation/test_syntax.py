"""The parse of Python against Python's own, and how a batch is parsed."""

import ast
import io
import json
import os
import re
import sys
import tokenize
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.curation.syntax import parse_batch

_MODULES = ["argparse", "ast", "bisect", "calendar", "copy", "dataclasses", "enum", "functools", "heapq", "inspect", "pprint", "random"]
FILES = [*(Path(os.__file__).parent / f"{name}.py" for name in _MODULES), *sorted(Path(json.__file__).parent.glob("*.py"))]
MEBIBYTE = 1 << 20


def parsed(*texts: str | None, language: str | None = "python", max_bytes: int = MEBIBYTE) -> dict[str, list[float]]:
    counts = parse_batch(pa.array(texts, pa.string()), pa.array([language] * len(texts), pa.string()), max_bytes=max_bytes).counts
    return {name: values.tolist() for name, values in counts.items()}


def _by_python(text: str) -> dict[str, int]:
    """The same numbers from `ast` and `tokenize`."""
    lines = text.splitlines(keepends=True)
    starts = np.cumsum([0, *map(len, lines)])

    def at(line: int, column: int) -> int:
        return int(starts[line - 1]) + column

    def of_bytes(line: int, column: int) -> int:  # ast counts columns in bytes
        return at(line, len(lines[line - 1].encode()[:column].decode()) if line <= len(lines) else 0)

    tree = list(ast.walk(ast.parse(text)))
    functions = [node for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    docs = [
        (of_bytes(node.lineno, node.col_offset), of_bytes(node.end_lineno or 0, node.end_col_offset or 0))
        for node in tree
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    comments, strings, depth, opened = list(docs), [], 0, 0
    names: dict[str, set[int]] = {"print": set(), "import": set()}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        start, end, name = at(*token.start), at(*token.end), tokenize.tok_name[token.type]
        if name == "COMMENT":
            comments.append((start, end))
        elif name == "STRING" and not depth:
            strings.append((start, end))
        elif name == "FSTRING_START":  # since Python 3.12
            opened, depth = (opened if depth else start), depth + 1
        elif name == "FSTRING_END":
            depth -= 1
            strings += [] if depth else [(opened, end)]
        elif token.string in names:
            names[token.string].add(token.start[0])
    strings = [each for each in strings if each not in docs]
    code = list(text)
    for start, end in comments:
        code[start:end] = ["\n" if char == "\n" else " " for char in code[start:end]]
    return {
        "functions": len(functions),
        "simple_functions": sum(isinstance(node.body[0], ast.Return) for node in functions),
        "comment_chars": sum(end - start for start, end in comments),
        "string_chars": sum(len(re.sub(r"""^[a-zA-Z]*('''|\"{3}|'|")(.*)\1$""", r"\2", text[a:b], flags=re.S)) for a, b in strings),
        "code_lines": sum(not line.isspace() and line != "" for line in "".join(code).split("\n")),
        "pass_lines": len({node.lineno for node in tree if isinstance(node, ast.Pass)}),
        "print_lines": len(names["print"]),
        "import_lines": len(names["import"]),
        "errors": 0,
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_numbers_of_a_python_file_are_those_of_ast_and_tokenize(path):
    text = path.read_text(encoding="utf-8")
    wanted = _by_python(text)
    counts = parsed(text)
    assert {name: counts[name] for name in wanted} == {name: [value] for name, value in wanted.items()}


@pytest.mark.parametrize(
    "text",
    ["def f(:\n", "x = = 1\n", "class A\n    pass\n", "f(1,,2)\n", "'open\n", "for x in:\n    pass\n", "x = (1\n", "a b\n"],
)
def test_what_python_does_not_parse_has_errors(text):
    with pytest.raises(SyntaxError):
        ast.parse(text)
    assert parsed(text)["errors"][0] > 0


def test_python_2_parses():
    assert parsed("print 'a'\nexec 'b'\nprint >>f, 'c'\n")["errors"] == [0]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="such f-strings came with 3.12")
def test_nested_quotes_in_an_f_string_are_part_of_it():
    assert parsed("x = f'{y['a']}'\n")["string_chars"] == [_by_python("x = f'{y['a']}'\n")["string_chars"]]


@pytest.mark.parametrize(
    ("language", "text", "functions", "variables", "comment_chars", "string_chars"),
    [
        ("C", 'int f(void) { return 1; } /* é */\nint g(int);\nchar *s = "a\\"b", c = \'d\';\n', 1, 0, 7, 5),
        ("C++", 'struct A { A() {} int f() { auto l = [](int b) { return b; }; return 1; } }; // c\nauto s = R"(x)";\n', 2, 0, 4, 3),
        ("Java", 'class A { int x; A() {} /** d */ void f() { x = 1; for (int i : l) {} g("""\n  t"""); } }\n', 2, 3, 8, 4),
        ("JavaScript", "#!/bin/node\nlet f = () => 1, y; class A { m() {} }\nxs.map(x => x); y = `a${'b'}`; // c\n", 2, 3, 15, 7),
        (
            "Go",
            "package a\nvar x = 1\nfunc f() { y := `b`; x = 2; for i := range z {} }\nfunc (t T) g() { _ = func() {} } // c\n",
            2,
            5,
            4,
            1,
        ),
        ("C#", 'class A { int x; A() {} int P { get; set; } void F() { var s = @"v"; int L() { return 1; } } } // c\n', 3, 3, 4, 1),
        ("TypeScript", "const s: string = 'a'; /* c */\n", 0, 0, 7, 1),
        ("Rust", 'fn f() { let x = r#"a"b"#; } // c\n', 0, 0, 4, 3),
        ("Shell", "#!/bin/sh\necho 'a' \"b\" # c\n", 0, 0, 12, 2),
    ],
)
def test_each_languages_query_finds_what_it_is_for(language, text, functions, variables, comment_chars, string_chars):
    counts = parsed(text, language=language)
    assert counts["errors"] == [0]
    found = [counts[name][0] for name in ("functions", "variables", "comment_chars", "string_chars")]
    assert found == [functions, variables, comment_chars, string_chars]


def test_mains_are_counted_by_name():
    assert parsed("int main() {} int main(int a) {} int domain() {}\n", language="c")["main_functions"] == [2]


@pytest.mark.parametrize("language", [None, "HTML", "Markdown", "no language"])
def test_a_language_without_a_grammar_is_not_parsed(language):
    assert {str(value) for values in parsed("x = 1\n", language=language).values() for value in values} == {"nan"}


def test_nulls_and_long_texts_are_not_parsed():
    assert str(parsed("x = 1\n", None, "y = é\n", max_bytes=6)["variables"]) == "[1.0, nan, nan]"


@pytest.mark.parametrize("names", [["C++", "cpp", "c++"], ["C#", "c-sharp", "csharp"], ["Shell", "bash"], ["Go", "golang"]])
def test_a_language_goes_by_any_of_its_names(names):
    texts, languages = pa.array(["// c\n"] * len(names)), pa.array(names)
    counts = parse_batch(texts, languages, max_bytes=MEBIBYTE).counts
    assert set(counts["bytes"]) == {5}


def test_errors_are_places_and_their_bytes_count_once():
    counts = parsed("int f( { ) = ;\nint x;\n" * 3, language="c")
    assert counts["errors"][0] >= 3
    assert 0 < counts["error_bytes"][0] <= counts["bytes"][0]
