import pytest

from pipeline.curation.judge import apply_rules
from pipeline.curation.rules_code import StarCoder2Params
from tests.curation.documents import HTML, PYTHON, batch_of


@pytest.mark.parametrize(
    ("rule", "language", "at_threshold", "beyond"),
    [
        ("num_lines", "python", "\n" * 100_000, "\n" * 100_001),
        ("mean_line_chars", "python", "é" * 100 + "\n", "é" * 100 + "\n" + "é" * 101),
        ("longest_line_chars", "C++", "\n" + "é" * 1000, "\n" + "é" * 1001 + "\n"),
        ("longest_wide_line_chars", "Markdown", "é" * 100_000, "é" * 100_001),
        ("generated_markers", "python", "\n" * 5 + "# Auto-generated", "\n" * 4 + "# Auto-generated"),
        ("alpha_fraction", "python", "é12.", "é123."),
        ("alphanumeric_fraction", "WebAssembly", "1...", "1...."),
        ("longest_encoded_run_chars", "python", "a" * 1024, "a" * 1025),
        ("encoded_fraction", "python", "a" * 64 + "-" * 64, "a" * 64 + "-" * 63),
        ("data_lines", "YAML", "a\n" * 512, "a\n" * 512 + "a"),
        ("html_visible_chars", "HTML", "<p>" + "é" * 100, "<p>" + "é" * 99),
        ("html_visible_fraction", "html", "é" * 20 + f"<{'b' * 78}>", "é" * 20 + f"<{'b' * 79}>"),
    ],
)
def test_each_starcoder2_rule_keeps_at_its_threshold_and_drops_beyond(rule, language, at_threshold, beyond):
    [judging] = [each for each in StarCoder2Params().rules() if each.name == f"starcoder2_{rule}"]
    assert apply_rules(batch_of(at_threshold, beyond, language=language), [judging]).reason.to_pylist() == [None, judging.name]


@pytest.mark.parametrize(
    ("rule", "applies", "does_not"),
    [
        (
            "mean_line_chars",
            ["python", "restructuredtext", None],
            ["HTML", "json", "Markdown", "Roff", "Roff Manpage", "TeX", "text", "xml"],
        ),
        ("longest_line_chars", ["yaml", None], ["SMT", "roff-manpage"]),
        ("longest_wide_line_chars", ["SMT", "tex"], ["yaml", "python", None]),
        ("alpha_fraction", ["assembly", "html", None], ["Motorola 68K Assembly", "webassembly"]),
        ("alphanumeric_fraction", ["Motorola 68K Assembly", "webassembly"], ["assembly", None]),
        ("data_lines", ["Text", "JSON", "yaml", "Web Ontology Language", "Graphviz (DOT)"], ["html", "markdown", None]),
        ("html_visible_chars", ["HTML"], ["php", None]),
        ("html_visible_fraction", ["html"], ["xml", None]),
    ],
)
def test_rules_that_go_by_language_are_measured_in_theirs_alone(rule, applies, does_not):
    rules = StarCoder2Params().rules()
    for languages, measured in [(applies, True), (does_not, False)]:
        for language in languages:
            judged = apply_rules(batch_of("<p>text</p>", language=language), rules)
            assert judged.measured[f"starcoder2_{rule}"].is_valid().to_pylist() == [measured], language


def test_a_file_that_says_it_is_generated_is_dropped_unless_the_rule_is_off():
    batch = batch_of(PYTHON, language="python")
    assert apply_rules(batch, StarCoder2Params().rules()).reason.to_pylist() == ["starcoder2_generated_markers"]
    assert apply_rules(batch, StarCoder2Params(max_generated_markers=None).rules()).reason.to_pylist() == [None]


def test_a_page_of_little_text_is_dropped():
    reasons = apply_rules(batch_of(HTML, "<p>" + "Il fait beau. " * 20, language="html"), StarCoder2Params().rules()).reason
    assert reasons.to_pylist() == ["starcoder2_html_visible_chars", None]
