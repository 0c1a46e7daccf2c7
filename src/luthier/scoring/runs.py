"""One run of the draws: the choice made again on what was drawn, and scored there, on all rows and on the rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from luthier.scoring.best import best_of
from luthier.scoring.draws import Draws, Floats, Indices
from luthier.scoring.in_bag import Scores, scores_of
from luthier.scoring.influence import influence
from luthier.scoring.interval import Moments
from luthier.scoring.metrics import Metric
from luthier.scoring.table import OutOfFold

Choose = Callable[[OutOfFold, Metric, Floats], NDArray[Any]]
"""A choice made from the table: row weights (m,) in, the out-of-fold predictions (m, k) of what was chosen out.

It may look at rows with a weight above zero only, but says what it predicts for all. Selection, a blend, a blend
followed by a threshold or a recalibration: all are such functions.
"""


@runtime_checkable
class Prepared(Protocol):
    """A choice that is made faster for all draws than for each alone, or that does more than choose."""

    def __call__(self, table: OutOfFold, metric: Metric, weights: Floats) -> NDArray[Any]:
        """As `Choose`."""
        ...

    def over(self, table: OutOfFold, metric: Metric, draws: Draws) -> Callable[[int], NDArray[Any]]:
        """What gives the predictions (m, k) of the choice made on the rows drawn in a replay."""
        ...

    def scores_alone(self, table: OutOfFold, metric: Metric) -> Floats:
        """(C,): score on all rows of every configuration, had there been no other to choose from; NaN if not known."""
        ...


def argbest(table: OutOfFold, metric: Metric, weights: Floats) -> NDArray[Any]:
    """The choice of the one configuration with the best pooled score on the weighted rows."""
    scores = np.array([[metric.score(table.y, p, weights) for p in table.values]])
    best = int(best_of(scores, greater_is_better=metric.greater_is_better)[0])
    # With no score defined there is no choice; whatever is predicted then is scored as undefined too.
    return np.asarray(table.values[max(best, 0)])


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What the draws gave, in the metric's own unit and sign.

    Attributes
    ----------
    naive, winner
        Score of the choice made on all rows, and its position in the table (None when it is not one configuration).
    chosen
        (B,): position of every replay's choice; zeros when it is not one configuration, -1 where no score was defined.
    in_bag, full, out_of_bag
        (B,): score of every replay's choice on the rows drawn, on all rows, on the rows not drawn.
    fixed
        (B,): score, on the rows drawn, of the choice made on all rows.
    default_in_bag, default_out_of_bag
        (B,): of the default configuration; None without one.
    own, default_own
        (U,): influence function of the choice made on all rows, and of the default; None for a black box.
    honest, honest_gain
        Moments of the influence of units a choice was made without, and of its difference to the default's.
    """

    naive: float
    winner: int | None
    chosen: Indices
    in_bag: Floats
    full: Floats
    out_of_bag: Floats
    fixed: Floats
    default_in_bag: Floats | None
    default_out_of_bag: Floats | None
    own: Floats | None
    default_own: Floats | None
    honest: Moments | None
    honest_gain: Moments | None


def run_selection(scores: Scores, draws: Draws, d: int | None, *, greater_is_better: bool) -> Run:
    """Replay the choice of the best configuration; `d` is the position of the default."""
    everything = np.arange(len(draws))
    chosen = scores.best()
    winner = int(best_of(scores.full[None], greater_is_better=greater_is_better)[0])
    in_bag, out_of_bag = np.full(len(draws), np.nan), np.full(len(draws), np.nan)
    default_out = None if d is None else scores.of(d, everything, drawn=False)
    default_own = None if d is None else influence_function(scores.influence(d), draws)
    sums, gain_sums = _MomentSums(draws), _MomentSums(draws)
    for c in np.unique(chosen[chosen >= 0]):
        here = np.flatnonzero(chosen == c)
        in_bag[here] = scores.of(int(c), here, drawn=True)
        same = default_out is not None and c == d
        out_of_bag[here] = (
            default_out[here] if same and default_out is not None else scores.of(int(c), here, drawn=False)
        )
        own = influence_function(scores.influence(int(c)), draws)
        sums.add(own, here)
        if default_own is not None and own is not None:
            gain_sums.add(own - default_own, here)
    return Run(
        naive=float(scores.full[winner]) if winner >= 0 else math.nan,
        winner=winner if winner >= 0 else None,
        chosen=chosen,
        in_bag=in_bag,
        full=np.where(chosen >= 0, scores.full[chosen], np.nan),
        out_of_bag=out_of_bag,
        fixed=scores.of(winner, everything, drawn=True) if winner >= 0 else np.full(len(draws), np.nan),
        default_in_bag=None if d is None else scores.of(d, everything, drawn=True),
        default_out_of_bag=default_out,
        own=influence_function(scores.influence(winner), draws) if winner >= 0 else None,
        default_own=default_own,
        honest=sums.moments(),
        honest_gain=gain_sums.moments(),
    )


