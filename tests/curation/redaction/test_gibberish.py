import random
import string

import numpy as np
import pytest

from pipeline.curation.redaction.gibberish import DIGIT, NUM_STATES, STATES, bigram_table, log_bigrams, wordiness

_WORDS = [
    "org/apache/commons/lang3/StringUtils",
    "getElementsByClassName",
    "ASIAPACIFICSOUTHEAST",
    "src/main/resources/application.properties",
    "content-security-policy-report-only",
    "PyUnicode_AsUTF8AndSize",
    "application/vnd.openxmlformats-officedocument",
    "this_is_a_test_of_the_parser",
]


def _wordiness(text: str) -> float:
    return wordiness(np.frombuffer(text.encode(), np.uint8), 0, len(text), log_bigrams())


@pytest.mark.parametrize("text", _WORDS)
def test_identifiers_and_paths_are_words(text):
    assert _wordiness(text) > 0


@pytest.mark.parametrize(
    ("alphabet", "length"),
    [
        (string.ascii_letters + string.digits + "+/", 24),
        (string.ascii_letters + string.digits + "-_", 43),
        (string.ascii_uppercase + string.digits, 16),
        (string.ascii_lowercase + string.digits, 32),
        (string.ascii_lowercase, 24),
    ],
)
def test_random_strings_are_gibberish(alphabet, length):
    rng = random.Random(1)
    scores = [_wordiness("".join(rng.choices(alphabet, k=length))) for _ in range(1000)]
    assert sum(score >= 0 for score in scores) <= 1


def test_the_table_says_how_often_a_state_follows_another():
    counts = np.zeros((NUM_STATES, NUM_STATES))
    counts[STATES[ord("a")], STATES[ord("b")]] = 3e6
    counts[STATES[ord("a")], DIGIT] = 1e6
    rows = bigram_table(counts).splitlines()
    assert [len(row) for row in rows] == [NUM_STATES] * NUM_STATES
    level = (ord(rows[0][DIGIT]) - ord(rows[0][STATES[ord("b")]])) / 8
    assert level == pytest.approx(np.log(3), abs=0.13)


def test_the_probabilities_after_a_state_add_up():
    per_state = np.exp(log_bigrams()) @ np.array([1] * 52 + [10, 2])
    assert per_state == pytest.approx(1, abs=0.1)
