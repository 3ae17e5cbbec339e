"""stats.json: every number of the report, from the manifests' counts where they suffice and from the rows where not.

It holds no time, no path of this machine and no worker's name: the same datasets give the same bytes.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import pyarrow.parquet as pq

from mixtures.schedule import bound
from mixtures.spec import max_epochs_of, shares
from pipeline import schema
from pipeline.curation.steps import STEPS, StepSpec, build_steps
from pipeline.dedup.params import DedupParams, implied_threshold, recall
from pipeline.report.attention import attention
from pipeline.report.datasets import DATASETS, Run, add_counts, load_run
from pipeline.report.rows import (
    deviation_rows,
    document_rows,
    duplicate_rows,
    first_prefix,
    fork_rows,
    licence_rows,
    phase_rows,
    removal_rows,
    segment_rows,
    share_range,
)

VERSION = 1
_FATES = ("num_survivors", "num_copies", "num_near_duplicates", "num_forked", "num_in_forks")
Stats = dict[str, Any]


def collect(workdir: str) -> Stats:
    """
    Returns:
        what `stats.json` holds. Sizes are num_bytes, lengths tokens; a source that the mixture leaves out has `mixture: null`.
    Raises:
        RunError: a job has not run yet, or a manifest is damaged.
    """
    run = load_run(workdir)
    deviation = deviation_rows(run)
    sources = _sources(run, deviation["sources"])
    stats = {
        "version": VERSION,
        "verdict": _verdict(run, sources),
        "sources": sources,
        "groups": {group: _total(member for member in sources if member["group"] == group) for group in _group_names(run)},
        "total": _total(sources),
        "rules": [rule for source in run.sources for rule in _rules(run, source)],
        "licences": {source: held for source in run.sources if (held := licence_rows(run, source))},
        "removals": removal_rows(run),
        "dedupe": _dedupe(run),
        "tokenizer": run["tokenizer"].extra,
        "packing": _packing(run, sources),
        "deviation": deviation,
        "run": _run(run),
    }
    return stats | {"attention": attention(stats)}


def _sources(run: Run, deviation: Stats) -> list[Stats]:
    mixed, segments = _mixture(run, deviation), segment_rows(run)
    found = []
    for name in run.sources:
        curated, deduped, tokens = (run[dataset].counts.get(name, {}) for dataset in ("decisions", "survivors", "tokens"))
        cut, rows = run["cuts"].counts.get(name, {}), document_rows(run, name)
        num_tokens, num_bytes = tokens.get("num_tokens", 0), tokens.get("num_bytes", 0)
        found.append(
            {
                "name": name,
                "group": run.groups.get(name),
                "kind": run["decisions"].params[name]["kind"],
                "curate": {key: curated.get(key, 0) for key in ("num_documents", "num_bytes", "num_kept", "kept_bytes")}
                | {key: curated.get(key, {}) for key in ("dropped", "broken")}
                | {f"num_{key}": sum(curated.get(key, {}).values()) for key in ("dropped", "broken")},
                "dedupe": {key: deduped.get(key, 0) for key in _FATES}
                | {key: cut.get(key, 0) for key in ("num_cut_documents", "num_cut_spans", "cut_bytes")},
                "tokenize": {
                    "num_documents": tokens.get("num_documents", 0),
                    "num_bytes": num_bytes,
                    "num_tokens": num_tokens,
                    "num_added_tokens": tokens.get("num_documents", 0) * run.packing.num_markers,
                    "bytes_per_token": round(num_bytes / num_tokens, 4) if num_tokens else None,
                    "lengths": rows["lengths"],
                },
                "mixture": mixed.get(name),
                "pack": {key: value for key, value in rows.items() if key != "lengths"} | segments[name] if name in mixed else None,
            }
        )
    return found


def _mixture(run: Run, deviation: Stats) -> dict[str, Stats]:
    """Each source's part of the stream. Tokens are with BOS and EOS."""
    caps, phases = max_epochs_of(run.mixture), shares(run.mixture)
    starts = [0, *run.phase_ends[:-1]]
    lengths = [end - start for start, end in zip(starts, run.phase_ends, strict=True)]
    by_phase, counts = phase_rows(run), run["sequences"].counts
    mixed = {}
    for name in run.names:
        plan, packed = counts["sources"][name], counts["tokens"].get(name, 0)
        trainable, num_sequences = plan["trainable_tokens"], sum(by_phase[name])
        available = int(trainable * caps[name])
        target = sum(phase[name] * length for phase, length in zip(phases, lengths, strict=True)) / Fraction(run.num_sequences)
        mixed[name] = {
            "target_share": float(target),
            "realised_share": num_sequences / run.num_sequences,
            "num_sequences": num_sequences,
            "trainable_tokens": trainable,
            "max_epochs": float(caps[name]),
            "available_tokens": available,
            "packed_tokens": packed,
            # An epoch is every document once, so the first `trainable_tokens` of the stream are all different.
            "unique_tokens": min(packed, trainable),
            "epochs": round(packed / trainable, 4),
            "tail_tokens": plan["tail_tokens"],
            "unused_tokens": available - packed,
            "worst_deviation": max(-min(deviation[name]["lowest"]), max(deviation[name]["highest"])),
            "binds": name == run["sequences"].extra["deviation"]["binds"],
            "phases": [
                {"target_share": float(phase[name]), "realised_share": count / length, "num_sequences": count}
                for phase, count, length in zip(phases, by_phase[name], lengths, strict=True)
            ],
        }
    return mixed


