"""What a character is to the splitting of text into words and sentences: one table for every code point."""

import string
import sys
import unicodedata
from functools import cache

import numpy as np

# LETTER, SPACE: str.isalpha, str.isspace. A letter without case (Hebrew, kana, Hangul, ...) counts as LOWER and as UPPER.
SPACE, LETTER, LOWER, UPPER = 1, 2, 4, 8
# OPENS, CLOSES: a mark that comes off a word's beginning or end. BEFORE_DOT: a full stop after it comes off.
OPENS, CLOSES, BEFORE_DOT, QUOTE = 16, 32, 64, 128
# SYMBOL: a token of these alone is no word. TERMINAL: ends a sentence. PUNCTUATION: category P.
ICON, CURRENCY, SYMBOL, TERMINAL, PUNCTUATION = 256, 512, 1024, 2048, 4096

_MARKS = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉\u2329\u232a⟦⟧"
_DASHES = "—–"
_OTHER_OPENERS = "§%="
_OTHER_SYMBOLS = "—”％〈、━【「」，】；“《„’∶´．（–？！：～«〉》）。…►»"

# Unicode 16's property Sentence_Terminal, as ranges of code points.
_TERMINALS = """21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 166E 1735-1736 17D4-17D6 17D9-17DA
1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E 1C3B-1C3C 1C7E-1C7F 203C-203D 2047-2049 2E2E 2E3C 2E53-2E54 3002 A4FF
A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57
10F55-10F59 10F86-10F89 11047-11048 110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C
115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11944 11946 11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8 11F43-11F44 16A6E-16A6F
16AF5 16B37-16B38 16B44 16E98 1BC9F 1DA88"""

# Code points above have no letter, mark or white space that matters here (as in characters.py).
_END = 0x33480


@cache
def word_classes() -> np.ndarray:
    """Classes by code point, uint16 [0x110000], by the Unicode version of this Python (about 0.1 s, once a process).

    Source: which marks come off words: spaCy's tokenizer for English, version 3.8; which tokens are no words and which marks end a
    sentence: datatrove 0.10.
    """
    classes = np.zeros(sys.maxunicode + 1, np.uint16)
    for code in range(_END):
        char = chr(code)
        category = unicodedata.category(char)
        if char.isalpha():
            classes[code] = LETTER | LOWER * (not char.isupper()) | UPPER * (not char.islower())
        elif char.isspace():
            classes[code] = SPACE
        elif category[0] == "P":
            classes[code] = PUNCTUATION
        elif category == "Sc":
            classes[code] = CURRENCY | OPENS
        elif category == "So" and char != "°":
            classes[code] = ICON | OPENS | CLOSES
    _add(classes, _MARKS + _QUOTES, OPENS | CLOSES | BEFORE_DOT)
    _add(classes, _QUOTES, QUOTE)
    _add(classes, _DASHES, OPENS | CLOSES)
    _add(classes, _OTHER_OPENERS, OPENS)
    _add(classes, "%²-+", BEFORE_DOT)
    _add(classes, string.punctuation + _OTHER_SYMBOLS, SYMBOL)
    for ends in _TERMINALS.split():
        first, _, last = ends.partition("-")
        classes[int(first, 16) : int(last or first, 16) + 1] |= TERMINAL | SYMBOL
    classes.setflags(write=False)
    return classes


def _add(classes: np.ndarray, characters: str, added: int) -> None:
    classes[[ord(char) for char in characters]] |= added
