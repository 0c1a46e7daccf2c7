"""The configuration whose worst group does best: a choice for whoever must not fail anybody.

What is best on average may be poor for some; of configurations that differ little on average, groups often differ much
(Sagawa et al. 2020, "Distributionally robust neural networks for group shifts", ICLR, train for the worst group; here
nothing is trained anew, and it is only chosen by it). The default stays where the best is not ahead of it by more than
the standard error of the difference, for the worst of several noisy scores invites luck.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from luthier.evaluation.simplest import CONTENDERS, PILOT
from luthier.scoring import Metric, OutOfFold
from luthier.scoring.draws import Draws, draw
from luthier.scoring.in_bag import scores_of

Floats = NDArray[np.float64]

FEWEST_ROWS = 30
"""Of a group; smaller ones are one group together, and none where even that is smaller."""


@dataclass(frozen=True, slots=True, eq=False)
class WorstGroup:
    """Chooses the configuration whose worst group does best: a choice that `replay` can replay.

    Attributes
    ----------
    names
        Of the groups.
    codes
        (m,): group of every slab row; -1 where it belongs to none.
    contenders
        (K,): positions in the table of those to choose among.
    default
        Position among the contenders of what stays unless another is ahead by more than luck; None where there is none.
    se
        (K,): standard error of the difference of the worst scores of each contender and the default.
    """

    names: tuple[str, ...]
    codes: NDArray[np.int64]
    contenders: NDArray[np.intp]
    default: int | None
    se: Floats

    @classmethod
    def among(
        cls, table: OutOfFold, metric: Metric, values: NDArray[Any], default: int | None, rng: np.random.Generator
    ) -> Self:
        """Prepare the choice.

        Parameters
        ----------
        values
            (m,): what names the group of every slab row, as text.
        default
            Position in the table of the default configuration, or None.

        Raises
        ------
        ValueError
            There are no two groups of enough rows.
        """
        names, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
        small = counts < FEWEST_ROWS
        kept = names[~small].tolist()
        place = np.where(small, len(kept), np.cumsum(~small) - 1)
        if counts[small].sum() >= FEWEST_ROWS:
            kept.append("all others")
        else:
            place[small] = -1
        if len(kept) < 2:
            raise ValueError(f"there are no two groups of at least {FEWEST_ROWS} rows")
        contenders = _leading(table.scores(metric) * (1 if metric.greater_is_better else -1), default)
        at = None if default is None else int(np.searchsorted(contenders, default))
        bare = cls(tuple(map(str, kept)), place[codes].astype(np.int64), contenders, at, np.zeros(len(contenders)))
        if at is None:
            return bare
        worst = bare._in_bag(table, metric, draw(table.splits, PILOT, rng))
        return replace(bare, se=np.nanstd(worst - worst[:, [at]], axis=0))

    def worst(self, table: OutOfFold, metric: Metric, weights: Floats) -> tuple[Floats, NDArray[np.int64]]:
        """(K,), (K,): score of the worst group of every contender on rows of these weights, and which it is."""
        by_group = np.array(
            [
                [metric.score(table.y, table.values[c], weights * (self.codes == group)) for c in self.contenders]
                for group in range(len(self.names))
            ]
        )
        merit = np.where(np.isfinite(by_group), by_group if metric.greater_is_better else -by_group, np.inf)
        which = merit.argmin(axis=0)
        return by_group[which, np.arange(len(self.contenders))], which

    def pick(self, table: OutOfFold, metric: Metric, weights: Floats) -> int:
        """Position in the table of the configuration that is chosen on rows of these weights."""
        worst = self.worst(table, metric, weights)[0]
        return int(self.contenders[self._of((worst if metric.greater_is_better else -worst)[None])[0]])

    def __call__(self, table: OutOfFold, metric: Metric, weights: Floats) -> NDArray[Any]:
        """Predictions (m, k) of the configuration that is chosen on rows of these weights."""
        return np.asarray(table.values[self.pick(table, metric, weights)])

    def over(self, table: OutOfFold, metric: Metric, draws: Draws) -> Callable[[int], NDArray[Any]]:
        """As `Prepared`."""
        chosen = self.contenders[self._of(self._in_bag(table, metric, draws))]
        return lambda replay: table.values[chosen[replay]]

    def scores_alone(self, table: OutOfFold, metric: Metric) -> Floats:
        """As `Prepared`."""
        return table.scores(metric)

    def _in_bag(self, table: OutOfFold, metric: Metric, draws: Draws) -> Floats:
        """(B, K): score of the worst group on the drawn rows of every replay; higher is better, whatever the metric."""
        every, sign = np.arange(len(draws)), 1.0 if metric.greater_is_better else -1.0
        worst = np.full((len(draws), len(self.contenders)), np.inf)
        for group in range(len(self.names)):
            rows = np.flatnonzero(self.codes == group)
            mine = scores_of(table.on(rows, self.contenders), metric, draws.on(rows))
            found = sign * np.column_stack([mine.of(c, every, drawn=True) for c in range(len(self.contenders))])
            worst = np.fmin(worst, found)  # a group in which the metric is undefined has no say
        return np.where(np.isfinite(worst), worst, np.nan)

    def _of(self, merit: Floats) -> NDArray[np.intp]:
        """(B,): which configuration is chosen by each row of merits (B, C)."""
        merit = np.where(np.isfinite(merit), merit, -np.inf)
        best = merit.argmax(axis=1)
        if self.default is None:
            return np.asarray(best, np.intp)
        ahead = merit[np.arange(len(merit)), best] - merit[:, self.default] > self.se[best]
        return np.asarray(np.where(ahead, best, self.default), np.intp)


def _leading(merit: Floats, default: int | None) -> NDArray[np.intp]:
    """Positions of the best on average, and of the default: far below them a group is served at the cost of all."""
    best = np.argsort(np.where(np.isfinite(merit), -merit, np.inf), kind="stable")[:CONTENDERS]
    return np.unique(best if default is None else np.append(best, default))
