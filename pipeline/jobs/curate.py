"""curate: raw shards to `documents/`, `decisions/` and `signatures/`, a unit at a time."""

import importlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import schema
from pipeline.config import RunConfig, SourceParams
from pipeline.curation.curate import curate, decision_schema
from pipeline.curation.licence import LicenceParams
from pipeline.curation.root_licence import root_licences
from pipeline.curation.steps import STEPS, StepSpec, build_steps, check_kind
from pipeline.dedup.signatures import signatures
from pipeline.jobs.engine import Deal
from pipeline.jobs.progress import Item
from pipeline.jobs.warm import compile_kernels
from pipeline.jobs.workspace import Workspace, collect, commit_datasets, job_fingerprint, stands
from pipeline.laws import check_documents
from pipeline.manifest import totals
from pipeline.params import RunError
from pipeline.readers.source import list_containers, read_unit
from pipeline.shards import committing, sha256
from pipeline.units import Unit, assign_salts, form_units

JOB = "curate"
DATASETS = ("documents", "decisions", "signatures")
VERSION = 3
LIBRARIES = ("pyarrow", "numpy", "zstandard", "datasketch", "fasttext-community", "tree-sitter", "tree-sitter-language-pack")


def run(space: Workspace) -> None:
    """Curates every unit that is not done, then writes the manifests.

    Raises:
        UsageError: a step is not to be had, or a file that it works with; a source's path holds nothing that can be read.
        RunError: too much of a source is broken; a law does not hold.
    """
    config = space.config
    for name, params in config.sources.items():  # a wrong name ends the run before anything is read
        check_kind(build_steps(params.curation), source=name, kind=params.kind)
    # Once a source: a step's model may be large.
    made_of = {name: steps_made_of(source.curation) for name, source in config.sources.items()}
    units, salts = plan_units(config)
    fingerprints = {unit.name: unit_fingerprint(unit, config, made_of=made_of[unit.source]) for unit in units}
    items = [Item(JOB, unit.name, fingerprints[unit.name], unit.text_bytes) for unit in units]
    pending = [unit for unit in units if not stands(space.workdir, JOB, unit.name, fingerprints[unit.name])]
    if pending and space.engine.is_local:
        compile_kernels(space)
    with space.progress(JOB, items):
        if pending:
            work = CurateUnits(config, fingerprints)
            largest_first = sorted(pending, key=lambda unit: (-unit.text_bytes, unit.name))
            text_bytes = sum(unit.text_bytes for unit in pending)
            space.engine.run(lambda p: p | Deal(largest_first) | beam.ParDo(work), job=JOB, workdir=space.workdir, text_bytes=text_bytes)
    done = collect(space.workdir, JOB, fingerprints.items())
    counts = totals(done, {unit.name: unit.source for unit in units})
    for source, params in config.sources.items():
        check_documents(source, counts.setdefault(source, {}))
        _check_broken(source, params, counts[source])
    whole = {
        "fingerprint": job_fingerprint(JOB, VERSION, libraries=LIBRARIES, inputs=sorted(fingerprints.items())),
        "params": {name: source.model_dump(mode="json", exclude={"path"}) for name, source in config.sources.items()},
        "counts": counts,
        "extra": {
            "units": {unit.name: unit.source for unit in units},
            "salts": {"/".join(key): salt for key, salt in salts.items()},
            "signature_params": signature_params(config),
        },
    }
    commit_datasets(space.workdir, JOB, DATASETS, done=done, whole=whole)


def plan_units(config: RunConfig) -> tuple[list[Unit], dict[tuple[str, str], int]]:
    """The units of every source in the config's order, and the containers' salts.

    Raises:
        UsageError: a source's path holds nothing that can be read.
    """
    containers = {name: list_containers(name, params, unit_bytes=config.unit_bytes) for name, params in config.sources.items()}
    salts = assign_salts([(name, container) for name, held in containers.items() for container in held])
    units = [unit for name, held in containers.items() for unit in form_units(name, held, unit_bytes=config.unit_bytes, salts=salts)]
    return units, salts


