"""A user's own rules, by their import paths."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.curation.rule import Columns, Rule, RuleSet

MAX_LINE_ENDS = 600


def num_line_ends(columns: Columns) -> np.ndarray:
    return pc.count_substring(columns["text"], "\n").to_numpy(zero_copy_only=False)


few_lines = Rule("few_lines", num_line_ends, maximum=MAX_LINE_ENDS)


class AllowedPaths(RuleSet):
    """Paths that a file lists."""

    listing: str

    def rules(self) -> list[Rule]:
        def allowed(columns: Columns) -> np.ndarray:
            listed = pa.array(Path(self.listing).read_text().splitlines(), pa.string())
            return pc.is_in(columns["path"], listed).to_numpy(zero_copy_only=False)

        return [Rule("allowed_paths", allowed, minimum=1)]

    def files(self) -> list[str]:
        return [self.listing]
