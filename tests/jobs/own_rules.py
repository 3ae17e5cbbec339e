"""A user's own rule, by its import path."""

import numpy as np
import pyarrow.compute as pc

from pipeline.curation.rule import Columns, Rule

MAX_LINE_ENDS = 600


def num_line_ends(columns: Columns) -> np.ndarray:
    return pc.count_substring(columns["text"], "\n").to_numpy(zero_copy_only=False)


few_lines = Rule("few_lines", num_line_ends, maximum=MAX_LINE_ENDS)
