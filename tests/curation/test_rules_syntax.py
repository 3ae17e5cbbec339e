import re
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from pipeline.curation.judge import apply_rules, judge
from pipeline.curation.rules_syntax import OpenCoderSyntaxParams
from pipeline.curation.steps import StepSpec, build_steps
from tests.curation.documents import PYTHON, batch_of

_STRING_20, _STRING_21 = '"' + "a b " * 10 + '"', '"' + "a b " * 10 + 'a"'  # of as many words


def _padded(comment: str, total: int) -> str:
    """The comment, and code up to `total` characters."""
    return comment + "\n" + "x" * (total - len(comment) - 1)


# A rule; language; a document below its threshold, one at it, one beyond.
CASES = [
    ("errors", "python", "x = 1\n", "y = (1)\n", "x = = 1\n"),
    ("errors", "javascript", "let x;\n", "x = 1\n", "let x: string;\n"),
    ("comment_fraction", "python", _padded("#" * 79, 100), _padded("#" * 80, 100), _padded("#" * 81, 100)),
    ("comment_fraction", "python", *(_padded('"""' + "é" * n + '"""', 100) for n in (73, 74, 75))),
    ("string_fraction", "c", *('"' + "é" * n + '"' + ";" * (98 - n) for n in (59, 60, 61))),
    ("long_string_line_fraction", "java", *(f"x = {_STRING_21};" + "\nx;" * n for n in (5, 4, 3))),
    ("long_string_line_fraction", "java", *(f"x = {string};" for string in ('""', _STRING_20, _STRING_21))),
    ("long_word_fraction", "go", *('"' + "é" * n + '"' + ";" * (98 - n) for n in (39, 40, 41))),
    ("long_word_fraction", "go", '"' + "é" * 20 + '"', '"https://' + "é" * 20 + '"', '"' + "é" * 21 + '"'),
    ("marker_line_fraction", "rust", *("// ToDo\n" + "x;\n" * n for n in (100, 99, 98))),
    ("marker_line_fraction", "rust", 'let x = "todo";\n', "// to do\n", "// Your Code HERE\n"),
    ("function_fraction", "c", *("int f() {}\n" + "int x;\n" * n for n in (5, 4, 3))),
    ("simple_function_fraction", "python", *("def f(): return 1\n" + "x = 1\n" * n for n in (10, 9, 8))),
    (
        "simple_function_fraction",
        "python",
        "def f():\n  x()\n  return 1\n",
        "def f():\n  'd'\n  return 1\n",
        "def f():\n  # c\n  return 1\n",
    ),
    ("main_functions", "c++", "int f() {}\n", "int main() {}\n", "int main() {}\nint main(int a) {}\n"),
    ("num_variables", "python", "x = y = 1\n", "x = 1\n", "f(x)\n"),
    ("num_variables", "go", "var x, y = 1, 2\n", "x := 1\n", "type T struct { a int }\n"),
    ("pass_line_fraction", "python", *("if x: pass\n" + "passed = 1\n" * n for n in (20, 19, 18))),
    ("import_line_fraction", "python", *("import a\nfrom b import c\nimport d\n" + "importer = 'import'\n" * n for n in (8, 7, 6))),
    ("print_line_fraction", "python", *("print(1)\nprint 2\n" + "blueprint()\n" * n for n in (4, 3, 2))),
    ("print_line_fraction", "c#", *("Console.WriteLine(1);\nConsole.WriteLine(2);\n" + "x();\n" * n for n in (4, 3, 2))),
    ("print_line_fraction", "c++", *("std::cout << 1;\nfprintf(f);\n" + "x();\n" * n for n in (4, 3, 2))),
    ("directive_line_fraction", "c", *("#if A\n#if B\n#endif\n  #endif\n// #\n" + "int x;\n" * n for n in (2, 1, 0))),
    ("html_text_chars", "html", *("<p>" + "é" * n for n in (101, 100, 99))),
    ("html_text_fraction", "html", *("é" * 20 + f"<{'b' * n}>" for n in (77, 78, 79))),
]


