"""Whether more values lie outside the range seen before than a sample of this size brings by itself."""

from __future__ import annotations

import math

from scipy.special import gammaln

from luthier.monitoring.two_sample import SAME, TwoSample


def outside_range(n_below: int, n_above: int, m: int, n: int) -> TwoSample:
    """Test the number of new values below the least and above the greatest of the reference.

    All of the k smallest of m + n values are new ones with probability

        P = n (n - 1) ... (n - k + 1) / (N (N - 1) ... (N - k + 1)),   N = m + n

    whatever the distribution, and less where values tie. Heavy tails therefore raise no alarm by themselves.

    Parameters
    ----------
    n_below, n_above
        How many of the new values are below the least, and above the greatest, value of the reference.
    m, n
        Values of the reference, and new ones.

    Returns
    -------
    TwoSample
        `statistic` is the number outside, `effect` their share among the new ones; `p` covers both sides.

    Examples
    --------
    >>> round(outside_range(0, 1, 1000, 100).p, 3)  # twice that of one value beyond a thousand
    0.182

    References
    ----------
    Wilks, S. S. (1941). Determination of sample sizes for setting tolerance limits. Annals of Mathematical Statistics
    12; here with both samples finite.
    """
    if m == 0 or n == 0:
        return SAME
    sides = [_chance(k, m, n) for k in (n_below, n_above)]
    return TwoSample(float(n_below + n_above), min(1.0, 2.0 * min(sides)), (n_below + n_above) / n)


def _chance(k: int, m: int, n: int) -> float:
    return math.exp(float(gammaln(n + 1) - gammaln(n - k + 1) - gammaln(m + n + 1) + gammaln(m + n - k + 1)))
