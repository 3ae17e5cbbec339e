"""Rules as a user would write them in a package of their own."""

import numpy as np
import pyarrow.compute as pc

from pipeline.curation.rule import Columns, Rule, RuleSet


def _num_tabs(columns: Columns) -> np.ndarray:
    return pc.count_substring(columns["text"], "\t").to_numpy(zero_copy_only=False)


def _path_chars(columns: Columns) -> np.ndarray:
    return pc.utf8_length(columns["path"]).to_numpy(zero_copy_only=False)


no_tabs = Rule("no_tabs_num_tabs", _num_tabs, maximum=0)
too_few = Rule("too_few_numbers", lambda columns: np.zeros(1))
not_a_rule = "no_tabs"


class Paths(RuleSet):
    max_path_chars: int | None = 100

    def rules(self) -> list[Rule]:
        return [Rule("paths_num_chars", _path_chars, maximum=self.max_path_chars)]
