"""How documents become sequences."""

from typing import Literal

from pydantic import Field

from pipeline.params import Params


class PackingParams(Params):
    """Shared by the plan, which counts tokens, and the write, which lays them out."""

    strategy: Literal["sequential"] = "sequential"
    sequence_length: int = Field(default=4096, ge=2)
    add_bos: bool = True
    add_eos: bool = True
    sequences_per_shard: int = Field(default=8192, ge=1, le=20_000)
    parquet: bool = True  # beside each ArrayRecord shard, the same rows as Parquet

    @property
    def num_markers(self) -> int:
        """The tokens that a document gains."""
        return self.add_bos + self.add_eos
