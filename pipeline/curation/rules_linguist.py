"""GitHub Linguist's view of a repository: what in it others wrote, what programs wrote, what is documentation."""

from typing import Annotated

import numpy as np
from pydantic import Field

from pipeline.curation.code_columns import generated, where_valid
from pipeline.curation.generated import matches_any
from pipeline.curation.rule import Columns, Rule, RuleSet
from pipeline.readers.languages import documentation_patterns, vendored_patterns

Flag = Annotated[int, Field(ge=0, le=1)] | None


class LinguistParams(RuleSet):
    """Files that the authors of their repository wrote: not vendored ones (`node_modules/`, `jquery.js`), not generated ones.

    Each rule measures 1 or 0, by the path in its repository; `is_generated` looks at some lines of the text too. To drop documentation
    (`docs/`, `README`), set `max_is_documentation: 0`. A file without a path is not measured.

    Source: vendor.yml, documentation.yml and generated.rb of GitHub Linguist, version 9.6.0.
    """

    max_is_vendored: Flag = 0
    max_is_generated: Flag = 0
    max_is_documentation: Flag = None

    def rules(self) -> list[Rule]:
        return [
            Rule("linguist_is_vendored", _is_vendored, maximum=self.max_is_vendored),
            Rule("linguist_is_generated", generated, maximum=self.max_is_generated),
            Rule("linguist_is_documentation", _is_documentation, maximum=self.max_is_documentation),
        ]


def _is_vendored(columns: Columns) -> np.ndarray:
    return where_valid(columns["path"], matches_any(columns["path"], vendored_patterns()))


def _is_documentation(columns: Columns) -> np.ndarray:
    return where_valid(columns["path"], matches_any(columns["path"], documentation_patterns()))
