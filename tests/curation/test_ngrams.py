from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.code_words import code_words
from pipeline.curation.ngrams import REPEATED_LENGTHS, TOP_LENGTHS, covered_ngram_measures
from tests.corpus import STDLIB
from tests.curation.documents import DOCUMENTS, sliced, texts
from tests.curation.test_code_words import folded, words_of


def _top_chars(words: list[str], length: int) -> int:
    [(ngram, times)] = Counter(zip(*(words[k:] for k in range(length)), strict=False)).most_common(1) or [((), 0)]
    return times * sum(map(len, ngram)) if times > 1 else 0


def _repeated_chars(words: list[str], length: int) -> int:
    ngrams = list(zip(*(words[k:] for k in range(length)), strict=False))
    times = Counter(ngrams)
    repeated = {place + k for place, ngram in enumerate(ngrams) if times[ngram] > 1 for k in range(length)}
    return sum(len(words[place]) for place in repeated)


def check(documents: list[str]) -> None:
    measures = covered_ngram_measures(code_words(sliced(documents)))
    for document, text in enumerate(documents):
        words = [folded(word) for word in words_of(text)]
        assert measures.top_chars[:, document].tolist() == [_top_chars(words, length) for length in TOP_LENGTHS]
        assert measures.repeated_chars[:, document].tolist() == [_repeated_chars(words, length) for length in REPEATED_LENGTHS]


@given(st.lists(st.lists(st.sampled_from(["a", "bb", "ccc", "A"]), max_size=60).map(" ".join) | texts | st.sampled_from(DOCUMENTS)))
def test_ngrams_agree_with_plain_python(documents):
    check(documents)


@given(st.integers(1, 12), st.integers(1, 4), st.lists(st.sampled_from("xyz"), max_size=5))
def test_ngrams_of_periods_agree_with_plain_python(period, times, rest):
    check([" ".join([*(f"w{k}" for k in range(period)), *rest] * times + rest)])


def test_ngrams_of_real_files_agree_with_plain_python():
    check([path.read_text(encoding="utf-8") for path in sorted(STDLIB.glob("[a-c]*.py"))])
