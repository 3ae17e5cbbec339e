"""The table of `tenfold plan`."""

import itertools
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mixtures.budget import Budget, SourceBudget, count_stocks, make_budget
from pipeline import manifest
from pipeline.config import RunConfig
from pipeline.curation.optout import DECISION_COLUMNS, read_entries, removals
from pipeline.packing.removed import count_removed, without_removed
from pipeline.report.terminal import print_whole

COLUMNS = ("source", "documents", "tokens", "target", "packed tokens", "realised", "epochs", "unused tokens", "")


Removed = Mapping[str, Mapping[str, int]]


def plan_mixture(config: RunConfig) -> tuple[Budget, Removed]:
    """What the config's mixture takes from `tokens/`, less what its opt-out lists name; and by source what these take.

    Raises:
        RunError: tokenize did not run.
        UsageError: the mixture can't be had; an opt-out list can't be read.
    """
    tokens, entries = manifest.load(config.workdir, "tokens"), read_entries(config.removals)
    removed: Removed = {}
    if len(entries):
        decisions = manifest.load(config.workdir, "decisions")

        def removed_ids(unit: str) -> np.ndarray:
            rows = pq.read_table(decisions.path(config.workdir, unit), columns=DECISION_COLUMNS)
            return removals(rows, entries)["id"].to_numpy()

        removed = count_removed(config.workdir, tokens, removed_ids)
    packing = config.packing
    stocks = count_stocks(without_removed(tokens.counts, removed), sources=config.sources, num_markers=packing.num_markers)
    return make_budget(config.mixture, stocks, sequence_length=packing.sequence_length), removed


def print_budget(budget: Budget, sequence_length: int, *, removed: Removed | None = None, console: Console | None = None) -> None:
    """What each source has and gives, by group, and what sets the length; tokens are with BOS and EOS.

    Args:
        sequence_length: in tokens.
        removed: what opt-out lists took from the sources before, without BOS and EOS.
        console: where to; by default the terminal.
    """
    console = console or Console()
    print_whole(plan_table(budget), console)
    console.print(Text(binding_sentence(budget, sequence_length)), soft_wrap=True)
    if removed:
        counts = ", ".join(
            f"{own['num_documents']:,} documents of {source} ({own['num_tokens']:,} tokens)" for source, own in removed.items()
        )
        console.print(Text(f"Opt-out lists remove {counts}; they are not counted above."), soft_wrap=True)


def plan_table(budget: Budget) -> Table:
    """A row a source, under its group's sums."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in ("source", "") else "right", no_wrap=True)
    groups = sorted({source.group for source in budget.sources}, key=lambda name: (-sum(map(_packed, _members(budget, name))), name))
    for group in groups:
        members = _members(budget, group)
        _add_sum(table, group, budget, members)
        for source in sorted(members, key=lambda source: (-source.used_tokens, source.name)):
            table.add_row(
                Text(f"  {source.name}"),
                f"{source.stock.num_documents:,}",
                f"{source.stock.num_tokens:,}",
                _percent(target_share(budget, source)),
                f"{source.used_tokens:,}",
                _percent(Fraction(source.num_sequences, budget.schedule.sources.size)),
                f"{source.epochs:.2f} of {float(source.max_epochs):g}",
                f"{source.unused_tokens:,}",
                "binds" if source.name == budget.binds else "",
            )
    _add_sum(table, "total", budget, list(budget.sources))
    return table


def target_share(budget: Budget, source: SourceBudget) -> Fraction:
    """Of the whole stream: the phases' shares, weighted by their lengths."""
    ends = [0, *budget.schedule.phase_ends.tolist()]
    lengths = [stop - start for start, stop in itertools.pairwise(ends)]
    return sum((share * length for share, length in zip(source.shares, lengths, strict=True)), Fraction(0)) / ends[-1]


def binding_sentence(budget: Budget, sequence_length: int) -> str:
    """What sets the length of the stream, and how to get more."""
    num_sequences = budget.schedule.sources.size
    total = f"{num_sequences:,} sequences x {sequence_length:,} = {num_sequences * sequence_length:,} tokens"
    limits = sorted((source.available_tokens / share, source.name) for source in budget.sources if (share := target_share(budget, source)))
    if budget.binds is None:
        most, name = limits[0]
        return f"{total}: the config sets the length. No source runs out; with these shares {name} would, at some {int(most):,} tokens."
    short = next(source for source in budget.sources if source.name == budget.binds)
    after = next(((most, name) for most, name in limits if name != budget.binds), None)
    then = f"; then {after[1]} binds, at some {int(after[0]):,}" if after else ""
    return (
        f"{total}: {short.name} binds, it has given all that max_epochs={float(short.max_epochs):g} allows. "
        f"For a longer stream raise mixture.{short.group}.{short.name}.max_epochs, lower its weight, or add documents to it{then}."
    )


def _add_sum(table: Table, name: str, budget: Budget, members: list[SourceBudget]) -> None:
    table.add_row(
        Text(name),
        f"{sum(source.stock.num_documents for source in members):,}",
        f"{sum(source.stock.num_tokens for source in members):,}",
        _percent(sum((target_share(budget, source) for source in members), Fraction(0))),
        f"{sum(map(_packed, members)):,}",
        _percent(Fraction(sum(source.num_sequences for source in members), budget.schedule.sources.size)),
        "",
        f"{sum(source.unused_tokens for source in members):,}",
        "",
        style="bold",
    )


def _members(budget: Budget, group: str) -> list[SourceBudget]:
    return [source for source in budget.sources if source.group == group]


def _packed(source: SourceBudget) -> int:
    return source.used_tokens


def _percent(share: Fraction) -> str:
    return f"{float(100 * share):.2f} %"
