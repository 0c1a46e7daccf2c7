"""A figure read off the folds, and how sure it is: for what is known fold by fold and not row by row."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from luthier.scoring import Estimate, Splits

Floats = NDArray[np.float64]

LEAST_FOLDS = 3


def over_folds(
    by_fold: Floats, of_means: Callable[[Floats], Floats], splits: Splits, *, level: float = 0.9
) -> Estimate:
    """Estimate a function of means over folds, such as a mean.

    Parameters
    ----------
    by_fold
        (K, d): what was measured on every fold; folds with a value that is not finite are left out.
    of_means
        Maps means (B, d) to figures (B,).
    splits
        The folds: those that share training rows are alike.

    Returns
    -------
    Estimate
        By Student's t on the jackknife over folds, its variance corrected for the training rows that folds share. Ends
        are NaN where fewer than three folds say something.

    References
    ----------
    Nadeau, C. & Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52. Their correction of
    the variance of a mean, s² (1/K + rows judged / rows learned from), is applied to the jackknife's s²/K.
    """
    by_fold = by_fold[np.isfinite(by_fold).all(axis=1)]
    k = len(by_fold)
    value = float(of_means(by_fold.mean(axis=0, keepdims=True))[0]) if k else math.nan
    if k < LEAST_FOLDS:
        return Estimate(value, math.nan, math.nan, k, level, "too few folds to say how sure")
    without = of_means((by_fold.sum(axis=0) - by_fold) / (k - 1))
    judged = float(np.mean([len(valid) / len(train) for train, valid in splits.folds]))
    variance = (k - 1) / k * np.sum((without - without.mean()) ** 2) * (1 + k * judged)
    half = float(stats.t.ppf((1 + level) / 2, k - 1) * np.sqrt(variance))
    return Estimate(value, value - half, value + half, k, level, "jackknife over folds")
