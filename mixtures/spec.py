"""What a mixture is: groups of sources with weights in tokens, one set of them or a list of phases.

    groups:                        shares: code 10/11, text 1/11
      code:                          python  10/11 x 80/100
        weight: 10                   sql     10/11 x 20/100
        sources: {python: 80, sql: 20}
      text:                          wiki     1/11 x 1
        weight: 1
        sources: {wiki: {weight: 3, max_epochs: 2}}

A weight counts against its neighbours alone, so no list has to sum to 1 or to 100. Weights are read as the decimals that
stand in the file and divided as rationals: 10 : 1 is 10/11 and 1/11, not a float near them.
"""

import difflib
import math
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, Field, model_validator

from pipeline.params import Params, UsageError

# The schedule adds and compares numerators in int64, with room for a factor of four.
MAX_DENOMINATOR = 2**60

Shares = Mapping[str, Fraction]


def _positive(value: float) -> float:
    if not (value > 0 and math.isfinite(value)):
        raise UsageError(f"{value:g} is not a positive number: give one, or remove the entry to leave it out")
    return value


Positive = Annotated[float, AfterValidator(_positive)]


class SourceParams(Params):
    """A source's place in its group; a bare number is its weight."""

    weight: Positive
    max_epochs: Positive | None = None  # None: the mixture's

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        weight = {"type": "number", "exclusiveMinimum": 0}
        properties = {"weight": weight, "max_epochs": weight}
        return {"anyOf": [weight, {"type": "object", "properties": properties, "required": ["weight"], "additionalProperties": False}]}

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, value: Any) -> Any:
        return {"weight": value} if isinstance(value, (int, float)) else value


class GroupParams(Params):
    """Sources that share the group's weight."""

    weight: Positive
    sources: dict[str, SourceParams]


class PhaseParams(Params):
    """A stretch of the training stream with weights of its own; as long as `tokens`, or as a `fraction` of total_tokens."""

    name: str
    tokens: int | None = Field(default=None, gt=0)
    fraction: Positive | None = None
    groups: dict[str, GroupParams]


