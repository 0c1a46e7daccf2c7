"""Whether predictions still mean what they meant: the mean error, and the error along the prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from luthier.monitoring.two_sample import SAME, TwoSample

Floats = NDArray[np.float64]

FEWEST = 50
"""Labels of either sample before which means are not taken as normal: our judgement."""


def calibration_drift(y: NDArray[Any], p: Floats, y_now: NDArray[Any], p_now: Floats) -> TwoSample:
    """Whether predictions have become too high or too low, on the whole or more so the higher they are.

    Of every output the residual r = y - p and r z, with z the prediction in standard units of the reference, are
    compared in the mean between the samples:

        chi^2 = d' (S / m + S_now / n)^-1 d,   d = mean of (r, r z) now - mean of (r, r z) before

    A model that was off from the beginning is no drift: only the change counts.

    Parameters
    ----------
    y, p
        (m,), (m, k): coded targets and predictions of the reference.
    y_now, p_now
        (n,), (n, k): those of now.

    Returns
    -------
    TwoSample
        `effect` is the largest change of a mean residual: of chances in [0, 1], of values in standard deviations of the
        reference's residuals (at most 1).

    References
    ----------
    Cox, D. R. (1958). Two further applications of a model for binary regression. Biometrika 45, of which these are the
    scores of intercept and slope.
    """
    if min(len(y), len(y_now)) < FEWEST:
        return SAME
    classes = np.issubdtype(np.asarray(y).dtype, np.integer)
    before, now = (_residuals(target, chances, classes) for target, chances in ((y, p), (y_now, p_now)))
    middle, width = p.mean(axis=0), np.maximum(p.std(axis=0), 1e-12)
    G, G_now = (np.hstack([r, r * (chances - middle) / width]) for r, chances in ((before, p), (now, p_now)))
    difference = G_now.mean(axis=0) - G.mean(axis=0)
    spread = np.cov(G, rowvar=False) / len(G) + np.cov(G_now, rowvar=False) / len(G_now)
    # The residuals of all classes sum to nought: what is left out has no spread.
    inverse, rank = np.linalg.pinv(spread, rcond=1e-9, hermitian=True), int(np.linalg.matrix_rank(spread, tol=None))
    statistic = float(difference @ inverse @ difference)
    moved = np.abs(now.mean(axis=0) - before.mean(axis=0))
    scale = 1.0 if classes else np.maximum(before.std(axis=0), 1e-12)
    return TwoSample(statistic, float(chi2.sf(statistic, max(rank, 1))), min(1.0, float(np.max(moved / scale))))


def _residuals(y: NDArray[Any], p: Floats, classes: bool) -> Floats:
    if p.shape[1] == 1:
        return np.asarray(np.asarray(y, np.float64)[:, None] - p)
    assert classes
    return np.asarray((np.asarray(y)[:, None] == np.arange(p.shape[1])) - p)
