"""The base of every params object."""

from pydantic import BaseModel, ConfigDict

from pipeline.errors import LawBroken, RunError, UsageError

__all__ = ["LawBroken", "Params", "RunError", "UsageError"]


class Params(BaseModel):
    """Immutable, and strict: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