def unit_fingerprint(unit: Unit, config: RunConfig, *, made_of: list[list[str]]) -> str:
    """Names what the unit's outputs depend on; `made_of` is `steps_made_of` its source's curation."""
    source = config.sources[unit.source]
    steps = [spec.model_dump(mode="json") for spec in source.curation]
    read = source.model_dump(mode="json", exclude={"path", "curation", "max_broken_fraction"})
    salts = [(piece.container, piece.salt) for piece in unit.pieces if piece.salt]
    inputs = [unit.source, unit.inputs, salts, read, steps, made_of, signature_params(config)]
    return job_fingerprint(JOB, VERSION, libraries=LIBRARIES, inputs=inputs)


def steps_made_of(specs: Sequence[StepSpec]) -> list[list[str]]:
    """For each step the checksums of the files that it works with, and of a user's own code. (Ours is covered by VERSION.)

    Raises:
        UsageError: a step is not to be had, or one of its files.
    """
    made_of = []
    for step in build_steps(specs):
        paths = step.files()
        if step.name not in STEPS:
            paths = paths + own_code(step.name)
        made_of.append([sha256(path) for path in paths])
    return made_of


def own_code(name: str) -> list[str]:
    """The paths of all modules of the package that a user's step comes from: the step's own may import any of them."""
    outermost = importlib.import_module(name.partition(".")[0])
    folders = list(getattr(outermost, "__path__", []))
    if not folders:
        return [outermost.__file__] if outermost.__file__ else []
    return [str(file) for folder in folders for file in sorted(Path(folder).rglob("*")) if file.suffix in (".py", ".so")]


def signature_params(config: RunConfig) -> dict[str, int] | None:
    """What of dedup.near decides what a signature is; None: signatures are empty."""
    near = config.dedup.near
    return near.model_dump(include={"ngram_tokens", "num_permutations", "seed"}) if near else None


class CurateUnits(beam.DoFn):
    """Unit -> its name, once its outputs are committed."""

    def __init__(self, config: RunConfig, fingerprints: dict[str, str]) -> None:
        self._config = config
        self._fingerprints = fingerprints

    def process(self, unit: Unit) -> Any:
        curate_unit(unit, self._config, fingerprint=self._fingerprints[unit.name])
        yield unit.name


def curate_unit(unit: Unit, config: RunConfig, *, fingerprint: str) -> None:
    source, near = config.sources[unit.source], config.dedup.near
    steps = build_steps(source.curation)
    with committing(config.workdir, JOB, item=unit.name, fingerprint=fingerprint) as outputs:
        documents = outputs.parquet("documents", schema.DOCUMENTS)
        decisions = outputs.parquet("decisions", decision_schema(steps))
        compared = outputs.parquet("signatures", schema.signatures(near.num_permutations if near else 0))
        counts: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        broken: Counter[str] = Counter()
        # A look ahead at the roots of repositories may read an archive twice: only for those who ask.
        asks = any(isinstance(step.rule_set, LicenceParams) for step in steps)
        for raw in read_unit(unit, source, root_licences=root_licences if asks else None):
            curated = curate(raw, steps)
            decisions.write(curated.decisions)
            documents.write(curated.documents)
            compared.write(signatures(curated.documents, near, fold_case=source.kind == "text"))
            counts["num_documents"] += raw.num_rows
            counts["num_kept"] += curated.documents.num_rows
            counts["num_bytes"] += _sum(curated.decisions["num_bytes"])
            counts["kept_bytes"] += _sum(curated.documents["num_bytes"])
            _tally(curated.decisions, schema.DROPPED, dropped)
            _tally(curated.decisions, schema.BROKEN, broken)
        outputs.counts.update(counts, dropped=dict(dropped), broken=dict(broken))


def _tally(decisions: pa.RecordBatch, verdict: str, reasons: Counter[str]) -> None:
    chosen = decisions.filter(pc.equal(decisions["verdict"], verdict))
    for entry in chosen["reason"].value_counts().to_pylist():
        reasons[entry["values"]] += entry["counts"]


def _sum(column: pa.Array) -> int:
    return pc.sum(column).as_py() or 0


def _check_broken(source: str, params: SourceParams, counts: dict[str, Any]) -> None:
    num_broken, num_documents = sum(counts.get("broken", {}).values()), counts.get("num_documents", 0)
    if num_broken > params.max_broken_fraction * num_documents:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts["broken"].items()))
        raise RunError(
            f"source {source}: {num_broken:,} of {num_documents:,} documents are broken ({reasons}), over max_broken_fraction="
            f"{params.max_broken_fraction}: their places are in decisions/ (verdict 'broken'); mend the shards, or raise it"
        )
