"""What the steps with a fastText model share: the model, once a process, and a text as it reads it."""

from functools import cache
from typing import Any

import fasttext

from pipeline.params import UsageError

LABEL = "__label__"
NUM_WINDOWS = 8


@cache
def load(path: str, *, setting: str, remedy: str) -> Any:
    """The model.

    Args:
        setting: where the path stands in the curation, and `remedy` what to do about it, for the error.
    Raises:
        UsageError: no file is there, or it is no fastText model.
    """
    try:
        return fasttext.load_model(path)
    except ValueError as error:
        raise UsageError(f"curation.{setting}: {error}: {remedy}") from error


def one_line(text: str, max_chars: int | None) -> str:
    """The text as fastText reads it: one line, of at most max_chars characters (and the blanks between windows); None: all of it."""
    if max_chars is not None and len(text) > max_chars:
        size = max_chars // NUM_WINDOWS
        starts = [(len(text) - size) * window // (NUM_WINDOWS - 1) for window in range(NUM_WINDOWS)]
        text = " ".join(text[start : start + size] for start in starts)
    # fastText stops reading at its own mark for the end of a sentence, which is an HTML tag too.
    return text.replace("\n", " ").replace("</s>", " ")
