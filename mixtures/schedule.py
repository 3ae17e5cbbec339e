"""The order of sequences: at every prefix of the stream each source is less than one sequence away from its share.

With shares 1/2, 1/4, 1/4 of a, b, c:

    position    0    1    2    3    4  ...
    source      a    b    a    c    a  ...

Tijdeman's chairman assignment. Let a source's deficit be what its shares sum to so far, less its sequences. With n sources,
the next sequence goes to one whose deficit is at least 1/(2n-2), and among these to the one that would be the first to exceed
1 - 1/(2n-2) if it were passed over. No source is then ever further than 1 - 1/(2n-2) from its share, ahead or behind, even
where the shares change on the way, as they do between phases. ("Largest deficit first" keeps no such bound.) A phase's end
carries each source's debt of less than one sequence over: a source whose last phase is over may come once more.

A step looks at the future of the shares alone, never at the length of the stream; so a longer stream of one phase begins
with the shorter one. All arithmetic is on integers: each source's deficit in units of its own shares' common denominator.

Source: R. Tijdeman, The chairman assignment problem, Discrete Mathematics 32 (1980).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from mixtures.spec import Shares, denominators
from pipeline.kernels import kernel
from pipeline.params import LawBroken

_NEVER = np.iinfo(np.int64).max - 1
_MAX_BINS = 1000


@dataclass(frozen=True)
class Schedule:
    """Which source gives each sequence of the training stream.

    Attributes:
        names: the sources, sorted.
        sources: int16 [num_sequences], indices into names.
        phase_ends: int64 [num_phases], the position after each phase's last one.
    """

    names: tuple[str, ...]
    sources: np.ndarray
    phase_ends: np.ndarray

    def positions(self, name: str) -> np.ndarray:
        """int64: where the stream takes from this source; entry k is its k-th use."""
        return np.flatnonzero(self.sources == self.names.index(name))

    def phases(self, positions: np.ndarray) -> np.ndarray:
        """int16: the phase of each of these positions."""
        return np.searchsorted(self.phase_ends, positions, side="right").astype(np.int16)

    def counts(self) -> dict[str, int]:
        """Sequences of each source."""
        counts = np.bincount(self.sources, minlength=len(self.names))
        return {name: int(count) for name, count in zip(self.names, counts, strict=True)}


@dataclass(frozen=True)
class Deviation:
    """How far a schedule strays from the shares: sequences so far, less the shares' sum.

    Attributes:
        worst: the largest distance at any prefix, exact.
        source, prefix: where it is reached first: the source's name and the number of sequences.
        bin_ends: int64 [num_bins], at most 1,000: prefixes for drawing.
        lowest, highest: float64 [num_sources, num_bins], the extremes of the signed deviation inside each bin.
    """

    worst: Fraction
    source: str
    prefix: int
    bin_ends: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray


def schedule(shares: Sequence[Shares], num_sequences: Sequence[int]) -> Schedule:
    """The stream of as many sequences as the phases have.

    Args:
        shares: a dict a phase, with the same keys, each summing to 1 (mixtures.spec.shares).
        num_sequences: the length of each phase.
    Raises:
        UsageError: the shares' denominators are too large (mixtures.spec.denominators).
    """
    ends = np.cumsum(np.asarray(num_sequences, np.int64))
    names = tuple(sorted(shares[0]))
    out = np.empty(int(ends[-1]), np.int16)
    _assign(*_scaled(shares, names), ends, np.full(len(names), _NEVER), out)
    return Schedule(names, out, ends)


def longest_schedule(shares: Shares, capacities: Mapping[str, int]) -> tuple[Schedule, str]:
    """The stream of one phase up to the first sequence that a source can't give any more.

    Args:
        capacities: how many sequences each source can give.
    Returns:
        the schedule, and the source that ran out.
    """
    names = tuple(sorted(shares))
    # A source is less than one sequence behind its share, so it has run out by then.
    longest = min(int((capacities[name] + 1) / shares[name]) for name in names if shares[name]) + 1
    out = np.empty(longest, np.int16)
    left = np.array([capacities[name] for name in names], np.int64)
    stop, short = _assign(*_scaled([shares], names), np.array([longest]), left, out)
    assert short >= 0
    return Schedule(names, out[:stop].copy(), np.array([stop], np.int64)), names[short]


def bound(shares: Sequence[Shares]) -> Fraction:
    """The deviation that no prefix exceeds: 1 - 1/(2n-2), for the n sources that have a share in any phase."""
    num_active = sum(any(phase[name] for phase in shares) for name in shares[0])
    return 1 - Fraction(1, max(2 * num_active - 2, 1))


def worst_deviation(schedule: Schedule, shares: Sequence[Shares]) -> Deviation:
    """Measures any schedule against the shares, exactly; it uses nothing of how the schedule was made."""
    length = schedule.sources.size
    bin_size = max(1, -(-length // _MAX_BINS))
    bin_ends = np.minimum(np.arange(bin_size, length + bin_size, bin_size), length)
    lowest, highest = np.zeros((2, len(schedule.names), bin_ends.size))
    worst = (Fraction(0), schedule.names[0], 0)
    scales = denominators(shares)
    for i, name in enumerate(schedule.names):
        scale = scales[name]
        steps = np.array([int(phase[name] * scale) for phase in shares], np.int64)
        low, high = _track(schedule.sources, i, bin_size, steps, scale, schedule.phase_ends)
        lowest[i], highest[i] = (extreme[:, 0] - extreme[:, 1] / scale for extreme in (low, high))
        for whole, part, at in (max(high.tolist(), key=_signed), min(low.tolist(), key=_signed)) if length else ():
            found = abs(whole - Fraction(part, scale))
            if found > worst[0] or (found == worst[0] and at < worst[2]):
                worst = (found, name, at)
    return Deviation(*worst, bin_ends, lowest, highest)


def check_schedule(schedule: Schedule, shares: Sequence[Shares]) -> Deviation:
    """The law of the mixture: at every prefix each source is less than one sequence away from its share.

    Raises:
        LawBroken: it is not.
    """
    found = worst_deviation(schedule, shares)
    if found.worst >= 1:
        raise LawBroken(
            f"mixture: after {found.prefix:,} sequences {found.source} is {float(found.worst):.4f} sequences away from its share; "
            "less than 1 is allowed: the schedule is not of these shares; remove it and run pack again"
        )
    return found


def _scaled(shares: Sequence[Shares], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The shares as integers: what a step adds to each deficit [num_phases, n], one sequence's worth [n], 1/(2n-2) of it [n]."""
    parts = (1 / (1 - bound(shares))).numerator
    scales = denominators(shares)
    steps = [[int(phase[name] * scales[name]) * parts for name in names] for phase in shares]
    units = [scales[name] for name in names]
    return np.array(steps, np.int64), np.array(units, np.int64) * parts, np.array(units, np.int64)