def run_choice(table: OutOfFold, metric: Metric, choose: Choose, draws: Draws, d: int | None) -> Run:
    """Replay any choice: one call of it per replay, and three of the metric."""
    y, w = table.y, draws.weights
    B = len(draws)
    every = np.arange(B)
    made = choose(table, metric, w)
    of_made = scores_of(_alone(table, made), metric, draws)
    of_default = None if d is None else scores_of(_alone(table, table.values[d]), metric, draws)
    default_own = None if of_default is None else influence_function(of_default.influence(0), draws)
    in_bag, full, out_of_bag = (np.full(B, np.nan) for _ in range(3))
    sums, gain_sums = _MomentSums(draws), _MomentSums(draws)
    chosen_in = choose.over(table, metric, draws) if isinstance(choose, Prepared) else None
    for r in range(B):
        drawn, left = draws.row_weights(r), draws.row_weights(r, drawn=False)
        p = choose(table, metric, drawn) if chosen_in is None else chosen_in(r)
        in_bag[r], full[r] = metric.score(y, p, drawn), metric.score(y, p, w)
        if left.any():
            out_of_bag[r] = metric.score(y, p, left)
        own = influence_function(influence(metric, y, p, draws), draws)
        sums.add(own, np.array([r]))
        if default_own is not None and own is not None:
            gain_sums.add(own - default_own, np.array([r]))
    return Run(
        naive=float(of_made.full[0]),
        winner=None,
        chosen=np.zeros(B, np.int64),
        in_bag=in_bag,
        full=full,
        out_of_bag=out_of_bag,
        fixed=of_made.of(0, every, drawn=True),
        default_in_bag=None if of_default is None else of_default.of(0, every, drawn=True),
        default_out_of_bag=None if of_default is None else of_default.of(0, every, drawn=False),
        own=influence_function(of_made.influence(0), draws),
        default_own=default_own,
        honest=sums.moments(),
        honest_gain=gain_sums.moments(),
    )


def _alone(table: OutOfFold, p: NDArray[Any]) -> OutOfFold:
    """A table that holds these predictions (m, k) only."""
    return OutOfFold(table.splits, table.y, (0,), np.asarray(p, np.float32)[None])


def influence_function(slopes: Floats | None, draws: Draws) -> Floats | None:
    """U g: the influence function, of which scores are means."""
    return None if slopes is None or np.isnan(slopes).any() else draws.width * slopes


class _MomentSums:
    """Moments of influence over units that a replay did not draw, averaged over replays.

    The winner's own rows have seen it win, and a winner by luck is short of its bad rows; rows not drawn had no part in
    the replay's choice, so their spread is that of rows to come.
    """

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._sums = np.zeros(3)
        self._n = 0

    def add(self, own: Floats | None, replays: Indices) -> None:
        """Add the replays that chose what has this influence."""
        if own is None:
            return
        powers = np.stack([own, own**2, own**3], axis=1)
        step = self._draws.chunks(self._draws.width)[0].stop
        for start in range(0, len(replays), step):
            left = self._draws.times(replays[start : start + step], drawn=False)
            count = left.sum(axis=1)
            some = count > 0
            self._sums += ((left @ powers)[some] / count[some, None]).sum(axis=0)
            self._n += int(some.sum())

    def moments(self) -> Moments | None:
        """Central moments; None when there was nothing to average."""
        if self._n == 0:
            return None
        first, second, third = self._sums / self._n
        return Moments(float(max(second - first**2, 0.0)), float(third - 3 * first * second + 2 * first**3))
