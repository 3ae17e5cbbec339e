"""What each source has and what the mixture takes from it: the numbers of `tenfold plan`, found before anything is packed."""

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from mixtures.schedule import Schedule, longest_schedule, schedule
from mixtures.spec import MixtureParams, check_sources, exact, groups_of, max_epochs_of, shares
from pipeline.params import UsageError

Row = dict[str, str | int | float | None]


@dataclass(frozen=True)
class Stock:
    """What a source has to train on; tokens with BOS and EOS."""

    num_documents: int
    num_tokens: int


@dataclass(frozen=True)
class SourceBudget:
    """A source's part in the mixture.

    Attributes:
        available_tokens: what it may give: its stock times max_epochs.
        shares: its share of each phase, in tokens.
    """

    name: str
    group: str
    stock: Stock
    max_epochs: Fraction
    available_tokens: int
    shares: tuple[Fraction, ...]
    num_sequences: int
    used_tokens: int

    @property
    def epochs(self) -> float:
        """How often the mean document is seen."""
        return self.used_tokens / self.stock.num_tokens

    @property
    def unused_tokens(self) -> int:
        """What the budget leaves of available_tokens."""
        return self.available_tokens - self.used_tokens


@dataclass(frozen=True)
class Budget:
    """The whole mixture; `sources` are sorted by name, `binds` is the source that ran out, or None where the config sets the length."""

    sources: tuple[SourceBudget, ...]
    binds: str | None
    schedule: Schedule

    def rows(self) -> list[Row]:
        """A row a source, in the order of groups and sizes: the table of `tenfold plan`."""
        total = self.schedule.sources.size
        return [
            {
                "group": source.group,
                "source": source.name,
                "documents": source.stock.num_documents,
                "tokens": source.stock.num_tokens,
                "max_epochs": float(source.max_epochs),
                **{f"share_{phase}": float(share) for phase, share in enumerate(source.shares)},
                "sequences": source.num_sequences,
                "packed_share": source.num_sequences / total,
                "packed_tokens": source.used_tokens,
                "epochs": source.epochs,
                "unused_tokens": source.unused_tokens,
                "binds": "binds" if source.name == self.binds else None,
            }
            for source in sorted(self.sources, key=lambda source: (source.group, -source.num_sequences, source.name))
        ]


def count_stocks(counts: Mapping[str, Mapping[str, int]], *, sources: Iterable[str], num_markers: int) -> dict[str, Stock]:
    """Each source's stock from the counts in the manifest of `tokens/`.

    Args:
        num_markers: BOS and EOS that packing adds to a document.
    """
    stocks = {}
    for source in sources:
        num_documents = counts.get(source, {}).get("num_documents", 0)
        stocks[source] = Stock(num_documents, counts.get(source, {}).get("num_tokens", 0) + num_documents * num_markers)
    return stocks


