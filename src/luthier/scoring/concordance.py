"""ROC AUC of any weighing of a few units: a ratio of bilinear forms, so that thousands of draws cost one sort.

With c_u how often unit u (a block of time, a group) counts,

    AUC(c) = c' K c / ((c' P) (c' N)),   K_uv = sum_{i in u, positive} sum_{j in v, negative} w_i w_j (p_i > p_j)

where ties count half and P_u, N_u are the weights of either class. Exact, like sorting for every draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.scoring.best import best_of
from luthier.scoring.draws import Draws, Floats, Indices
from luthier.scoring.influence import rank_influence
from luthier.scoring.metrics import Metric, RankMetric, rank
from luthier.scoring.metrics.metric import share
from luthier.scoring.metrics.ranking import roc_auc_of_places
from luthier.scoring.ranks_in_bag import over_classes
from luthier.scoring.table import OutOfFold

FEW_UNITS = 64
"""Units up to which K is cheaper than a pass over the rows for every one of a thousand draws."""

ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Concordance:
    """What units do to each other's ROC AUC.

    Attributes
    ----------
    pairs
        (U, U): K, by unit of the positive and unit of the negative.
    positives, negatives
        (U,): weight of either class in every unit.
    """

    pairs: Floats
    positives: Floats
    negatives: Floats

    @classmethod
    def of(cls, positive: NDArray[np.bool_], p: NDArray[np.generic], draws: Draws) -> Concordance:
        """Concordance of probabilities p (m,) of the positive class."""
        order, starts = rank(p)
        place = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(order)]))
        units, weights, is_positive = draws.units[order], draws.weights[order], positive[order]
        pairs = np.zeros((draws.width, draws.width))
        below = np.zeros(draws.width)  # weight of the negatives of every unit in lower places
        n_places = len(starts)
        for low in range(0, n_places, ROWS_AT_ONCE):
            high = min(low + ROWS_AT_ONCE, n_places)
            here = slice(starts[low], starts[high] if high < n_places else len(order))
            shape, at = (high - low, draws.width), (place[here] - low, units[here])
            P, N = (
                np.bincount(np.ravel_multi_index(at, shape), weights=w, minlength=shape[0] * shape[1]).reshape(shape)
                for w in (weights[here] * is_positive[here], weights[here] * ~is_positive[here])
            )
            lower = np.cumsum(N, axis=0)
            pairs += P.T @ (below + lower - N / 2)
            below += lower[-1]
        of_class = np.bincount(units, weights=weights * is_positive, minlength=draws.width)
        return cls(pairs, of_class.astype(np.float64), below)

    def auc(self, counts: Floats) -> Floats:
        """(B,): ROC AUC under counts (B, U); NaN where a class weighs nothing."""
        drawn = ((counts @ self.pairs) * counts).sum(axis=1)
        return share(drawn, (counts @ self.positives) * (counts @ self.negatives))


class ConcordanceScores:
    """ROC AUC under every draw of few units: all of it from one sort per configuration and class."""

    def __init__(self, table: OutOfFold, metric: RankMetric, draws: Draws) -> None:
        self._table, self._metric, self._draws = table, metric, draws
        self.full = np.empty(len(table))
        self._scores = {drawn: np.full((len(draws), len(table)), np.nan) for drawn in (True, False)}
        self._influence = np.empty((draws.width, len(table)))
        for c, p in enumerate(table.values):
            self.full[c], self._influence[:, c] = rank_influence(metric, table.y, p, draws)
            if np.isnan(p).any():
                continue
            y, k = table.y, p.shape[1]
            of_class = [Concordance.of(y == (code if k > 1 else 1), p[:, code], draws) for code in range(k)]
            for drawn, scores in self._scores.items():
                times = draws.times(slice(None), drawn=drawn)
                each = np.stack([concordance.auc(times) for concordance in of_class], axis=1)
                scores[:, c] = each[:, 0] if k == 1 else over_classes(metric, each, y, draws, times)

    @staticmethod
    def suit(metric: Metric, draws: Draws) -> bool:
        """Whether the metric is a ROC AUC and the units are few."""
        return isinstance(metric, RankMetric) and metric.of_places is roc_auc_of_places and draws.width <= FEW_UNITS

    def best(self) -> Indices:
        """See `Scores`."""
        return best_of(self._scores[True], greater_is_better=True)

    def of(self, config: int, replays: Indices, *, drawn: bool) -> Floats:
        """See `Scores`."""
        scores: Floats = self._scores[drawn][replays, config]
        return scores

    def influence(self, config: int) -> Floats | None:
        """See `Scores`."""
        own: Floats = self._influence[:, config]
        return own
