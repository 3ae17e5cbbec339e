"""The hashes of n-grams tell apart what differs in tokens, and nothing else."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.grams import Kind, gram_hashes
from tests.curation.contamination import COPIES, grams, humaneval, tokens
from tests.curation.documents import DOCUMENTS, PYTHON, sliced, texts

KINDS: tuple[Kind, ...] = ("code", "prose")


def _hashes(text: str, kind: Kind = "code", n: int = 3) -> list[int]:
    return gram_hashes(pa.array([text]), kind=kind, ngram_tokens=n).hashes.tolist()


@pytest.mark.parametrize("kind", KINDS)
@given(documents=st.lists(texts | st.sampled_from(DOCUMENTS), max_size=6), n=st.integers(1, 5))
def test_hashes_are_equal_exactly_where_ngrams_are(kind: Kind, documents: list[str], n: int) -> None:
    found = gram_hashes(sliced(documents), kind=kind, ngram_tokens=n)
    expected = [grams(text, kind, n) for text in documents]
    assert np.diff(found.offsets).tolist() == [len(own) for own in expected]
    assert found.num_tokens.tolist() == [len(tokens(text, kind)) for text in documents]
    pairs = set(zip(found.hashes.tolist(), [gram for own in expected for gram in own], strict=True))
    assert len(pairs) == len({hashed for hashed, _ in pairs}) == len({gram for _, gram in pairs})


@given(documents=st.lists(texts, max_size=6))
def test_text_hashes_are_equal_exactly_where_all_tokens_are(documents: list[str]) -> None:
    found = gram_hashes(sliced(documents), kind="prose", ngram_tokens=4)
    pairs = set(zip(found.text_hashes.tolist(), [tuple(t.text for t in tokens(text, "prose")) for text in documents], strict=True))
    assert len(pairs) == len({hashed for hashed, _ in pairs}) == len({own for _, own in pairs})


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES.keys())
def test_a_copy_that_looks_different_has_the_same_hashes(copy) -> None:
    for item in humaneval()[::20]:
        assert _hashes(copy(item["prompt"])) == _hashes(item["prompt"])


def test_code_has_underscores_in_its_tokens_and_prose_does_not() -> None:
    assert _hashes("num_x = 1", "prose") == _hashes("num x = 1", "prose")
    assert _hashes("num_x = 1", "code") != _hashes("num x = 1", "code")


def test_numbers_and_operators() -> None:
    assert _hashes("a < b + 1") == _hashes("a > b - 1")
    assert _hashes("a < b + 1") != _hashes("a < b + 2")


@pytest.mark.parametrize("text", ["你好世界", "スーパー", "ภาษาไทย"])
def test_each_character_of_a_script_without_spaces_is_a_token(text: str) -> None:
    assert gram_hashes(pa.array([text]), kind="prose", ngram_tokens=2).num_tokens.tolist() == [len(tokens(text, "prose"))]
    assert len(tokens(text, "prose")) > 2


def test_a_word_of_another_script_is_one_token_with_its_marks() -> None:
    words = "सभी मनुष्यों को गौरव свободными равными"
    assert gram_hashes(pa.array([words]), kind="prose", ngram_tokens=2).num_tokens.tolist() == [6]
    assert _hashes("СВОБОДНЫМИ И РАВНЫМИ") == _hashes("свободными и равными")


@pytest.mark.parametrize("escape", ["\\n", "\\t", "\\r"])
def test_an_escaped_line_end_only_separates(escape: str) -> None:
    assert _hashes(f"a{escape}b{escape}c") == _hashes("a\nb\nc")
    assert _hashes(f"a{escape[0]}", n=1) == _hashes("a", n=1)


def test_nothing_has_no_ngrams_and_few_tokens_have_one() -> None:
    found = gram_hashes(pa.array(["", None, " ;\n", "one two", "one two three four"]), kind="prose", ngram_tokens=3)
    assert np.diff(found.offsets).tolist() == [0, 0, 0, 1, 2]
    assert len(gram_hashes(pa.array([], pa.string()), kind="prose", ngram_tokens=3).hashes) == 0


def test_the_width_of_the_offsets_changes_nothing() -> None:
    small, large = (gram_hashes(pa.array([PYTHON], width), kind="code", ngram_tokens=5) for width in (pa.string(), pa.large_string()))
    assert small.hashes.tolist() == large.hashes.tolist()
