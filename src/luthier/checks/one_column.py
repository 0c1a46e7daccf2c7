"""How much of the target one column tells by itself, on rows it was not learned from, without fitting a model.

The column is cut into bins (a category's levels are bins, missing is one), the target's mean of every bin is learned on
four fifths of the rows and asked on the fifth left out. So it follows any shape, costs microseconds, and a column of
pure noise scores about nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.scoring import METRICS, Task

Floats = NDArray[np.float64]

BINS = 32
"""Quantile bins of a column of numbers: a straight line through them explains all but a thousandth."""
PRIOR = 1.0
"""Rows of the average that each bin starts with, so that a bin of one row is not believed."""
FOLDS = 5


def skill(y: NDArray[Any], p: Floats, task: Task) -> float:
    """How far predictions get from a blind guess (0) to perfection (1), the same for every task.

    Classes: 2 AUC - 1, over several classes the mean of each against the rest. Regression: R^2. May be negative.

    Parameters
    ----------
    y, p
        (n,) and (n, k), as metrics take them.
    """
    if task == "regression":
        return METRICS["r2"].score(y, p)
    return 2.0 * METRICS["roc_auc" if task == "binary" else "roc_auc_ovr"].score(y, p) - 1.0


def targets(y: NDArray[Any], task: Task) -> Floats:
    """The target as numbers to average (n, k): the value, membership of the positive class, or of every class."""
    if task == "multiclass":
        return np.asarray(y[:, None] == np.arange(int(y.max()) + 1), dtype=np.float64)
    return np.asarray(y, dtype=np.float64)[:, None]


def bins_of(x: Floats, *, categorical: bool) -> NDArray[np.int64]:
    """(n,) bin of every row, 0 for missing."""
    missing = np.isnan(x)
    if missing.all():
        return np.zeros(len(x), np.int64)
    if categorical:
        return np.where(missing, -1, np.nan_to_num(x)).astype(np.int64) + 1
    edges = np.unique(np.quantile(x[~missing], np.arange(1, BINS) / BINS))
    return np.where(missing, 0, np.searchsorted(edges, x, side="right") + 1).astype(np.int64)


def out_of_fold_means(bins: NDArray[np.int64], t: Floats, fold: NDArray[np.int64]) -> Floats:
    """(n, k) mean target of the row's bin over the rows of other folds.

    Parameters
    ----------
    bins, t, fold
        (n,), (n, k) and (n,): bins from 0, targets, folds 0..FOLDS-1.
    """
    n_bins, k = int(bins.max()) + 1, t.shape[1]
    cell = bins * FOLDS + fold
    counts = np.bincount(cell, minlength=n_bins * FOLDS).reshape(n_bins, FOLDS).astype(np.float64)
    out = np.empty_like(t)
    for j in range(k):
        sums = np.bincount(cell, weights=t[:, j], minlength=n_bins * FOLDS).reshape(n_bins, FOLDS)
        rest = sums.sum(axis=1, keepdims=True) - sums
        n_rest = counts.sum(axis=1, keepdims=True) - counts
        average = rest.sum(axis=0) / np.maximum(n_rest.sum(axis=0), 1.0)
        out[:, j] = ((rest + PRIOR * average) / (n_rest + PRIOR))[bins, fold]
    return out


def column_skill(x: Floats, y: NDArray[Any], fold: NDArray[np.int64], task: Task, *, categorical: bool) -> float:
    """The skill of one column alone.

    Parameters
    ----------
    x
        (n,), NaN where missing; level codes for a category.
    y, fold
        (n,) coded target and fold of every row, 0..FOLDS-1.
    """
    return skill(y, out_of_fold_means(bins_of(x, categorical=categorical), targets(y, task), fold), task)
