"""One run: every params object composed, read from YAML with errors that say what to write instead."""

import difflib
import os
import re
from collections.abc import Hashable
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from mixtures.spec import MixtureParams, check_sources
from pipeline.curation.optout import RemovalParams
from pipeline.curation.steps import StepSpec
from pipeline.dedup.params import DedupParams
from pipeline.packing.params import PackingParams
from pipeline.params import Params, UsageError
from pipeline.readers.source import SourceReadParams
from tokenization.params import TokenizerParams
from trainer.config import TrainParams


class SourceParams(SourceReadParams):
    """Raw shards that are read, judged and weighted alike."""

    path: str = Field(description="a file, or a folder of shards, archives or repositories")
    kind: Literal["code", "text"] = Field(description="code is compared as it is written, text in lower case")
    curation: tuple[StepSpec, ...] = Field((), description="what judges and edits the documents, step by step in this order")
    max_broken_fraction: float = Field(0.05, ge=0, le=1, description="more broken records than this stop the run")

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: str) -> str:
        return _absolute(path)


class RunConfig(Params):
    """What `tenfold run` reads. The order of the sources is their priority in deduplication: an earlier one keeps the document."""

    workdir: str = Field(description="where every dataset and the report go")
    seed: int = Field(1, ge=0, description="of every choice: order, samples, ties")
    unit_bytes: int = Field(128 << 20, ge=1 << 16, description="text in one piece of work, about")
    sources: dict[str, SourceParams] = Field(min_length=1)
    removals: RemovalParams = RemovalParams(files=())
    dedup: DedupParams = DedupParams()
    tokenizer: TokenizerParams = TokenizerParams()  # type: ignore[call-arg]
    mixture: MixtureParams
    packing: PackingParams = PackingParams()
    trainer: TrainParams = TrainParams()

    @field_validator("workdir")
    @classmethod
    def _absolute(cls, path: str) -> str:
        return _absolute(path)

    @field_validator("removals")
    @classmethod
    def _lists_are_absolute(cls, removals: RemovalParams) -> RemovalParams:
        return RemovalParams(files=tuple(map(_absolute, removals.files)))

    @model_validator(mode="after")
    def _check(self) -> "RunConfig":
        for name in self.sources:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise UsageError(f"sources.{name}: a source's name has lower-case letters, digits and _: it names files")
            if f"{self.workdir}/".startswith(f"{self.sources[name].path.rstrip('/')}/"):
                raise UsageError(f"sources.{name}.path: {self.sources[name].path} holds the workdir, and would be read: move that out")
        for name in self.tokenizer.sample_weights:
            if name not in self.sources:
                raise UsageError(f"tokenizer.sample_weights.{name}: there is no such source; there are {', '.join(self.sources)}")
        check_sources(self.mixture, list(self.sources))
        return self


def load_config(path: str, *, workdir: str | None = None) -> RunConfig:
    """A config from its YAML file; `workdir` overrides the file's.

    Raises:
        UsageError: the file, or a key or value in it, is wrong.
    """
    values = read_yaml(path)
    if workdir is not None:
        values["workdir"] = workdir
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise UsageError("\n".join(f"{path}: {line}" for line in _explain(error, RunConfig))) from None


def read_yaml(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as stream:
            values = yaml.load(stream, _UniqueKeys)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}: give the path of a YAML config, such as mixtures/demo.yaml") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: no YAML: {error}") from None
    if not isinstance(values, dict):
        raise UsageError(f"{path}: a config is a mapping with the keys {', '.join(RunConfig.model_fields)}")
    return values


class _UniqueKeys(yaml.SafeLoader):
    """YAML takes the last of two equal keys without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a name", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _absolute(path: str) -> str:
    """Workers may stand in another folder."""
    return path if "://" in path else os.path.abspath(os.path.expanduser(path))


def _explain(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """A line a fault: the field, the value, and what to write instead."""
    lines = []
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = _fields_at(model, fault["loc"][:-1])
            near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
            lines.append(f"{place} is no known key: " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"))
        elif fault["type"] == "missing":
            lines.append(f"{place} is missing: add it")
        elif fault["type"] == "value_error":  # one of our own: it says all
            lines.append(f"{place}: {fault['ctx']['error']}" if place else str(fault["ctx"]["error"]))
        else:
            lines.append(f"{place}: {fault['msg']}, not {fault['input']!r}")
    return lines


def _fields_at(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys that the params object at this place has."""
    for part in place:
        # A part that is no field, or one that holds no params object, is a name of the user's: a source's, a phase's number.
        if part in model.model_fields and (found := _model_in(model.model_fields[str(part)].annotation)):
            model = found
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The params object inside dict[str, X], tuple[X, ...], X | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (dict, tuple, list, Union, UnionType, Annotated):
        return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
    return None
