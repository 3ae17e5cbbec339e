"""What decides which documents count as duplicates: the config's section `dedup`."""

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline.params import Params, UsageError


class NearParams(Params):
    """MinHash signatures cut into bands; two documents that agree on a whole band are compared.

    Candidates are verified, so bands are chosen for recall: a false candidate costs a comparison, a missed one a duplicate.
    Figures in use: The Stack 25 x 10, FineWeb 14 x 8, RedPajama-v2 14 x 9, NeMo Curator 20 x 13.
    """

    ngram_tokens: int = Field(default=5, ge=1)  # of a shingle
    num_permutations: int = Field(default=252, ge=1)  # values of a signature
    bands: int = Field(default=36, ge=1, le=2**16)
    rows: int = Field(default=7, ge=1)  # values of a band
    min_similarity: float = Field(default=0.7, gt=0, le=1)  # the Jaccard similarity of duplicates
    # exact: pairs whose estimate is near min_similarity, see below, are compared shingle by shingle.
    verify: Literal["exact", "sketch"] = "exact"
    max_bucket: int = Field(default=2000, ge=2)  # documents that are compared all with all; larger buckets are split
    seed: int = Field(default=1, ge=0, lt=2**32)  # of datasketch's permutations

    @model_validator(mode="after")
    def _bands_fit(self) -> Self:
        needed = self.bands * self.rows
        if needed > self.num_permutations:
            remedy = f"raise num_permutations to {needed}"
            if self.rows <= self.num_permutations:
                remedy += f", or lower bands to {self.num_permutations // self.rows}"
            raise UsageError(
                f"dedup.near: {self.bands} bands x {self.rows} rows take {needed} values of a signature, "
                f"num_permutations={self.num_permutations} gives fewer: {remedy}"
            )
        return self

    @property
    def candidate_similarity(self) -> float:
        """A pair whose estimate is below is none: two standard errors, at which 2 % of the pairs just at min_similarity are lost."""
        return self.min_similarity - 2 * self._error

    @property
    def sure_similarity(self) -> float:
        """A pair whose estimate is at or above this one is one, without a check.

        Four standard errors: in a large cluster of documents that are somewhat similar, the best of many estimates is far too high.
        """
        return self.min_similarity + 4 * self._error

    @property
    def _error(self) -> float:
        return standard_error(self.min_similarity, self.num_permutations) if self.verify == "exact" else 0.0


class LineParams(Params):
    """Lines that many documents share are cut from all but the first of them; sources of kind `text` alone. See docs/dedup.md."""

    max_documents: int = Field(default=10, ge=1)  # different texts that may have a line
    min_chars: int = Field(default=20, ge=1)  # shorter lines are left alone


class RunParams(Params):
    """Long runs of text that documents share, or repeat, are cut from all but the first place; sources of kind `text` alone.

    The default is some 100 tokens; Lee et al. 2022 (2107.06499) cut what repeats over 50.
    """

    min_bytes: int = Field(default=400, ge=64)  # a repeated run of so many bytes is found; of half as many it may be
    max_documents: int = Field(default=1, ge=1)  # different texts that may have a run


class ForkParams(Params):
    """A repository is a fork if another one has most of its documents. See pipeline/dedup/forks.py."""

    min_fraction: float = Field(default=0.5, gt=0, le=1)  # of its documents
    min_documents: int = Field(default=5, ge=1)  # that the other one has
    drop: bool = False  # forks go as a whole, with what they have of their own; false: they are reported


class DedupParams(Params):
    """Exact deduplication is always on; `near: null` leaves it at that, `lines: null` and `runs: null` cut nothing.

    `forks: null` looks for none.
    """

    lines: LineParams | None = None
    runs: RunParams | None = None

    near: NearParams | None = NearParams()
    forks: ForkParams | None = ForkParams()
    # representative: a document falls only if it has a verified edge to a kept one. component: everything that edges join,
    # over any number of steps, falls but its best document.
    cluster: Literal["representative", "component"] = "representative"
    # Pairs sorted in memory at a time, some 60 bytes each; more go through the disk. Changes no result.
    max_sorted_pairs: int = Field(default=4 << 20, ge=1)


def recall(similarity: float, params: NearParams) -> float:
    """The chance that two documents of this Jaccard similarity share a band: 1 - (1 - s^rows)^bands.

    Source: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4.2.
    """
    return 1 - (1 - similarity**params.rows) ** params.bands


def implied_threshold(params: NearParams) -> float:
    """The similarity (1/bands)^(1/rows) where recall rises fastest; about 1 - 1/e of the pairs there are found.

    Source: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4.2.
    """
    return (1 / params.bands) ** (1 / params.rows)


def standard_error(similarity: float, num_permutations: int) -> float:
    """Of an estimate from sketches of two bits a value: 0.035 at a similarity of 0.7 with 252 permutations.

    Source: Li and König, b-Bit Minwise Hashing, 2010, equation 6 with b = 2 and sets that are small beside 2^32.
    """
    agreeing = 1 / 4 + 3 / 4 * similarity
    return 4 / 3 * math.sqrt(agreeing * (1 - agreeing) / num_permutations)
