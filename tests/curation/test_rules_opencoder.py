import pyarrow as pa
import pytest

from pipeline.curation.judge import apply_rules
from pipeline.curation.rules_opencoder import OpenCoderParams
from tests.corpus import STDLIB
from tests.curation.documents import batch_of


def _distinct(num: int) -> str:
    """So many different words of one character."""
    return " ".join(chr(0x4E00 + k) for k in range(num))


def _ngrams(length: int, times: int, others: int) -> str:
    """An n-gram of words of one character, so often, and so many other words: never is a longer one repeated."""
    ngram = " ".join("abcdefghij"[:length])
    apart = [chr(0x5E00 + k) for k in range(times)]
    return " ".join(f"{ngram} {mark}" for mark in apart) + " " + _distinct(others)


# The first two are kept, the last is dropped.
_CASES = [
    ("replacement_fraction", "c", "\ufffd" + "a" * 100, "\ufffd" + "a" * 99, "\ufffd" + "a" * 98),
    ("num_words", "c", _distinct(31), _distinct(30), _distinct(29)),
    ("num_chars", "c", "é" * 51, "é" * 50, "é" * 49),
    ("mean_word_chars", "c", "aa aaa", "aa aa", "aa a"),
    ("mean_word_chars", "c", "é" * 9, "é" * 10, "é" * 11),
    ("top_2gram_fraction", "c", _ngrams(2, 2, 15), _ngrams(2, 2, 14), _ngrams(2, 2, 13)),
    ("top_3gram_fraction", "c", _ngrams(3, 3, 39), _ngrams(3, 3, 38), _ngrams(3, 3, 37)),
    ("top_4gram_fraction", "c", _ngrams(4, 2, 41), _ngrams(4, 2, 40), _ngrams(4, 2, 39)),
    ("repeated_5gram_fraction", "c", _ngrams(5, 4, 2), _ngrams(5, 4, 1), _ngrams(5, 4, 0)),
    ("repeated_6gram_fraction", "c", _ngrams(6, 7, 12), _ngrams(6, 7, 11), _ngrams(6, 7, 10)),
    ("repeated_7gram_fraction", "c", _ngrams(7, 2, 5), _ngrams(7, 2, 4), _ngrams(7, 2, 3)),
    ("repeated_8gram_fraction", "c", _ngrams(8, 7, 18), _ngrams(8, 7, 17), _ngrams(8, 7, 16)),
    ("repeated_9gram_fraction", "c", _ngrams(9, 7, 21), _ngrams(9, 7, 20), _ngrams(9, 7, 19)),
    ("repeated_10gram_fraction", "c", _ngrams(10, 3, 18), _ngrams(10, 3, 17), _ngrams(10, 3, 16)),
    ("html_repeated_ngram_fraction", "html", _ngrams(5, 3, 8), _ngrams(5, 3, 7), _ngrams(5, 3, 6)),
    ("repeated_line_fraction", "c", "aa\n" * 6 + "b\n" * 4, "aa\n" * 7 + "b\n" * 3, "aa\n" * 8 + "b\n" * 2),
    ("num_bytes", "c", "é" * 1_499_999, "é" * 1_500_000, "é" * 1_500_000 + "a"),
    ("num_lines", "c", "\n" * 11, "\n" * 10, "\n" * 9),
    ("num_lines", "c", "\n" * 99_999, "\n" * 100_000, "\n" * 100_001),
    ("longest_line_chars", "c", "é" * 999, "é" * 999 + "\n", "é" * 1000 + "\n"),
    ("mean_line_chars", "c", "é" * 5 + "\n", "é" * 4 + "\n", "é" * 3 + "\n"),
    ("mean_line_chars", "c", "é" * 98 + "\n", "é" * 99 + "\n", "é" * 100 + "\n"),
    ("alpha_fraction", "c", "aa .", "a .", "a .."),
    ("digit_fraction", "c", "1 aaaaa", "1 aaaa", "1 aaa"),
    ("sql_digit_fraction", "sql", "111 " + "a" * 8, "111 " + "a" * 7, "111 " + "a" * 6),
    ("space_fraction", "c", "aa ", "a ", "a \u2003"),
    ("xml_declarations", "c", "<?XML version=", "é" * 87 + "<?xml version=", "é" * 86 + "<?xml version="),
    ("generated_markers", "c", "gener\nated", "é" * 193 + "Generate", "é" * 192 + "Generate"),
    ("longest_encoded_run_chars", "c", "a" * 1023, "a" * 1024, "a" * 1025),
    ("encoded_fraction", "c", "a" * 64 + "-" * 65, "a" * 64 + "-" * 64, "a" * 64 + "-" * 63),
    ("hexadecimal_fraction", "c", "0x1F" + " " * 7, "0x1F" + " " * 6, "0x1F" + " " * 5),
    ("assert_line_fraction", "c", "assert a\n" + "b\n\n" * 2, "assert a\n" * 2 + "b\n\n" * 3, "assert a\n" * 2 + "b\n" * 2),
    ("long_string_line_fraction", "c", *(f"'{'a ' * 21}'\n" + "b\n" * others for others in (5, 4, 3))),
    ("todo_line_fraction", "c", *("# TODO\n" + "\n" * others for others in (100, 99, 98))),
    ("data_chars", "JSON", "é" * 4999, "é" * 5000, "é" * 5001),
    ("data_distinct_word_fraction", "yaml", "a a b", "a a a b b", "a a a"),
]


