"""How often chance alone makes some rows as bad as these: one-sided tests of a subset against all rows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def p_of_draw(errors: Floats, inside: Mask) -> float:
    """Probability that as many rows drawn without replacement have errors at least as large on average.

    Exact where an error is there or not (the hypergeometric distribution); else by a Pearson type III curve with the
    mean, variance and skewness of that draw, which a long-tailed error needs.

    Parameters
    ----------
    errors
        (n,): of every row.
    inside
        (n,): the rows in question.

    Notes
    -----
    Moments of the sum of m of n numbers with central moments M2, M3 (Fisher 1928; Berry & Mielke 1983, "Moment
    approximations as an alternative to the F test in analysis of variance", for the curve):

        variance  m (n - m) / (n - 1) M2,    third moment  m (n - m) (n - 2m) / ((n - 1) (n - 2)) M3.
    """
    n, m = len(errors), int(inside.sum())
    if m in (0, n) or n < 3:
        return 1.0
    low, high = float(errors.min()), float(errors.max())
    if low == high:
        return 1.0
    if ((errors == low) | (errors == high)).all():
        return float(stats.hypergeom.sf((errors[inside] == high).sum() - 1, n, (errors == high).sum(), m))
    centred = errors - errors.mean()
    variance = m * (n - m) / (n - 1) * float((centred**2).mean())
    third = m * (n - m) * (n - 2 * m) / ((n - 1) * (n - 2)) * float((centred**3).mean())
    return float(stats.pearson3.sf(centred[inside].sum() / math.sqrt(variance), third / variance**1.5))


def p_of_units(errors: Floats, inside: Mask, units: NDArray[np.int64]) -> float:
    """The same where rows of one unit (a group, a block of time) resemble each other, so that only units are drawn.

    With d_u the sum over the rows of unit u inside of the error less the mean outside, t = sum d / sqrt(sum d^2) on as
    many degrees of freedom as there are units inside, less one.
    """
    if not inside.any() or inside.all():
        return 1.0
    excess = np.where(inside, errors - errors[~inside].mean(), 0.0)
    held = np.unique(units[inside], return_inverse=True)[1]
    d = np.bincount(held, weights=excess[inside])
    spread = math.sqrt(float((d**2).sum()))
    return float(stats.t.sf(d.sum() / spread, len(d) - 1)) if len(d) > 1 and spread > 0 else 1.0


def surplus_interval(
    errors: Floats, inside: Mask, level: float, units: NDArray[np.int64] | None = None
) -> tuple[float, float, float]:
    """How much larger errors are inside than outside, on average, with its interval.

    Welch's, or where rows of one unit resemble each other the same with units for rows: what a unit's rows add to the
    difference is one number, and there are as many degrees of freedom as units inside, less one. (NaN, NaN) where the
    errors of both do not vary, or of too few rows or units.
    """
    a, b = errors[inside], errors[~inside]
    difference = float(a.mean() - b.mean())
    if len(a) < 2 or len(b) < 2 or (a.std() == 0 and b.std() == 0):
        return difference, math.nan, math.nan
    if units is None:
        found = stats.ttest_ind(a, b, equal_var=False).confidence_interval(level)
        return difference, float(found.low), float(found.high)
    n_units = len(np.unique(units[inside]))
    if n_units < 2:
        return difference, math.nan, math.nan
    adds = np.where(inside, (errors - a.mean()) / len(a), -(errors - b.mean()) / len(b))
    sums = np.bincount(np.unique(units, return_inverse=True)[1], weights=adds)
    reach = float(stats.t.isf((1 - level) / 2, n_units - 1)) * math.sqrt(
        float((sums**2).sum()) * n_units / (n_units - 1)
    )
    return difference, difference - reach, difference + reach
