"""Words agree with spaCy's tokenizer for English on what was recorded from it, and lose no character of any text."""

import numpy as np
import pytest
from hypothesis import given

from pipeline.curation.sentences import num_sentences
from pipeline.curation.word_classes import word_classes
from pipeline.curation.words import MAX_RUN_BYTES, known, split_run
from tests.curation.documents import texts

# By spaCy 3.8 (`spacy.blank("en")` with a sentencizer), as datatrove 0.10 calls it; words with a blank between them.
_WORDS = {
    "He said: \"Don't (I can't pay $3.50)...\" and they'll go; we've cannot.": (
        "He said : \" Do n't ( I ca n't pay $ 3.50 ) ... \" and they 'll go ; we 've can not ."
    ),
    "Mr. Smith, e.g. in the U.S.A., paid 3,000€ (50%) for 10km at a.m. hours.": (
        "Mr. Smith , e.g. in the U.S.A. , paid 3,000 € ( 50 % ) for 10 km at a.m. hours ."
    ),
    "See http://example.org/a?b=c, www.example.org/x/y or mail info@example.org!": (
        "See http://example.org/a?b=c , www.example.org/x/y or mail info@example.org !"
    ),
    "state-of-the-art — really–truly -- and foo.Bar,baz x=y a/b 3-4 --verbose -x": (
        "state - of - the - art — really – truly -- and foo . Bar , baz x = y a / b 3 - 4 --verbose -x"
    ),
    "“Quoted” ‘text’ [12] {a} <b> #tag @name *bold* _under_ `code` ~home ^hat": (
        "“ Quoted ” ‘ text ’ [ 12 ] { a } < b > # tag @name * bold * _ under _ ` code ` ~home ^hat"
    ),
    "It's John's; the dogs' bones... etc... 1+1=2 +5 +x C++ ™ © 🙂🙂": (
        "It 's John 's ; the dogs ' bones ... etc ... 1 + 1=2 +5 + x C++ ™ © 🙂 🙂"
    ),
    "Все люди — свободны, 'и' равны. 人人生而自由，在尊严和权利上一律平等。": (
        "Все люди — свободны , ' и ' равны . 人人生而自由，在尊严和权利上一律平等 。"
    ),
    "!!! ??? ... .. . , -- --- ---- ((( )))": ("! ! ! ? ? ? ... .. . , -- --- ---- ( ( ( ) ) )"),
    "end.Next word.word U.S.A. NATO. x. 3. 3.5. v1.2.3 i.e. vs. St. ph.d.": (
        "end . Next word.word U.S.A. NATO . x. 3 . 3.5 . v1.2.3 i.e. vs. St. ph.d ."
    ),
    "can't—won't don’t they’re cannot dog's's": ("can't — won't do n’t they ’re can not dog 's 's"),
}
_NUM_SENTENCES = {
    'Mr. Smith went. He said: "Hi." Then... left? Yes!! e.g. U.S. is 3.5 big." ok': 6,
    "One.": 1,
    "a b c": 1,
    "Hi! (Really?) Yes.": 3,
    'What?! "No." - x': 3,
    "3.5 is it. 4": 2,
    "人人生而自由。在尊严和权利上一律平等。": 1,
    "a. b. c. Etc. End": 2,
    "Wow... ok. ... no": 2,
}


def _split(run: str) -> list[str]:
    data = np.frombuffer(run.encode(), np.uint8)
    ends = np.zeros(MAX_RUN_BYTES + 8, np.int64)
    count = split_run(data, 0, len(data), word_classes(), *known(), ends)
    return [bytes(data[start:end]).decode() for start, end in zip([0, *ends[:count]], ends[:count], strict=False)]


@pytest.mark.parametrize("text", _WORDS)
def test_words_are_those_that_spacy_finds(text: str) -> None:
    assert [word for run in text.split() for word in _split(run)] == _WORDS[text].split()


@given(texts)
def test_the_words_of_a_run_are_the_run(text: str) -> None:
    for run in text.split():
        words = _split(run)
        assert "".join(words) == run
        assert all(words)


@pytest.mark.parametrize("text", _NUM_SENTENCES)
def test_sentences_are_as_many_as_spacy_finds(text: str) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    ends = np.zeros(MAX_RUN_BYTES + 8, np.int64)
    assert num_sentences(data, 0, len(data), word_classes(), *known(), ends) == _NUM_SENTENCES[text]
