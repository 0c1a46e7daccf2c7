"""Where an axis begins and ends and what stands beside its ticks: decided here, so that charts never guess.

Vega would choose well for an interactive page; in a printed report the same scores must carry the same decimals as the
tables, and one hopeless trial must not squeeze all others into a corner.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from luthier.report.facts import is_known


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of numbers with its ticks; `decimals` are those the tick labels need."""

    low: float
    high: float
    ticks: tuple[float, ...]
    decimals: int

    @classmethod
    def around(cls, values: Iterable[float | None], *, n_ticks: int = 5, margin: float = 0.08) -> Axis:
        """An axis that holds all known values with a little room at both ends."""
        known = [v for v in values if is_known(v)]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        if not high > low:
            reach = abs(low) * 0.05 or 0.5  # one value alone still needs a place to stand
            low, high = low - reach, high + reach
        room = (high - low) * margin
        return cls.spanning(low - room, high + room, n_ticks=n_ticks)

    @classmethod
    def spanning(cls, low: float, high: float, *, n_ticks: int = 5) -> Axis:
        """An axis from exactly `low` to exactly `high`, with ticks at round numbers in between."""
        step = round_step((high - low) / (n_ticks + 1))  # at most two ticks more than asked for
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        ticks = tuple(k * step for k in range(first, last + 1))
        return cls(low, high, ticks, min(max(0, -math.floor(math.log10(step) + 1e-9)), 9))

    def share(self, value: float) -> float:
        """Where on the axis a value stands, 0 at the low end and 1 at the high end, held inside."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


def round_step(size: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least `size`.

    >>> round_step(0.013), round_step(3.0), round_step(700.0)
    (0.02, 5.0, 1000.0)
    """
    power = 10.0 ** math.floor(math.log10(size))
    for factor in (1.0, 2.0, 5.0, 10.0):
        if factor * power >= size * (1 - 1e-9):
            return float(f"{factor * power:.6g}")
    return 10 * power


def typical_range(scores: Sequence[float], *, greater_is_better: bool, keep: Sequence[float | None] = ()) -> Axis:
    """An axis for many scores of which some may be hopeless.

    The better end is always in sight. The worse end stops at twice the spread of the better half below the median (our
    judgement), so that a failed idea does not hide the differences among the good ones; `keep` is always in sight.
    """
    values = np.asarray([s if greater_is_better else -s for s in scores if is_known(s)], dtype=np.float64)
    if not values.size:
        return Axis.around(keep)
    median, best = float(np.median(values)), float(values.max())
    lowest = max(float(values.min()), median - 2 * (best - median)) if best > median else float(values.min())
    ends = [lowest, best] if greater_is_better else [-lowest, -best]
    return Axis.around([*ends, *keep])


def apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near to `wanted` as possible, at least `gap` from each other and inside [low, high], order kept.

    Labels beside a chart stand here: close lines must not overprint their names.

    >>> apart([10.0, 12.0, 50.0], 14.0, 0.0, 100.0)
    [4.0, 18.0, 50.0]
    """
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    groups: list[tuple[float, list[int]]] = []  # (centre, members)
    for i in order:
        groups.append((wanted[i], [i]))
        while True:
            centre, members = groups[-1]
            half = gap * (len(members) - 1) / 2
            groups[-1] = (min(max(centre, low + half), max(high - half, low + half)), members)
            if len(groups) == 1:
                break
            (c0, m0), (c1, m1) = groups[-2], groups[-1]  # kept inside, it may have come too close to the one before
            if c1 - c0 >= gap * (len(m0) + len(m1)) / 2:
                break
            groups[-2:] = [((c0 * len(m0) + c1 * len(m1)) / (len(m0) + len(m1)), m0 + m1)]
    placed = [0.0] * len(wanted)
    for centre, members in groups:
        for place, i in enumerate(members):
            placed[i] = centre + gap * (place - (len(members) - 1) / 2)
    return placed