class MixtureParams(Params):
    """The mixture of a run: either `groups`, or `phases`, or `preset` (see load_preset) with what differs from it."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        found: dict[str, Any] = handler.resolve_ref_schema(handler(core))
        found["properties"] = {"preset": {"enum": list(presets()), "description": "the mixture to begin with"}} | found["properties"]
        return found

    groups: dict[str, GroupParams] | None = None
    phases: tuple[PhaseParams, ...] | None = None
    total_tokens: int | None = Field(default=None, gt=0)  # None: all that the caps on epochs allow, or the sum of the phases' tokens
    max_epochs: Positive = 1

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, values: Any) -> Any:
        return load_preset(values) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _check(self) -> "MixtureParams":
        if (self.groups is None) == (not self.phases):
            raise UsageError("mixture has to have either groups or phases: give one of them")
        if self.phases:
            _check_lengths(self.phases, self.total_tokens)
        groups_of(self)
        max_epochs_of(self)
        shares(self)
        return self


def shares(params: MixtureParams) -> list[dict[str, Fraction]]:
    """The share in tokens of every source in every phase.

    Returns:
        a dict a phase (without phases: one), each summing to exactly 1; all have the same keys, sorted, so that the order of
        a config's lines changes nothing; a source that a phase leaves out has share 0 in it.
    Raises:
        UsageError: the weights have too many digits for exact arithmetic.
    """
    names = sorted(groups_of(params))
    result = []
    for groups in _phase_groups(params):
        found = dict.fromkeys(names, Fraction(0))
        for group, share in _divide({name: group.weight for name, group in groups.items()}).items():
            for source, part in _divide({name: source.weight for name, source in groups[group].sources.items()}).items():
                found[source] = share * part
        result.append(found)
    denominators(result)
    return result


def denominators(shares: Sequence[Shares]) -> dict[str, int]:
    """Per source the least common denominator of its shares in all phases.

    Raises:
        UsageError: one times 2 x num_sources - 2 (the schedule's unit) exceeds MAX_DENOMINATOR.
    """
    result = {name: math.lcm(*(phase[name].denominator for phase in shares)) for name in shares[0]}
    for name, denominator in result.items():
        if denominator * 2 * len(result) > MAX_DENOMINATOR:
            raise UsageError(
                f"the mixture's share of {name} has the denominator {denominator:.1e}, too large for exact arithmetic: "
                "write its weight and its neighbours' with fewer digits (4 are plenty), with the same sum in every phase"
            )
    return result


def groups_of(params: MixtureParams) -> dict[str, str]:
    """The group of every source.

    Raises:
        UsageError: a source in two groups, a group without sources, no groups.
    """
    result: dict[str, str] = {}
    for groups in _phase_groups(params):
        if not groups:
            raise UsageError("a mixture without groups: name at least one group with a source")
        for group_name, group in groups.items():
            if not group.sources:
                raise UsageError(f"mixture.{group_name} has no sources: name at least one, or remove the group")
            for source in group.sources:
                if result.setdefault(source, group_name) != group_name:
                    raise UsageError(f"mixture: {source} is in {result[source]} and in {group_name}: keep it in one group")
    return result


def max_epochs_of(params: MixtureParams) -> dict[str, Fraction]:
    """The cap on epochs of every source, over all phases together.

    Raises:
        UsageError: two phases give a source different caps.
    """
    own: dict[str, float] = {}
    for groups in _phase_groups(params):
        for group in groups.values():
            for name, source in group.sources.items():
                if source.max_epochs is not None and own.setdefault(name, source.max_epochs) != source.max_epochs:
                    raise UsageError(
                        f"mixture: {name} has max_epochs {own[name]:g} in one phase and {source.max_epochs:g} in another; "
                        "the cap counts over all phases: give it once"
                    )
    return {name: exact(own.get(name, params.max_epochs)) for name in groups_of(params)}


def check_sources(params: MixtureParams, known: Collection[str]) -> None:
    """Raises UsageError unless every source of the mixture is one of `known`."""
    for source, group in groups_of(params).items():
        if source not in known:
            near = difflib.get_close_matches(source, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the sources are {', '.join(sorted(known)) or 'none'}"
            raise UsageError(f"mixture.{group}.{source} is no source of this run: {hint}")


def presets() -> dict[str, dict[str, Any]]:
    """The mixtures that come with Tenfold, by name: the YAML files beside this module that hold nothing else."""
    found = {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in sorted(Path(__file__).parent.glob("*.yaml"))}
    return {name: values["mixture"] for name, values in found.items() if set(values) == {"mixture"}}


def load_preset(values: dict[str, Any]) -> dict[str, Any]:
    """`{preset: lemur, ...}` as the preset's mixture, with what else is given in place of its own.

    Raises:
        UsageError: there is no such preset.
    """
    if "preset" not in values:
        return values
    known = presets()
    if values["preset"] not in known:
        raise UsageError(f"mixture.preset: there is no {values['preset']}; there are {', '.join(known)}")
    return known[values["preset"]] | {key: value for key, value in values.items() if key != "preset"}


def exact(value: float) -> Fraction:
    """The decimal as it was written: 72.73 is 7273/100."""
    return Fraction(str(value))


def _divide(weights: Mapping[str, float]) -> dict[str, Fraction]:
    total = sum(exact(weight) for weight in weights.values())
    return {name: exact(weight) / total for name, weight in weights.items()}


def _phase_groups(params: MixtureParams) -> list[dict[str, GroupParams]]:
    return [phase.groups for phase in params.phases or ()] if params.groups is None else [params.groups]


def _check_lengths(phases: Sequence[PhaseParams], total_tokens: int | None) -> None:
    for phase in phases:
        if (phase.tokens is None) == (phase.fraction is None):
            raise UsageError(f"mixture.phases.{phase.name} has to have either tokens or fraction: give one of them")
    if len({phase.tokens is None for phase in phases}) > 1:
        raise UsageError("mixture.phases: some have tokens, some have fraction: give the same for all")
    if phases[0].tokens is not None:
        if total_tokens is not None:
            raise UsageError(f"mixture.total_tokens {total_tokens} beside phases that have tokens: remove it; their sum is the total")
        return
    if total_tokens is None:
        raise UsageError("mixture.phases have fractions, but there is no total_tokens: give it, or give tokens for each phase")
    total = sum(exact(phase.fraction or 0) for phase in phases)
    if total != 1:
        raise UsageError(f"mixture.phases: the fractions sum to {float(total):g}: let them sum to 1")