def make_budget(params: MixtureParams, stocks: Mapping[str, Stock], *, sequence_length: int) -> Budget:
    """The stream that the mixture asks for, if the sources can give it.

    Args:
        stocks: by source; one that the mixture doesn't name is left out.
        sequence_length: in tokens.
    Raises:
        UsageError: the mixture names an unknown source, or asks for more than one has.
    """
    check_sources(params, stocks)
    caps = max_epochs_of(params)
    available = {name: int(stocks[name].num_tokens * cap) for name, cap in caps.items()}
    capacities = {name: tokens // sequence_length for name, tokens in available.items()}
    _check_stocks(params, stocks, sequence_length)
    phases, lengths = shares(params), phase_lengths(params, sequence_length)
    binds = None
    if lengths is None:
        order, binds = longest_schedule(phases[0], capacities)
    else:
        # The least that each source has to give is checked first: an absurd total must fail before it is laid out.
        targets = {name: sum(phase[name] * length for phase, length in zip(phases, lengths, strict=True)) for name in capacities}
        _check_counts(params, stocks, {name: math.ceil(target) - 1 for name, target in targets.items()}, sequence_length)
        order = schedule(phases, lengths)
        _check_counts(params, stocks, order.counts(), sequence_length)
    groups, counts = groups_of(params), order.counts()
    sources = tuple(
        SourceBudget(
            name=name,
            group=groups[name],
            stock=stocks[name],
            max_epochs=caps[name],
            available_tokens=available[name],
            shares=tuple(phase[name] for phase in phases),
            num_sequences=counts[name],
            used_tokens=counts[name] * sequence_length,
        )
        for name in order.names
    )
    return Budget(sources, binds, order)


def phase_lengths(params: MixtureParams, sequence_length: int) -> list[int] | None:
    """The sequences of each phase, whose ends are rounded down to whole sequences; None: as many as the caps allow.

    Raises:
        UsageError: a phase has none.
    """
    if params.phases and params.phases[0].tokens is not None:
        ends = [total // sequence_length for total in itertools.accumulate(phase.tokens or 0 for phase in params.phases)]
    elif params.total_tokens is None:
        return None
    else:
        total = params.total_tokens // sequence_length
        fractions = [exact(phase.fraction or 0) for phase in params.phases or ()] or [Fraction(1)]
        ends = [int(total * part) for part in itertools.accumulate(fractions)]
    lengths = [stop - start for start, stop in itertools.pairwise([0, *ends])]
    if min(lengths) < 1:
        names = [phase.name for phase in params.phases or ()]
        where = f"mixture.phases.{names[lengths.index(min(lengths))]}" if names else "mixture.total_tokens"
        raise UsageError(f"{where} is less than one sequence of {sequence_length:,} tokens: raise its tokens or lower sequence_length")
    return lengths


def _check_stocks(params: MixtureParams, stocks: Mapping[str, Stock], sequence_length: int) -> None:
    groups = groups_of(params)
    for name, cap in max_epochs_of(params).items():
        stock, field = stocks[name], f"mixture.{groups[name]}.{name}"
        if stock.num_tokens == 0:
            raise UsageError(
                f"{field} has no tokens to train on ({stock.num_documents:,} documents): "
                "check its path and what its rules drop, or remove it from the mixture"
            )
        available = int(stock.num_tokens * cap)
        if available < sequence_length:
            raise UsageError(
                f"{field} has {available:,} tokens at max_epochs={float(cap):g}, less than one sequence of {sequence_length:,}: raise "
                f"its max_epochs to {_enough_epochs(sequence_length, stock)}, lower sequence_length, or remove it from the mixture"
            )


def _check_counts(params: MixtureParams, stocks: Mapping[str, Stock], counts: Mapping[str, int], sequence_length: int) -> None:
    """Raises UsageError unless every source can give `counts` sequences."""
    groups, caps, phases = groups_of(params), max_epochs_of(params), shares(params)
    capacities = {name: int(stocks[name].num_tokens * cap) // sequence_length for name, cap in caps.items()}
    short = [name for name in counts if counts[name] > capacities[name]]
    if not short:
        return
    needs = "\n".join(
        f"mixture.{groups[name]}.{name} needs {_short(counts[name] * sequence_length)} tokens, "
        f"has {_short(int(stocks[name].num_tokens * caps[name]))} at max_epochs={float(caps[name]):g}: "
        f"raise its max_epochs to {_enough_epochs((counts[name] + 1) * sequence_length, stocks[name])}"
        for name in short
    )
    if params.phases is None:
        longest, _ = longest_schedule(phases[0], capacities)
        raise UsageError(f"{needs}\nor lower total_tokens to {longest.sources.size * sequence_length:_}")
    # Each phase's end is rounded and each count is less than one off its share, hence the slack.
    slack = len(params.phases) + 1
    part = min(Fraction(max(capacities[name] - slack, 0), counts[name] + slack) for name in short)
    what = "the phases' tokens" if params.total_tokens is None else "total_tokens"
    raise UsageError(f"{needs}\nor lower {what} to {math.floor(part * 1000) / 10:g} % of what they are" if part else needs)


def _enough_epochs(tokens: int, stock: Stock) -> str:
    """The least number of hundredths of an epoch that gives these tokens."""
    return f"{math.ceil(Fraction(100 * tokens, stock.num_tokens)) / 100:.12g}"


def _short(tokens: int) -> str:
    return f"{tokens / 1e9:.2f} B" if tokens >= 10**9 else f"{tokens:,}"
