"""The out-of-fold table: for every row, what every configuration said of it without having seen it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.scoring.metrics import AdditiveMetric, Metric
from luthier.scoring.splits import Splits

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class OutOfFold:
    """Out-of-fold predictions of every complete configuration: one table, many readings.

    The row axis is the slab of the splits: the validation rows of all folds, one fold after another.

    Attributes
    ----------
    splits
        The folds, with unit and base weight of every slab row.
    y
        (m,): coded target in slab order.
    trials
        (C,): trial number of every configuration of the table.
    values
        (C, m, k) float32: predictions in the shapes the house agrees on. May be memory-mapped; never written to.
    """

    splits: Splits
    y: NDArray[np.int64] | Floats
    trials: tuple[int, ...]
    values: NDArray[np.float32]

    def __post_init__(self) -> None:
        C, m = len(self.trials), len(self.splits.rows)
        if self.y.shape != (m,):
            raise ValueError(f"the slab has {m} rows, so y cannot be of shape {self.y.shape}")
        if self.values.ndim != 3 or self.values.shape[:2] != (C, m):
            raise ValueError(f"{C} trials over {m} slab rows need values (C, m, k), not {self.values.shape}")
        if len(set(self.trials)) != C:
            raise ValueError("a trial is in the table twice")

    def __len__(self) -> int:
        return len(self.trials)

    def index(self, trial: int) -> int:
        """Position of a trial in the table; ValueError when it is not there."""
        return self.trials.index(trial)

    def on(self, rows: NDArray[np.int64], configs: NDArray[np.intp]) -> OutOfFold:
        """What some configurations said of some slab rows, as one fold."""
        splits, none = self.splits, np.empty(0, np.int64)
        at = splits.rows[rows]
        own = Splits("own", splits.reason, ((none, at),), 1, at, splits.units[rows], splits.weights[rows])
        return OutOfFold(own, self.y[rows], tuple(self.trials[c] for c in configs), self.values[np.ix_(configs, rows)])

    def scores(self, metric: Metric) -> Floats:
        """(C,): score of every configuration over all slab rows pooled, by their base weights."""
        w = self.splits.weights
        return np.array([metric.score(self.y, p, w) for p in self.values], dtype=np.float64)

    def fold_scores(self, metric: Metric) -> Floats:
        """(C, F): score of every configuration on every fold alone; NaN where it is undefined there."""
        scores = np.empty((len(self.trials), len(self.splits.folds)))
        for f in range(len(self.splits.folds)):
            rows = self.splits.fold_slice(f)
            y, w = self.y[rows], self.splits.weights[rows]
            scores[:, f] = [metric.score(y, p[rows], w) for p in self.values]
        return scores

    def row_stats(self, metric: AdditiveMetric) -> Floats:
        """(C, m, s): what every row adds to the sums of an additive metric, base weights not yet applied."""
        return np.stack([metric.row_stats(self.y, p) for p in self.values])
