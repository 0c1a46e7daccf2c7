"""Metrics of a predicted value: how far off, in whose unit, and who pays for which side."""

from __future__ import annotations

from functools import partial

import numpy as np

from luthier.scoring.metrics.metric import REGRESSION, AdditiveMetric, Floats, Predictions, Target, share


def _error(y: Target, p: Predictions) -> Floats:
    """(n,): what happened minus what was said."""
    error: Floats = np.asarray(y, np.float64) - np.asarray(p[:, 0], np.float64)
    return error


def _with_count(cost: Floats) -> Floats:
    return np.column_stack([cost, np.ones(len(cost))])


def _squared(y: Target, p: Predictions) -> Floats:
    return _with_count(_error(y, p) ** 2)


def _absolute(y: Target, p: Predictions) -> Floats:
    return _with_count(np.abs(_error(y, p)))


def _relative(y: Target, p: Predictions) -> Floats:
    # scikit-learn's guard: a target of zero makes the row's share astronomical rather than infinite.
    size = np.maximum(np.abs(np.asarray(y, np.float64)), np.finfo(np.float64).eps)
    return _with_count(np.abs(_error(y, p)) / size)


def _pinball(y: Target, p: Predictions, alpha: float) -> Floats:
    error = _error(y, p)
    return _with_count(np.where(error >= 0, alpha * error, (alpha - 1) * error))


def _mean(sums: Floats) -> Floats:
    return share(sums[..., 0], sums[..., 1])


def _root_mean(sums: Floats) -> Floats:
    root: Floats = np.sqrt(_mean(sums))
    return root


def _r2_stats(y: Target, p: Predictions) -> Floats:
    """(n, 4): squared error; target and its square, both from the mean of all rows; 1.

    R2 does not depend on the origin of the target; near its mean the two squares cancel least.
    """
    from_mean = np.asarray(y, np.float64) - np.mean(y)
    return np.column_stack([_error(y, p) ** 2, from_mean, from_mean**2, np.ones(len(from_mean))])


def _r2(sums: Floats) -> Floats:
    """1 - squared error / squared distance from the rows' own mean.

    A target that does not vary: 1.0 when predicted exactly, else 0.0, as in scikit-learn.
    """
    error, first, second, count = np.moveaxis(sums, -1, 0)
    spread = second - share(first**2, count, otherwise=0.0)
    # What is left of a constant target is rounding of the two terms it is the difference of.
    constant = spread <= 1e-13 * second
    value = np.where(constant, np.where(error > 0, 0.0, 1.0), 1 - error / np.where(constant, 1.0, spread))
    result: Floats = np.where(count > 0, value, np.nan)
    return result


def pinball(alpha: float = 0.5) -> AdditiveMetric:
    """Loss of a predicted `alpha`-quantile: being below costs alpha per unit, being above 1 - alpha.

    Its smallest expected value is at the true quantile. At 0.5 it is half the mean absolute error.
    Source: Koenker & Bassett (1978), Econometrica 46.
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha is a quantile strictly between 0 and 1, not {alpha!r}")
    even = alpha == 0.5  # the median goes by the plain name
    return AdditiveMetric(
        "pinball" if even else f"pinball@{alpha:g}",
        greater_is_better=False,
        tasks=REGRESSION,
        row_stats=partial(_pinball, alpha=alpha),
        value=_mean,
        aliases=("pinball_loss", "mean_pinball_loss", "neg_mean_pinball_loss") if even else (),
    )


METRICS = (
    AdditiveMetric(
        "rmse",
        greater_is_better=False,
        tasks=REGRESSION,
        row_stats=_squared,
        value=_root_mean,
        aliases=("root_mean_squared_error", "neg_root_mean_squared_error", "neg_rmse"),
    ),
    AdditiveMetric(
        "mse",
        greater_is_better=False,
        tasks=REGRESSION,
        row_stats=_squared,
        value=_mean,
        aliases=("mean_squared_error", "neg_mean_squared_error", "neg_mse"),
    ),
    AdditiveMetric(
        "mae",
        greater_is_better=False,
        tasks=REGRESSION,
        row_stats=_absolute,
        value=_mean,
        aliases=("mean_absolute_error", "neg_mean_absolute_error", "neg_mae"),
    ),
    AdditiveMetric(
        "mape",
        greater_is_better=False,
        tasks=REGRESSION,
        row_stats=_relative,
        value=_mean,
        aliases=("mean_absolute_percentage_error", "neg_mean_absolute_percentage_error", "neg_mape"),
    ),
    AdditiveMetric(
        "r2",
        greater_is_better=True,
        tasks=REGRESSION,
        row_stats=_r2_stats,
        value=_r2,
        aliases=("r2_score", "r_squared"),
    ),
    pinball(0.5),
)
