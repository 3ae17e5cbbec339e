import pyarrow as pa
import pytest

from pipeline.curation.judge import apply_rules
from pipeline.curation.rules_code import RedPajamaGithubParams, StarCoder2Params, StarCoderParams
from tests.curation.documents import HTML, PYTHON, batch_of

_RULE_SETS = {"starcoder": StarCoderParams, "starcoder2": StarCoder2Params, "redpajama_github": RedPajamaGithubParams}


@pytest.mark.parametrize(
    ("rule_set", "rule", "language", "inside", "at_threshold", "beyond"),
    [
        ("starcoder", "longest_line_chars", "c", "é" * 999, "\n" + "é" * 1000, "é" * 1001 + "\n"),
        ("starcoder", "mean_line_chars", "c", "é" * 99 + "\n", "é" * 100 + "\n", "é" * 100 + "\n" + "é" * 101),
        ("starcoder", "alphanumeric_fraction", "c", "é1..", "1...", "1...."),
        ("starcoder", "xml_declarations", "c", "<?XML version=", "é" * 87 + "<?xml version=", "é" * 86 + "<?xml version="),
        ("starcoder", "html_visible_chars", "HTML", "<p>" + "é" * 101, "<p>" + "é" * 100, "<p>" + "é" * 99),
        ("starcoder", "html_visible_fraction", "html", "é" * 21, "é" * 20 + f"<{'b' * 78}>", "é" * 20 + f"<{'b' * 79}>"),
        ("starcoder", "data_chars", "JSON", "é" * 51, "é" * 50, "é" * 49),
        ("starcoder", "data_chars", "yaml", "é" * 4999, "é" * 5000, "é" * 5001),
        ("starcoder2", "num_lines", "python", "\n" * 99_999, "\n" * 100_000, "\n" * 100_001),
        ("starcoder2", "mean_line_chars", "python", "é" * 99 + "\n", "é" * 100 + "\n", "é" * 100 + "\n" + "é" * 101),
        ("starcoder2", "longest_line_chars", "C++", "é" * 999, "\n" + "é" * 1000, "\n" + "é" * 1001 + "\n"),
        ("starcoder2", "longest_wide_line_chars", "Markdown", "é" * 99_999, "é" * 100_000, "é" * 100_001),
        ("starcoder2", "generated_markers", "python", "# auto generated", "\n" * 5 + "# Auto-generated", "\n" * 4 + "# Auto-generated"),
        ("starcoder2", "alpha_fraction", "python", "éé12.", "é12.", "é123."),
        ("starcoder2", "alphanumeric_fraction", "WebAssembly", "12...", "1...", "1...."),
        ("starcoder2", "longest_encoded_run_chars", "python", "a" * 1023, "a" * 1024, "a" * 1025),
        ("starcoder2", "encoded_fraction", "python", "a" * 64 + "-" * 65, "a" * 64 + "-" * 64, "a" * 64 + "-" * 63),
        ("starcoder2", "data_lines", "YAML", "a\n" * 511, "a\n" * 512, "a\n" * 512 + "a"),
        ("starcoder2", "html_visible_chars", "HTML", "<p>" + "é" * 101, "<p>" + "é" * 100, "<p>" + "é" * 99),
        ("starcoder2", "html_visible_fraction", "html", "é" * 21, "é" * 20 + f"<{'b' * 78}>", "é" * 20 + f"<{'b' * 79}>"),
        ("redpajama_github", "longest_line_chars", "c", "é" * 999, "\n" + "é" * 1000, "é" * 1001 + "\n"),
        ("redpajama_github", "mean_line_chars", "c", "é" * 99 + "\n", "é" * 100 + "\n", "é" * 100 + "\n" + "é" * 101),
        ("redpajama_github", "alphanumeric_fraction", "c", "é1..", "1...", "1...."),
        ("redpajama_github", "letters_per_token", "c", "größe;", "abc;", "ab cd 12;"),
    ],
)
def test_each_rule_keeps_up_to_its_threshold_and_drops_beyond(rule_set, rule, language, inside, at_threshold, beyond):
    [judging] = [each for each in _RULE_SETS[rule_set]().rules() if each.name == f"{rule_set}_{rule}"]
    judged = apply_rules(batch_of(inside, at_threshold, beyond, language=language), [judging])
    assert judged.reason.to_pylist() == [None, None, judging.name]


@pytest.mark.parametrize(
    ("rule", "applies", "does_not"),
    [
        ("starcoder_xml_declarations", ["xml", "python", None], ["xslt"]),
        ("starcoder_html_visible_chars", ["HTML"], ["php", None]),
        ("starcoder_data_chars", ["JSON", "yaml"], ["json-with-comments", "text", None]),
        (
            "starcoder2_mean_line_chars",
            ["python", "restructuredtext", None],
            ["HTML", "json", "Markdown", "Roff", "Roff Manpage", "TeX", "text", "xml"],
        ),
        ("starcoder2_longest_line_chars", ["yaml", None], ["SMT", "roff-manpage"]),
        ("starcoder2_longest_wide_line_chars", ["SMT", "tex"], ["yaml", "python", None]),
        ("starcoder2_alpha_fraction", ["assembly", "html", None], ["Motorola 68K Assembly", "webassembly"]),
        ("starcoder2_alphanumeric_fraction", ["Motorola 68K Assembly", "webassembly"], ["assembly", None]),
        ("starcoder2_data_lines", ["Text", "JSON", "yaml", "Web Ontology Language", "Graphviz (DOT)"], ["html", "markdown", None]),
        ("starcoder2_html_visible_chars", ["HTML"], ["php", None]),
        ("starcoder2_html_visible_fraction", ["html"], ["xml", None]),
    ],
)
def test_rules_that_go_by_language_are_measured_in_theirs_alone(rule, applies, does_not):
    rules = StarCoderParams().rules() + StarCoder2Params().rules()
    for languages, measured in [(applies, True), (does_not, False)]:
        for language in languages:
            judged = apply_rules(batch_of("<p>text</p>", language=language), rules)
            assert judged.measured[rule].is_valid().to_pylist() == [measured], language


def test_a_file_that_says_it_is_generated_is_dropped_unless_the_rule_is_off():
    batch = batch_of(PYTHON, language="python")
    assert apply_rules(batch, StarCoder2Params().rules()).reason.to_pylist() == ["starcoder2_generated_markers"]
    assert apply_rules(batch, StarCoder2Params(max_generated_markers=None).rules()).reason.to_pylist() == [None]


def test_a_file_that_bears_the_signs_of_a_generator_is_dropped():
    batch = batch_of("// Code generated by protoc.\npackage a\n", "package a\n", language="go")
    batch = batch.set_column(1, "path", pa.array(["a.go", "b.go"]))
    assert apply_rules(batch, StarCoder2Params().rules()).reason.to_pylist() == ["starcoder2_is_generated", None]


def test_a_page_of_little_text_is_dropped():
    reasons = apply_rules(batch_of(HTML, "<p>" + "Il fait beau. " * 20, language="html"), StarCoder2Params().rules()).reason
    assert reasons.to_pylist() == ["starcoder2_html_visible_chars", None]
