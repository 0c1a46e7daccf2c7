"""Judge a model of time-ordered rows as it will be used: learned from what was, asked about what came next.

Windows follow one another to the end of the table; each is predicted by a model that learned from all rows before it.
Two rules make their pooled score speak of the stretch to come. studies/time_order has what they are worth, and how far
they were chosen on the tables they are shown on.

*Many windows over nearly the whole history, all alike.* What the coming stretch will be like is not known; how
different stretches were in the past is the best witness. Few windows, or the latest alone, make the score hang on the
mood of one stretch.

*The seasons to come.* Which seasons come next is known. With dates over two years or more, no window begins before a
whole year was learned from (a season never seen is not what the final model will meet), and rows count as often as
their time of year comes up in the stretch to come, per time it was judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import BadSplit

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Fold = tuple[Indices, Indices]

N_WINDOWS = 8
FIRST_ROWS = 100
"""Rows before the first window in a small table, where a third of it holds so many."""
N_BLOCKS = 40
"""Blocks of time that a replay draws: long against the memory of most streams, many enough to resample."""
COMING = 3 / 7
"""The stretch to come as a share of the table's span: the customary 70 % learned from and 30 % to be met."""
YEAR_S = 365.25 * 86400.0
FEW = 5
"""Rows of a second class before the first window: below that, models fail rather than learn."""


@dataclass(frozen=True, slots=True, eq=False)
class ForwardWindows:
    """Windows of time.

    Attributes
    ----------
    folds
        Pairs (rows before the window, rows of the window), the earliest first; rows in order of time.
    weights
        (n,): how much a row counts by its season: mean one over judged rows, zero for rows never judged.
    reason
        What was chosen and why.
    """

    folds: tuple[Fold, ...]
    weights: Floats
    reason: str


def forward_windows(
    times: Floats,
    *,
    classes: NDArray[Any] | None = None,
    n_windows: int | None = None,
    coming: float = COMING,
) -> ForwardWindows:
    """Windows of like numbers of rows, each to be predicted from all rows before it.

    Rows of the same time are never parted. Where the first windows would have to learn from a single class, the first
    begins later.

    Parameters
    ----------
    times
        (n,): numbers that order the rows; seconds since 1970 are recognised as dates.
    classes
        (n,): coded classes; None for a regression target.
    n_windows
        Windows wanted; None: 8, or fewer when there are fewer distinct times.
    coming
        Length of the stretch to come, as a share of the table's span; matters where seasons are known.

    Raises
    ------
    BadSplit
        Fewer than two distinct times (or no more than the windows asked for), or a single class until the end.
    """
    n = len(times)
    order = np.argsort(times, kind="stable").astype(np.int64)
    t = times[order]
    new_time = np.flatnonzero(t[1:] != t[:-1]) + 1  # where, in order of time, a window may begin
    k = min(N_WINDOWS, len(new_time)) if n_windows is None else n_windows
    if k < 1 or k > len(new_time):
        raise BadSplit(
            f"{len(new_time) + 1} distinct times cannot make {max(k, 1)} windows with something to learn before each",
            fix=f"ask for {len(new_time)} windows at most"
            if len(new_time) > 1
            else "name a finer time column, or none",
        )
    first = _first_position(t, k)
    seasonal = _whole_years(t)
    counts = season_weights(t, t[first], coming) if seasonal else np.ones(n)
    learnable = 1 if classes is None else _learnable_from(classes[order])
    judged = np.flatnonzero((np.arange(n) >= max(first, learnable)) & (counts > 0))
    # Nominal beginnings cut the judged rows into k like parts; each moves on to the next change of time, if any.
    nominal = judged[(np.arange(k) * len(judged)) // k] if len(judged) else judged
    starts = new_time[np.unique(np.minimum(np.searchsorted(new_time, nominal), len(new_time) - 1))]
    starts = starts[starts >= learnable]
    if len(starts) == 0:
        raise BadSplit(
            "up to the last moment there is one class only, so nothing can be learned looking forward",
            fix="name no time column, or bring rows in which the classes are mixed in time",
        )
    folds, weights = [], np.zeros(n)
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        window = np.arange(start, stop)
        window = order[window[counts[window] > 0]]
        folds.append((order[:start], window))
        weights[window] = counts[start:stop][counts[start:stop] > 0]
    weights /= weights[weights > 0].mean()
    return ForwardWindows(tuple(folds), weights, _reason(len(folds), seasonal))


def season_weights(t: Floats, judged_from: float, coming: float = COMING) -> Floats:
    """How often the time of year of every row comes up in the stretch to come, per time it was judged.

    With u in [0, 1) the part of a year from the end of the table (at u = 0, the coming year begins) to the row's time
    of year, h the years to come and s the years judged:

        visits to come   #{j >= 0: u + j < h}         = ceil(h - u), at least 0
        visits judged    #{j >= 0: (1 - u) + j <= s}  = floor(s - (1 - u)) + 1

    Parameters
    ----------
    t
        (n,): rising, seconds; at least a year after `judged_from`.
    judged_from
        Where judging begins.
    coming
        Length of the stretch to come, as a share of the span of `t`.

    Returns
    -------
    (n,), >= 0.
    """
    end = t[-1]
    h = coming * (end - t[0]) / YEAR_S
    s = (end - judged_from) / YEAR_S
    u = np.mod((t - end) / YEAR_S, 1.0)
    to_come = np.maximum(np.ceil(h - u), 0.0)
    judged = np.maximum(np.floor(s - (1.0 - u)) + 1.0, 1.0)
    result: Floats = to_come / judged
    return result


def time_blocks(sizes: list[int]) -> Indices:
    """Block of time of every slab row, for windows of these sizes: about `N_BLOCKS` in all, none across two windows."""
    per_window = -(-N_BLOCKS // len(sizes))
    blocks, used = [], 0
    for size in sizes:
        n_blocks = min(per_window, size)
        blocks.append(used + np.arange(size) * n_blocks // size)
        used += n_blocks
    return np.concatenate(blocks).astype(np.int64)


def _first_position(t: Floats, k: int) -> int:
    """Rows that come before the first window: a tenth for 8 windows, and a whole year where seasons are known."""
    n = len(t)
    first = max(n // (k + 2), min(FIRST_ROWS, n // 3))
    if _whole_years(t):
        # A whole year must be left to judge as well, so that every season to come has been judged.
        a_year_in = int(np.searchsorted(t, t[0] + YEAR_S))
        a_year_left = int(np.searchsorted(t, t[-1] - YEAR_S))
        first = min(max(first, a_year_in), a_year_left)
    return max(first, 1)


def _whole_years(t: Floats) -> bool:
    """Whether rising times are dates over two years or more: seconds since 1970, of a day between 1973 and 2128."""
    return bool(1e8 < np.median(t) < 5e9 and t[-1] - t[0] >= 2 * YEAR_S)


def _learnable_from(classes: NDArray[Any]) -> int:
    """How many rows, in order of time, hold at least `FEW` (or half of its rows) of a second class."""
    needed = []
    for code in np.unique(classes):
        at = np.flatnonzero(classes == code)
        needed.append(int(at[min(FEW, (len(at) + 1) // 2) - 1]) + 1)
    return sorted(needed)[1]


def _reason(n_windows: int, seasonal: bool) -> str:
    windows = f"{n_windows} window{'s' if n_windows > 1 else ''}, each predicted from the rows before"
    if seasonal:
        return (
            f"{windows}, as the rows are ordered in time; the dates cover two years or more, so judging begins after "
            "one and every season counts as often as it comes up next"
        )
    return f"{windows}, as the rows are ordered in time"