@pytest.mark.parametrize(("name", "language", "below", "at", "beyond"), CASES, ids=[f"{case[0]} {case[1]}" for case in CASES])
def test_each_rule_keeps_below_and_at_its_threshold_and_drops_beyond(name, language, below, at, beyond):
    [rule] = [each for each in OpenCoderSyntaxParams().rules() if each.name == f"opencoder_syntax_{name}"]
    judged = apply_rules(batch_of(below, at, beyond, language=language), [rule])
    assert judged.reason.to_pylist() == [None, None, rule.name], judged.measured


_ALL = {"error_fraction", "comment_fraction", "string_fraction", "long_string_line_fraction", "long_word_fraction", "marker_line_fraction"}
_COMMON = _ALL | {"function_fraction", "print_line_fraction"}


@pytest.mark.parametrize(
    ("language", "measured"),
    [
        (
            "Python",
            _COMMON | {"errors", "num_variables", "simple_function_fraction", "pass_line_fraction", "import_line_fraction"},
        ),
        ("JavaScript", _COMMON | {"errors", "num_variables"}),
        ("C", _COMMON | {"main_functions", "directive_line_fraction"}),
        ("C++", _COMMON | {"main_functions", "directive_line_fraction"}),
        ("Java", _COMMON | {"num_variables"}),
        ("Go", _COMMON | {"num_variables"}),
        ("C#", _COMMON | {"num_variables"}),
        ("HTML", {"html_text_chars", "html_text_fraction"}),
        ("TypeScript", _ALL),
        ("Shell", _ALL - {"string_fraction", "long_string_line_fraction"}),
        ("Markdown", set()),
        (None, set()),
    ],
)
def test_each_rule_is_measured_in_its_languages_alone(language, measured):
    judged = apply_rules(batch_of("x", language=language), OpenCoderSyntaxParams().rules())
    found = {name.removeprefix("opencoder_syntax_") for name, values in judged.measured.items() if values.null_count == 0}
    assert found == measured


@pytest.mark.parametrize("path", ["a/b.h", "B.HPP", "c.h++"])
def test_a_header_may_be_all_directives(path):
    batch = batch_of("#define A\n", language="c")
    header = batch.set_column(1, "path", pa.array([path]))
    names = [apply_rules(each, OpenCoderSyntaxParams().rules()).reason[0].as_py() for each in (batch, header)]
    assert names == ["opencoder_syntax_directive_line_fraction", None]


def test_the_page_has_every_rule_with_its_threshold():
    page = (Path(__file__).parents[2] / "docs/syntax.md").read_text()
    shown = re.findall(r"^\| `(\w+)` \|[^|]*\| ([^|]*) \|[^|]*\|$", page, re.M)
    wanted = [
        (rule.name.removeprefix("opencoder_syntax_"), f"≥ {rule.minimum}" if rule.minimum is not None else f"≤ {rule.maximum}")
        for rule in OpenCoderSyntaxParams().rules()
    ]
    assert [(name, "≤ None" if bound == "any" else bound) for name, bound in shown] == wanted
    [(_, config)] = re.findall(r"```(yaml)\n(.*?)```", page, re.S)
    [source] = yaml.safe_load(config)["sources"].values()
    assert build_steps([StepSpec.model_validate(step) for step in source["curation"]])[-1].costly


def test_a_document_over_the_size_limit_is_kept_unmeasured():
    judged = apply_rules(batch_of(PYTHON, language="python"), OpenCoderSyntaxParams(max_parsed_bytes=len(PYTHON.encode()) - 1).rules())
    assert judged.reason.null_count == 1
    assert {values.null_count for values in judged.measured.values()} == {1}


def test_only_what_still_stands_is_parsed():
    steps = build_steps([StepSpec.model_validate(name) for name in ("starcoder2", "opencoder_syntax")])
    judged = judge(batch_of("# Auto-generated\nname = 1\n", "name = 1\n", language="python"), steps)
    assert judged.reason.to_pylist() == ["starcoder2_generated_markers", None]
    assert judged.measured["opencoder_syntax_errors"].to_pylist() == [None, 0]
