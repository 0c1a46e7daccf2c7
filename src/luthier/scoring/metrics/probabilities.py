"""Proper scores: how far the probabilities are from what happened."""

from __future__ import annotations

import numpy as np

from luthier.scoring.metrics.metric import CLASSIFICATION, AdditiveMetric, Floats, Predictions, Target, share


def _probabilities(p: Predictions) -> Floats:
    """(n, K) with K >= 2: a single column is the positive class."""
    wide: Floats = np.asarray(p, np.float64)
    return np.hstack([1 - wide, wide]) if wide.shape[1] == 1 else wide


def _log_losses(y: Target, p: Predictions) -> Floats:
    """(n, 2): -log p of the class that happened; 1.

    Clipped at the precision of p's own type, as in scikit-learn: a float32 probability cannot be nearer to 1 than 6e-8,
    so a certain and wrong row costs 16 nats there and 36 in float64.
    """
    eps = np.finfo(p.dtype).eps if np.issubdtype(p.dtype, np.floating) else np.finfo(np.float64).eps
    y = np.asarray(y, np.int64)
    # Of the class that happened only: log(1 - p) of a float32 p is taken in float64, where 1 - p is exact.
    p_true = _probabilities(np.clip(p, eps, 1 - eps))[np.arange(len(y)), y]
    return np.column_stack([-np.log(p_true), np.ones(len(y))])


def _squares(y: Target, p: Predictions) -> Floats:
    """(n, 2): squared distance to what happened; 1.

    Two classes: (p - y)^2, between 0 and 1 (Brier 1950 counts both classes and gets twice that). More: the sum over
    classes, between 0 and 2. Both as in scikit-learn.
    """
    y = np.asarray(y)
    if p.shape[1] == 1:
        square = (np.asarray(p[:, 0], np.float64) - y) ** 2
    else:
        square = ((np.asarray(p, np.float64) - (y[:, None] == np.arange(p.shape[1]))) ** 2).sum(axis=1)
    return np.column_stack([square, np.ones(len(y))])


def _mean(sums: Floats) -> Floats:
    return share(sums[..., 0], sums[..., 1])


METRICS = (
    AdditiveMetric(
        "log_loss",
        greater_is_better=False,
        tasks=CLASSIFICATION,
        row_stats=_log_losses,
        value=_mean,
        aliases=("logloss", "cross_entropy", "neg_log_loss"),
    ),
    AdditiveMetric(
        "brier",
        greater_is_better=False,
        tasks=CLASSIFICATION,
        row_stats=_squares,
        value=_mean,
        aliases=("brier_score", "brier_score_loss", "neg_brier_score"),
    ),
)
