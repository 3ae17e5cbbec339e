"""The steps of a source's curation, as its config names them, in the order in which they work and give reasons:

    curation:
      - starcoder2                            # a rule set, with its published thresholds
      - gopher_quality: {min_words: 20}       # another, with one of its own
      - mypackage.rules.no_tabs               # a user's own, by its import path

Normalisation comes first, named or not: lines, hashes and every measure rest on it.
"""

import importlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError, model_serializer, model_validator

from pipeline.curation.rule import Columns, Edit, Rule, RuleSet
from pipeline.params import Params, UsageError

NORMALISE = "normalise"
_BOUND = TypeAdapter(Annotated[float, Field(allow_inf_nan=False)] | None)
STEPS = {
    "c4": "pipeline.curation.rules_c4.C4Params",
    "decontaminate": "pipeline.curation.decontaminate.DecontaminateParams",
    "fineweb": "pipeline.curation.rules_fineweb.FineWebParams",
    "gopher_quality": "pipeline.curation.rules_gopher.GopherQualityParams",
    "gopher_repetition": "pipeline.curation.rules_gopher.GopherRepetitionParams",
    "language": "pipeline.curation.language.LanguageParams",
    "licence": "pipeline.curation.licence.LicenceParams",
    "linguist": "pipeline.curation.rules_linguist.LinguistParams",
    "opencoder": "pipeline.curation.rules_opencoder.OpenCoderParams",
    "opencoder_syntax": "pipeline.curation.rules_syntax.OpenCoderSyntaxParams",
    "quality": "pipeline.curation.quality.QualityParams",
    "redact": "pipeline.curation.redact.RedactParams",
    "redpajama_github": "pipeline.curation.rules_code.RedPajamaGithubParams",
    "refinedweb": "pipeline.curation.rules_refinedweb.RefinedWebParams",
    "starcoder": "pipeline.curation.rules_code.StarCoderParams",
    "starcoder2": "pipeline.curation.rules_code.StarCoder2Params",
}


class StepSpec(Params):
    """One entry of a source's `curation`: a name, or a name with params of one's own."""

    name: str
    params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_config(cls, entry: Any) -> Any:
        if isinstance(entry, str):
            return {"name": entry}
        if isinstance(entry, dict) and entry.keys() <= {"name", "params"}:
            return entry
        if isinstance(entry, dict) and len(entry) == 1:
            [(name, params)] = entry.items()
            if params is None or isinstance(params, dict):
                return {"name": name, "params": params or {}}
        raise UsageError(f"curation: {entry!r} is no step: write `NAME`, or `NAME: {{KEY: VALUE, ...}}`, as one entry of the list")

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        params = {"type": ["object", "null"]}
        by_name = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": params}
        known = ", ".join([NORMALISE, *sorted(STEPS)])
        return {"anyOf": [{"type": "string"}, by_name], "description": f"a step ({known}) or mypackage.module.rule"}

    @model_serializer
    def _to_config(self) -> str | dict[str, dict[str, Any]]:
        return {self.name: self.params} if self.params else self.name


@dataclass(frozen=True)
class Step:
    """One step, ready to work; `rule_set` is None for a user's single rule."""

    name: str
    rules: tuple[Rule, ...]
    rule_set: RuleSet | None = None

    @property
    def costly(self) -> bool:
        return self.rule_set is not None and self.rule_set.costly

    def edit(self, columns: Columns) -> Edit | None:
        return self.rule_set.edit(columns) if self.rule_set else None

    def files(self) -> list[str]:
        """The paths of the files that it works with: their contents decide, as its params do.

        Raises:
            UsageError: one is missing, or can't be used.
        """
        return self.rule_set.files() if self.rule_set else []


