"""Kolmogorov-Smirnov for two samples, with a p-value that is right where values tie."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.monitoring.two_sample import SAME, TwoSample

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

EXACT_STEPS = 40_000
"""Lattice steps (rows of both samples times rows of the smaller) up to which p is counted exactly."""
FINEST = 1.0 / 256
"""Least share of the pooled rows between two places at which the distance of larger samples is read."""


def ks(x: Any, y: Any) -> TwoSample:
    """Whether two samples of numbers come from one distribution.

        D = max_v |F_x(v) - F_y(v)|

    Under the null hypothesis every assignment of the pooled rows to the samples is equally likely. The usual p-value
    takes the maximum over all v; with ties only the places between different values exist, so that it is too large,
    many times where few values are possible. Here p is that of the maximum over the places that exist.

    Parameters
    ----------
    x, y
        (m,), (n,): numbers; NaN is left out.

    Returns
    -------
    TwoSample
        `statistic` and `effect` are D; in larger samples it is read at no more than 256 places, of about equal
        pooled mass.

    Examples
    --------
    >>> round(ks([1, 1, 1, 2], [1, 2, 2, 2]).p, 4)  # by counting: 34 of the 70 assignments are as far apart
    0.4857

    References
    ----------
    Hodges, J. L. (1958). The significance probability of the Smirnov two-sample test. Arkiv för Matematik 3.
    Schröer, G. & Trenkler, D. (1995). Exact and randomization distributions of Kolmogorov-Smirnov tests for two or
    three samples. Computational Statistics & Data Analysis 20.
    """
    x, y = (np.asarray(values, np.float64).ravel() for values in (x, y))
    x, y = np.sort(x[~np.isnan(x)]), np.sort(y[~np.isnan(y)])
    if len(x) == 0 or len(y) == 0:
        return SAME
    pooled = np.concatenate([x, y])
    pooled.sort()
    ends = np.append(np.flatnonzero(pooled[1:] > pooled[:-1]), len(pooled) - 1)
    values = pooled[ends]
    below = [np.searchsorted(sample, values, side="right") for sample in (x, y)]
    return ks_of_counts(*(np.diff(counts, prepend=0) for counts in below))


def ks_of_counts(x: Counts, y: Counts) -> TwoSample:
    """Compare two samples of which only counts are kept.

    Parameters
    ----------
    x, y
        (k,), (k,): how many values of either sample fall into each of k bins, in the order of the bins.

    Returns
    -------
    TwoSample
        As `ks`; D is the greatest distance at the bounds of the bins.
    """
    m, n = int(x.sum()), int(y.sum())
    if m == 0 or n == 0:
        return SAME
    hit = x + y > 0
    pooled, below_x = np.cumsum((x + y)[hit]), np.cumsum(x[hit])
    # The last place, where both distributions are 1, tells nothing.
    exact = (m + n) * min(m, n) <= EXACT_STEPS
    places = _apart(pooled, 0.0 if exact else FINEST * (m + n))[:-1]
    c, i = pooled[places], below_x[places]
    distance = float(np.max(np.abs(i / m - (c - i) / n), initial=0.0))
    if distance == 0.0:
        return SAME
    p = (_p_exact if exact else _p_asymptotic)(distance, c, min(m, n), max(m, n))
    return TwoSample(distance, min(p, 1.0), distance)


def _apart(pooled: Counts, step: float) -> NDArray[np.int64]:
    """Positions of counts that are at least `step` apart, the last one always among them."""
    if len(pooled) < 2 or np.diff(pooled, prepend=0).min() >= step:
        return np.arange(len(pooled))
    kept, last = [], 0.0
    while last + step < pooled[-1]:
        kept.append(int(np.searchsorted(pooled, last + step)))
        last = float(pooled[kept[-1]])
    return np.array(kept if kept and kept[-1] == len(pooled) - 1 else [*kept, len(pooled) - 1])


def _p_exact(distance: float, places: Counts, m: int, n: int) -> float:
    """P(some place is `distance` or more apart), over all ways to draw the m from the m + n without replacement.

    inside[i]: probability that i of the rows so far are of the first sample, and no place so far was that far apart.
    """
    i = np.arange(m + 1)
    inside = np.zeros(m + 1)
    inside[0] = 1.0
    p, last, total = 0.0, 0, m + n
    for place in places:
        for done in range(last, int(place)):
            moved = inside[:-1] * ((m - i[:-1]) / (total - done))
            inside[:-1] -= moved
            inside[1:] += moved
        last = int(place)
        # Distances are multiples of 1 / (m n): half of one separates equal from unequal in floats.
        outside = np.abs(i / m - (place - i) / n) >= distance - 0.5 / (m * n)
        p += float(inside[outside].sum())
        inside[outside] = 0.0
    return p


def _p_asymptotic(distance: float, places: Counts, m: int, n: int) -> float:
    """P(max_k |B(t_k)| >= d) of a Brownian bridge B, at the pooled shares t_k = places / (m + n).

    The bridge is a Brownian motion W that happens to end in 0. Its density over those paths that have not been d or
    more from 0 is carried from place to place by the rule of rectangles; what leaves at t_k counts with the chance of
    still ending in 0:

        p = sum_k  integral over |w| >= d of  f_k(w) phi(w; 1 - t_k) dw  /  phi(0; 1)
    """
    total = m + n
    t = places / total
    # The difference at one place moves in steps of total / (m n). Half a step is the correction for continuity where
    # there is one place and one side; elsewhere the bound falls anywhere between two steps. The mean of the two, fading
    # with the number of places, is right within some percent of p, by comparison with exact counts.
    correction = 0.25 / math.sqrt(len(places)) * total / (m * n)
    d = (distance - correction) * math.sqrt(m * n / total * (total - 1) / total)
    widest = math.sqrt(float(np.max(t * (1 - t))))
    if d < 0.1 * widest:  # p is above 0.9
        return 1.0
    steps = np.diff(t, prepend=0.0)
    # Rectangles half a standard deviation wide integrate a Gaussian to 1e-8 of it; the bounds fall between them.
    half = max(20, math.ceil(2.0 * d / math.sqrt(float(steps.min()))))
    h = d / half
    density, p = np.array([1.0 / h]), 0.0  # all at 0; from now on the grid is (..., -h / 2, h / 2, ...)
    for t_k, step in zip(t, steps, strict=True):
        reach = half + math.ceil(7.0 * math.sqrt(step) / h)
        w = (np.arange(-reach, reach) + 0.5) * h
        if len(density) == 1:
            spread = _phi(w, step)
        else:
            kernel = _phi(np.arange(half - reach, reach - half + 1) * h, step)
            spread = np.convolve(density, kernel) * h
        ends_in_0 = _phi(w, 1.0 - t_k)
        outside = np.abs(w) > d
        p += float(spread[outside] @ ends_in_0[outside])
        density = spread[~outside]
    return p * h * math.sqrt(2.0 * math.pi)


def _phi(w: NDArray[Any], variance: float) -> Floats:
    density: Floats = np.exp(-0.5 * w * w / variance) / math.sqrt(2.0 * math.pi * variance)
    return density
