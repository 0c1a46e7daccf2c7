"""The chi-square test of two samples of words, with rare words pooled so that its p-value holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from luthier.monitoring.two_sample import SAME, TwoSample

LEAST_EXPECTED = 5.0
"""Rows of a level that must be expected in the smaller sample for it to stand alone (Cochran 1954)."""


def chi_square(x: Any, y: Any) -> TwoSample:
    """Whether two samples of words come from one distribution.

    Parameters
    ----------
    x, y
        (m,), (n,): words, or any values that can be told apart; missing ones are left out.

    Returns
    -------
    TwoSample
        As `chi_square_of_counts`.

    Examples
    --------
    >>> chi_square(["a"] * 60 + ["b"] * 40, ["a"] * 40 + ["b"] * 60).p < 0.01
    True
    """
    x, y = (np.asarray(values, dtype=object).ravel() for values in (x, y))
    codes, levels = pd.factorize(np.concatenate([x, y]))
    parts = (codes[: len(x)], codes[len(x) :])
    return chi_square_of_counts(*(np.bincount(part[part >= 0], minlength=len(levels)) for part in parts))


def chi_square_of_counts(x: NDArray[np.int64], y: NDArray[np.int64]) -> TwoSample:
    """Compare how often every level occurs in two samples.

    Levels of which fewer than five rows are expected in the smaller sample are counted together as one. Which they are
    depends on the pooled counts only, so the test remains a test conditional on these, and keeps its level.

    Parameters
    ----------
    x, y
        (k,), (k,): rows of either sample of every level.

    Returns
    -------
    TwoSample
        `statistic` is chi-square with the factor (N - 1) / N, which gives it the mean it has under permutation;
        `effect` is the total variation distance, half the sum of the differences of the shares.

    References
    ----------
    Cochran, W. G. (1954). Some methods for strengthening the common chi-square tests. Biometrics 10.
    Campbell, I. (2007). Chi-squared and Fisher-Irwin tests of two-by-two tables with small sample recommendations.
    Statistics in Medicine 26.
    """
    m, n = int(x.sum()), int(y.sum())
    if m == 0 or n == 0:
        return SAME
    counts = _pooled(np.stack([x, y]), min(m, n) / (m + n))
    if counts.shape[1] < 2:
        return SAME
    expected = np.outer([m, n], counts.sum(axis=0)) / (m + n)
    statistic = float(((counts - expected) ** 2 / expected).sum()) * (m + n - 1) / (m + n)
    distance = 0.5 * float(np.abs(counts[0] / m - counts[1] / n).sum())
    return TwoSample(statistic, float(chdtrc(counts.shape[1] - 1, statistic)), distance)


def _pooled(counts: NDArray[np.int64], smaller_share: float) -> NDArray[np.int64]:
    """(2, k) counts with the rare levels as one; it takes in the rarest of the others where it is rare itself."""
    total = counts.sum(axis=0)
    counts = counts[:, np.argsort(total, kind="stable")]
    expected = np.sort(total) * smaller_share
    n_rare = int(np.searchsorted(expected, LEAST_EXPECTED))
    while n_rare and n_rare < len(total) and expected[:n_rare].sum() < LEAST_EXPECTED:
        n_rare += 1
    return np.column_stack([counts[:, :n_rare].sum(axis=1), counts[:, n_rare:]])[:, int(n_rare == 0) :]