def build_steps(specs: Sequence[StepSpec]) -> list[Step]:
    """The steps that a source's config names, in its order, less the normalisation.

    Raises:
        UsageError: an unknown step or key, a value that can't be one, a path that can't be imported, a rule named twice, a
            normalisation that is not the first or has params.
    """
    if any(spec.name == NORMALISE and (place or spec.params) for place, spec in enumerate(specs)):
        raise UsageError(
            f"curation: {NORMALISE} has no settings and comes first, named or not: put it at the head of the list, or leave it out"
        )
    steps = [_build(spec) for spec in specs if spec.name != NORMALISE]
    for what, times in (("step", Counter(step.name for step in steps)), ("rule", Counter(rule.name for rule in rules_of(steps)))):
        if repeated := [name for name, count in times.items() if count > 1]:
            raise UsageError(f"curation: the {what} {repeated[0]} would work twice: name each step once")
    return steps


def check_kind(steps: Iterable[Step], *, source: str, kind: str) -> None:
    """
    Raises:
        UsageError: a rule set for prose would judge code, or the other way round.
    """
    for step in steps:
        meant_for = step.rule_set.meant_for if step.rule_set else None
        if meant_for not in (None, kind):
            raise UsageError(
                f"sources.{source}.curation: {step.name} is for sources of kind {meant_for}, this one is of kind {kind}: "
                "leave the step out, or part the source in two with include"
            )


def rules_of(steps: Iterable[Step]) -> list[Rule]:
    """All rules, in the order in which they give reasons."""
    return [rule for step in steps for rule in step.rules]


def _build(spec: StepSpec) -> Step:
    if spec.name not in STEPS and "." not in spec.name:
        raise UsageError(f"curation: no step is named {spec.name!r}; {_nearest(spec.name, [NORMALISE, *STEPS])}")
    named = _import(STEPS.get(spec.name, spec.name))
    if isinstance(named, Rule):
        if unknown := set(spec.params) - {"minimum", "maximum"}:
            raise UsageError(f"curation.{spec.name}: {min(unknown)!r} is no threshold of a single rule; known are minimum, maximum")
        bounds = {side: _bound(spec.name, side, spec.params.get(side, getattr(named, side))) for side in ("minimum", "maximum")}
        return Step(spec.name, (replace(named, minimum=bounds["minimum"], maximum=bounds["maximum"]),))
    if isinstance(named, type) and issubclass(named, RuleSet):
        try:
            rule_set = named(**spec.params)
        except ValidationError as error:
            raise UsageError(_explain(error, spec.name, named)) from error
        return Step(spec.name, tuple(rule_set.rules()), rule_set)
    raise UsageError(f"curation: {spec.name} is a {type(named).__name__}: make it a Rule, or a subclass of RuleSet")


def _bound(step: str, side: str, value: Any) -> float | None:
    """A single rule's bound. (YAML takes 1e5 for a word: it wants 1.0e+5.)"""
    try:
        bound: float | None = _BOUND.validate_python(value)
    except ValidationError:
        raise UsageError(f"curation.{step}.{side}: {value!r} is no number: write one, or null to turn the bound off") from None
    return bound


def _import(path: str) -> Any:
    module_name, _, attribute = path.rpartition(".")
    if not all(part.isidentifier() for part in path.split(".")):
        raise UsageError(f"curation: {path!r} is no import path: write it as mypackage.module.rule")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, SyntaxError, NameError) as error:
        raise UsageError(f"curation: {path}: can't import {module_name} ({error}): install the package, or mend the path") from error
    if not hasattr(module, attribute):
        raise UsageError(f"curation: {module_name} has no {attribute!r}; {_nearest(attribute, vars(module))}")
    return getattr(module, attribute)


def _explain(error: ValidationError, name: str, rule_set: type[RuleSet]) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"curation.{name}: {key!r} is no setting of it; {_nearest(key, rule_set.model_fields)}"
    if first["type"] == "value_error":  # one of our own: it says all
        return f"curation.{name}{'.' + key if key else ''}: {first['ctx']['error']}"
    return f"curation.{name}.{key}: {first['input']!r}: {first['msg']}"


def _nearest(name: str, known: Any) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"
