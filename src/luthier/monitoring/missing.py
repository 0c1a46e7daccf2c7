"""Whether values are missing more, or less, often than they were."""

from __future__ import annotations

from scipy.stats import fisher_exact

from luthier.monitoring.two_sample import SAME, TwoSample


def missing_rate(missing_x: int, m: int, missing_y: int, n: int) -> TwoSample:
    """Compare the rate of missing values in two samples by Fisher's exact test.

    Parameters
    ----------
    missing_x, missing_y
        Rows without a value.
    m, n
        Rows in all.

    Returns
    -------
    TwoSample
        `statistic` is the rate in y minus that in x, `effect` its size.

    Examples
    --------
    >>> missing_rate(0, 500, 12, 100).p < 1e-6
    True
    """
    if m == 0 or n == 0 or missing_x + missing_y in (0, m + n):
        return SAME
    difference = missing_y / n - missing_x / m
    p = float(fisher_exact([[missing_x, m - missing_x], [missing_y, n - missing_y]]).pvalue)
    return TwoSample(difference, min(p, 1.0), abs(difference))
