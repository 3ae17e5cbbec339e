"""How many sentences a text has."""

import numpy as np

from pipeline.curation.characters import decode
from pipeline.curation.word_classes import PUNCTUATION, SPACE, TERMINAL
from pipeline.curation.words import MAX_RUN_BYTES, split_run
from pipeline.kernels import kernel


@kernel
def num_sentences(
    data: np.ndarray, start: int, end: int, classes: np.ndarray, abbreviations: np.ndarray, units: np.ndarray, ends: np.ndarray
) -> int:
    """A sentence begins at the text's first word or mark, and at the first that is no punctuation after one that ends a sentence.

    `e.g. 3.5 of them left?" Yes!` has two: neither an abbreviation's full stop nor one in a number is a mark of its own.

    Args:
        ends: as for `words.split_run`.
    Source: spaCy's sentencizer, with which datatrove counts for C4; C4 itself used NLTK's punkt.
    """
    num = 0
    has_ended = False
    i = start
    while i < end:
        run_start = i
        has_terminal = False
        is_punctuation = True
        width = 0
        while i < end and i - run_start < MAX_RUN_BYTES:
            code, width = decode(data, i)
            flags = classes[code]
            if flags & SPACE:
                break
            has_terminal |= flags & TERMINAL != 0
            is_punctuation &= flags & PUNCTUATION != 0
            i += width
            width = 0
        if i > run_start:
            num += num == 0
            if has_terminal:
                token_start = run_start
                for k in range(split_run(data, run_start, i, classes, abbreviations, units, ends)):
                    code, code_width = decode(data, token_start)
                    if classes[code] & TERMINAL and token_start + code_width == ends[k]:
                        has_ended = True
                    elif has_ended and not _is_punctuation(data, token_start, ends[k], classes):
                        num += 1
                        has_ended = False
                    token_start = ends[k]
            elif has_ended and not is_punctuation:
                num += 1
                has_ended = False
        i += width  # of the white space
    return num


@kernel
def _is_punctuation(data: np.ndarray, start: int, end: int, classes: np.ndarray) -> bool:
    i = start
    while i < end:
        code, width = decode(data, i)
        if not classes[code] & PUNCTUATION:
            return False
        i += width
    return True
