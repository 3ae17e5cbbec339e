import pytest

from pipeline.curation.judge import apply_rules
from pipeline.curation.rules_prose import GopherQualityParams
from pipeline.curation.steps import StepSpec, build_steps, rules_of
from tests.curation.documents import batch_of

_SENTENCE = "It was the best of times, and that is all they have to say with a smile. "


@pytest.mark.parametrize(
    ("rule", "at_threshold", "beyond"),
    [
        ("num_words", "word " * 50 + "-- " * 9, "word " * 49 + "-- " * 9),
        ("num_words", "word " * 100_000, "word " * 100_001),
        ("mean_word_chars", "(ab) abcd", "(ab) (abc)"),
        ("mean_word_chars", "é" * 10 + "!", "é" * 11 + "!"),
        ("hashes_per_word", "# " + "a " * 9, "## " + "a " * 9),
        ("ellipses_per_word", "a... " + "b " * 9, "a... " + "b " * 8),
        ("bullet_line_fraction", "  • a\n" * 9 + "a\n", "- a\n" * 9),
        ("ellipsis_line_fraction", "a...\n" * 2 + "a… \n" + "a\n" * 7, "a...\n" * 4 + "\n" * 6),
        ("alpha_word_fraction", "a1 " * 4 + "12", "a1 " * 3 + "-- "),
        ("num_stop_words", "The (of)", "the The THE of-"[:11]),
    ],
)
def test_each_gopher_rule_keeps_at_its_threshold_and_drops_beyond(rule, at_threshold, beyond):
    [judging] = [each for each in GopherQualityParams().rules() if each.name == f"gopher_quality_{rule}"]
    assert apply_rules(batch_of(at_threshold, beyond), [judging]).reason.to_pylist() == [None, judging.name]


def test_ordinary_prose_is_kept_and_a_list_of_numbers_is_not():
    rules = GopherQualityParams().rules()
    numbers = "\n".join(f"{i} {i * i}" for i in range(100, 200))
    assert apply_rules(batch_of(_SENTENCE * 10, numbers), rules).reason.to_pylist() == [None, "gopher_quality_alpha_word_fraction"]


def test_stop_words_of_another_language_may_be_given():
    german = "Der Hund und die Katze sind für das Haus, was die Maus für den Keller ist. " * 10
    [english, german_rules] = [
        rules_of(build_steps([StepSpec(name="gopher_quality", params=thresholds)])) for thresholds in ({}, {"stop_words": ["die", "für"]})
    ]
    assert apply_rules(batch_of(german), english).reason.to_pylist() == ["gopher_quality_num_stop_words"]
    assert apply_rules(batch_of(german), german_rules).reason.to_pylist() == [None]