@pytest.mark.parametrize(("rule", "language", "inside", "at_threshold", "beyond"), _CASES)
def test_each_rule_keeps_up_to_its_threshold_and_drops_beyond(rule, language, inside, at_threshold, beyond):
    [judging] = [each for each in OpenCoderParams().rules() if each.name == f"opencoder_{rule}"]
    judged = apply_rules(batch_of(inside, at_threshold, beyond, language=language), [judging])
    assert judged.reason.to_pylist() == [None, None, judging.name]


def test_every_rule_has_such_a_case():
    assert {f"opencoder_{rule}" for rule, *_ in _CASES} == {rule.name for rule in OpenCoderParams().rules()}


def test_every_threshold_is_one_of_a_rule():
    off = dict.fromkeys(OpenCoderParams.model_fields)
    for field in OpenCoderParams.model_fields:
        rules = OpenCoderParams(**off | {field: 1}).rules()
        assert sum((rule.minimum, rule.maximum) != (None, None) for rule in rules) == 1, field


@pytest.mark.parametrize(
    ("rule", "applies", "does_not"),
    [
        ("repeated_5gram_fraction", ["Python", "json", None], ["HTML"]),
        ("html_repeated_ngram_fraction", ["html"], ["xml", None]),
        ("digit_fraction", ["c", "json", None], ["SQL"]),
        ("sql_digit_fraction", ["SQL"], ["plsql", None]),
        ("assert_line_fraction", ["Python", "sql", None], ["HTML", "shell", "Go", "yaml", "css"]),
        ("long_string_line_fraction", ["Go", "sql", None], ["HTML", "shell", "json"]),
        ("todo_line_fraction", ["shell", "go", None], ["html", "TOML", "scss"]),
        ("data_chars", ["XML", "json", "toml", "Protocol Buffer", "css"], ["sql", "diff", "html", "python", None]),
        ("data_distinct_word_fraction", ["Graphviz (DOT)", "csv"], ["sql", None]),
    ],
)
def test_rules_that_go_by_language_are_measured_in_theirs_alone(rule, applies, does_not):
    rules = OpenCoderParams().rules()
    for languages, measured in [(applies, True), (does_not, False)]:
        for language in languages:
            judged = apply_rules(batch_of("a b c d e f", language=language), rules)
            assert judged.measured[f"opencoder_{rule}"].is_valid().to_pylist() == [measured], language


def test_a_usual_file_is_kept_and_a_short_one_is_not():
    usual = (STDLIB / "textwrap.py").read_text(encoding="utf-8")
    judged = apply_rules(batch_of(usual, usual[:100], language="python"), OpenCoderParams().rules())
    assert judged.reason.to_pylist() == [None, "opencoder_num_words"]


def test_counts_are_shared_between_the_rules_and_a_null_is_passed_over():
    judged = apply_rules(batch_of("a", None, language="c"), OpenCoderParams().rules())
    assert judged.reason.to_pylist()[1] is None
    assert all(column.to_pylist()[1] is None for column in judged.measured.values())
    assert pa.types.is_floating(judged.measured["opencoder_num_bytes"].type)