@kernel
def _assign(
    steps: np.ndarray, ones: np.ndarray, margins: np.ndarray, phase_ends: np.ndarray, left: np.ndarray, out: np.ndarray
) -> tuple[int, int]:
    """Fills `out`; stops before a source gives more than `left`. Returns the length, and the source that ran out or -1.

    |deficit| stays below 2 * ones, which is below 2**61.
    """
    num_sources = ones.size
    deficits = np.zeros(num_sources, np.int64)
    deadlines = np.empty(num_sources, np.int64)
    for i in range(num_sources):
        deadlines[i] = _first_above(ones[i] - margins[i], 0, i, steps, phase_ends)
    phase = 0
    for position in range(out.size):
        while position >= phase_ends[phase]:
            phase += 1
        best, best_deadline = -1, _NEVER + 1
        for i in range(num_sources):
            deficits[i] += steps[phase, i]
            if deficits[i] >= margins[i] and deadlines[i] < best_deadline:
                best, best_deadline = i, deadlines[i]
        if left[best] == 0:
            return position, best
        left[best] -= 1
        out[position] = best
        deficits[best] -= ones[best]
        deadlines[best] = _first_above(ones[best] - margins[best] - deficits[best], position + 1, best, steps, phase_ends)
    return out.size, -1


@kernel
def _first_above(need: int, start: int, i: int, steps: np.ndarray, phase_ends: np.ndarray) -> int:
    """The first position from `start` on by which source i's steps sum to more than `need`, which is not negative; the last
    phase counts as endless."""
    last = phase_ends.size - 1
    for phase in range(phase_ends.size):
        room = phase_ends[phase] - start
        if phase < last and room <= 0:
            continue
        step = steps[phase, i]
        if step > 0:
            wait = need // step  # whole steps that do not exceed it
            if phase == last or wait < room:
                return start + wait
            need -= room * step
        start = phase_ends[phase]
    return _NEVER


@kernel
def _track(
    sources: np.ndarray, source: int, bin_size: int, steps: np.ndarray, scale: int, phase_ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest deviation in each bin as rows (whole, part, prefix): whole - part / scale, 0 <= part < scale.

    Whole sequences and the rest are counted apart, so that no schedule, however wrong, overflows.
    """
    num_bins = -(-sources.size // bin_size)
    low = np.zeros((num_bins, 3), np.int64)
    high = np.zeros((num_bins, 3), np.int64)
    whole, part, phase = 0, 0, 0
    for k in range(num_bins):
        for position in range(k * bin_size, min((k + 1) * bin_size, sources.size)):
            while position >= phase_ends[phase]:
                phase += 1
            part += steps[phase]
            if part >= scale:
                part -= scale
                whole -= 1
            if sources[position] == source:
                whole += 1
            first = position == k * bin_size
            if first or whole < low[k, 0] or (whole == low[k, 0] and part > low[k, 1]):
                low[k] = (whole, part, position + 1)
            if first or whole > high[k, 0] or (whole == high[k, 0] and part < high[k, 1]):
                high[k] = (whole, part, position + 1)
    return low, high


def _signed(extreme: Sequence[int]) -> tuple[int, int]:
    return extreme[0], -extreme[1]