def _verdict(run: Run, sources: list[Stats]) -> Stats:
    deviation, num_sequences = run["sequences"].extra["deviation"], run.num_sequences
    sequence_length = run.packing.sequence_length
    groups = {}
    for group in _group_names(run):
        members = [source for source in sources if source["group"] == group]
        lowest, highest = share_range(run, [member["name"] for member in members])
        groups[group] = {
            "target_share": round(sum(member["mixture"]["target_share"] for member in members), 12),
            "realised_share": sum(member["mixture"]["num_sequences"] for member in members) / num_sequences,
            "lowest_share": lowest,
            "highest_share": highest,
        }
    return {
        "groups": groups,
        "shares_from_sequence": first_prefix(run),
        "num_tokens": sum(source["mixture"]["packed_tokens"] for source in sources if source["mixture"]),
        "num_sequences": num_sequences,
        "sequence_length": sequence_length,
        "phases": [phase.name for phase in run.mixture.phases or ()],
        "phase_ends": run.phase_ends,
        "binds": deviation["binds"],
        "worst_deviation": {"sequences": deviation["worst"], "source": deviation["source"], "prefix": deviation["prefix"]},
        "deviation_bound": float(bound(shares(run.mixture))),
    }


def _group_names(run: Run) -> list[str]:
    """The larger share of the stream first."""
    counts = run["sequences"].extra["num_sequences_by_source"]
    sizes: dict[str, int] = {}
    for name in run.names:
        sizes[run.groups[name]] = sizes.get(run.groups[name], 0) + counts[name]
    return sorted(sizes, key=lambda group: (-sizes[group], group))


def _rules(run: Run, source: str) -> list[Stats]:
    """A source's rules in their order, with their thresholds where the step is one of ours."""
    files = run.files("decisions", source)
    measured = pq.read_schema(run.path("decisions", files[0])).names[len(schema.DECISIONS) :] if files else []
    specs = [StepSpec.model_validate(spec) for spec in run["decisions"].params[source]["curation"]]
    steps = build_steps([spec for spec in specs if spec.name in STEPS])
    known = {rule.name: (step.name, rule.minimum, rule.maximum) for step in steps for rule in step.rules}
    dropped = run["decisions"].counts.get(source, {}).get("dropped", {})
    fields = ("set", "minimum", "maximum")
    return [
        {"source": source, "name": name, "num_dropped": dropped.get(name, 0)}
        | dict(zip(fields, known.get(name, ("own", None, None)), strict=True))
        for name in measured
    ]


def _dedupe(run: Run) -> Stats:
    near = DedupParams.model_validate(run["survivors"].params).near
    found = near and {
        "recall": round(recall(near.min_similarity, near), 6),
        "implied_threshold": round(implied_threshold(near), 6),
    }
    return {
        "near": found,
        "buckets": run["survivors"].extra["buckets"],
        "checks": run["survivors"].extra["checks"],
        "duplicates": duplicate_rows(run),
        "forks": fork_rows(run),
    }


def _packing(run: Run, sources: list[Stats]) -> Stats:
    mixed = [source for source in sources if source["pack"]]
    total = _total(mixed)
    places = run.num_sequences * run.packing.sequence_length
    return {
        "efficiency": total["mixture"]["packed_tokens"] / places,
        "segments_per_sequence": round(total["pack"]["num_segments"] / run.num_sequences, 4),
        "cut_runs_share": round(total["pack"]["num_cut_runs"] / max(total["pack"]["num_runs"], 1), 6),
    }


def _run(run: Run) -> Stats:
    datasets = {
        dataset: {
            "job": run[dataset].job,
            "fingerprint": run[dataset].fingerprint,
            "num_files": len(run[dataset].files),
            "num_rows": sum(file.num_rows for file in run[dataset].files),
            "num_bytes": sum(file.num_bytes for file in run[dataset].files),
        }
        for dataset in DATASETS
    }
    params = {"sources": run["decisions"].params, "dedup": run["survivors"].params, "tokenizer": run["tokenizer"].params}
    return {"datasets": datasets, "params": params | run["sequences"].params}


def _total(sources: Iterable[Stats]) -> Stats:
    """The sources' counts added up, section by section."""
    total: Stats = {}
    for source in sources:
        add_counts(total, {section: source[section] for section in ("curate", "dedupe", "tokenize", "mixture", "pack") if source[section]})
    return total
