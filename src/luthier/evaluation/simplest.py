"""The simplest configuration that is as good as the best, as far as the rows can tell.

The best of many is often a costly one that is ahead by luck. The rule of one standard error takes the simplest of those
that are not beyond a standard error of it: Breiman, Friedman, Olshen & Stone (1984), "Classification and regression
trees", section 3.4.3. Simple is what takes little time to fit, in powers of two, so that the luck of a clock does not
decide. The standard error is that of the difference of two configurations, which are judged on the same rows and
therefore differ by less than their own errors say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from luthier.scoring import Metric, OutOfFold
from luthier.scoring.draws import Draws, draw
from luthier.scoring.in_bag import scores_of

Floats = NDArray[np.float64]

CONTENDERS = 25
"""The best so many configurations; others are hardly ever within a standard error of the best, and cost time."""
PILOT = 200
"""Draws behind the standard errors: they are known to one part in twenty."""


@dataclass(frozen=True, slots=True, eq=False)
class Simplest:
    """Chooses the simplest configuration within a standard error of the best: a choice that `replay` can replay.

    Attributes
    ----------
    contenders
        (K,): positions in the table of those to choose among.
    cost
        (K,): seconds to fit each.
    se
        (K, K): standard error of the difference of the scores of each two.
    """

    contenders: NDArray[np.intp]
    cost: Floats
    se: Floats

    @classmethod
    def among(cls, table: OutOfFold, metric: Metric, seconds: Sequence[float], rng: np.random.Generator) -> Self:
        """Prepare the choice from a table whose configurations take so many seconds to fit.

        Raises
        ------
        ValueError
            The metric is undefined for all of them.
        """
        draws = draw(table.splits, PILOT, rng)
        scores = scores_of(table, metric, draws)
        known = np.flatnonzero(np.isfinite(scores.full))
        if len(known) == 0:
            raise ValueError(f"{metric.name} is undefined on these rows, so no configuration can be called the best")
        ranked = np.argsort(scores.full[known] * (-1 if metric.greater_is_better else 1), kind="stable")
        contenders = np.sort(known[ranked[:CONTENDERS]])
        in_bag = np.column_stack([scores.of(int(c), np.arange(len(draws)), drawn=True) for c in contenders])
        spread = np.nanstd(in_bag[:, :, None] - in_bag[:, None, :], axis=0)
        return cls(contenders, np.asarray(seconds, np.float64)[contenders], spread)

    def pick(self, table: OutOfFold, metric: Metric, weights: Floats) -> int:
        """Position in the table of the configuration that is chosen on rows of these weights."""
        scores = np.array([metric.score(table.y, table.values[c], weights) for c in self.contenders])
        return int(self.contenders[self._of(scores[None], greater_is_better=metric.greater_is_better)[0]])

    def __call__(self, table: OutOfFold, metric: Metric, weights: Floats) -> NDArray[Any]:
        """Predictions (m, k) of the configuration that is chosen on rows of these weights."""
        return np.asarray(table.values[self.pick(table, metric, weights)])

    def over(self, table: OutOfFold, metric: Metric, draws: Draws) -> Callable[[int], NDArray[Any]]:
        """As `Prepared`."""
        scores, every = scores_of(table, metric, draws), np.arange(len(draws))
        in_bag = np.column_stack([scores.of(int(c), every, drawn=True) for c in self.contenders])
        chosen = self.contenders[self._of(in_bag, greater_is_better=metric.greater_is_better)]
        return lambda replay: table.values[chosen[replay]]

    def scores_alone(self, table: OutOfFold, metric: Metric) -> Floats:
        """As `Prepared`."""
        return table.scores(metric)

    def _of(self, scores: Floats, *, greater_is_better: bool) -> NDArray[np.intp]:
        """(B,): which contender is chosen by each row of scores (B, K)."""
        worth = np.where(np.isfinite(scores), scores if greater_is_better else -scores, -np.inf)
        best = worth.argmax(axis=1)
        top = worth[np.arange(len(worth)), best]
        within = worth >= top[:, None] - self.se[best]
        octave = np.floor(np.log2(np.maximum(self.cost, 1e-6)))
        # Of equally simple ones the better: the simplest octave first, within it the highest score.
        simple = np.where(within, octave, np.inf)
        level = simple.min(axis=1, keepdims=True)
        return np.asarray(np.where(simple == level, worth, -np.inf).argmax(axis=1), np.intp)
