"""Whether a predicted 70 % can be taken as 70 %: how far predicted chances are from what happened.

The squared calibration error of bins of equal size is

    sum_b w_b E[y - p | b]^2,

w_b the share of the rows in bin b. Put in plainly, the mean residuals of the bins read above zero even where nothing is
wrong, because a mean of few residuals is never zero; their sampling variances are what is too much, and are taken off:

    T = r' W r - tr(W V),      r_b the mean residual of bin b, V its estimated covariance.

T is unbiased for given bins and may fall below zero. Its interval inverts the distribution of r' W r, which is a
quadratic form of (nearly) Gaussian means, by a noncentral chi-square with the same mean and variance:

    kappa chi2(nu, theta / kappa),   kappa = tr(W V W V) / tr(W V),   nu = tr(W V)^2 / tr(W V W V).

Sources: Broecker (2012), Climate Dynamics 39 (debiased reliability); Kumar, Liang & Ma (2019), "Verified Uncertainty
Calibration", NeurIPS; Satterthwaite (1946), Biometrics Bulletin 2 (matching of moments).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from luthier.canonical import finite
from luthier.evaluation.evidence import Evidence, Unanswered
from luthier.evaluation.recalibrating import Recalibration, choose_recalibrator
from luthier.scoring import Estimate

Floats = NDArray[np.float64]

BINS = 10
ROWS_A_BIN = 20
"""Fewer rows make fewer bins; our judgement. The error stays unbiased below, but its interval is not checked there."""
FEWEST_UNITS = 2 * ROWS_A_BIN


MOST_CLASSES = 30
"""Classes beyond these are not looked at one by one."""


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """How far predicted chances are from what happened.

    Attributes
    ----------
    squared
        Debiased squared error, in squared probability; its interval ends at zero or above.
    plug_in
        The same without taking sampling noise off: what is usually reported.
    """

    squared: Estimate
    plug_in: float

    @property
    def typical(self) -> float:
        """The error as a root mean square, in probability: 0.05 is five points of a hundred."""
        return math.sqrt(max(self.squared.value, 0.0))

    @property
    def typical_range(self) -> tuple[float, float]:
        """The interval of `typical`."""
        return math.sqrt(max(self.squared.low, 0.0)), math.sqrt(max(self.squared.high, 0.0))

    @property
    def is_off(self) -> bool:
        """Whether the error is above zero beyond doubt."""
        return self.squared.low > 0

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        low, high = self.typical_range
        return {
            "squared": self.squared.to_json(),
            "plug_in": finite(self.plug_in),
            "typical": finite(self.typical),
            "typical_low": finite(low),
            "typical_high": finite(high),
        }


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One point of a reliability diagram: rows of like predictions.

    Attributes
    ----------
    predicted, observed
        Mean predicted chance, and share of rows for which it came true.
    low, high
        Ends of the 95 % interval of `observed`.
    n
        Rows, or groups, behind it.
    """

    predicted: float
    observed: float
    low: float
    high: float
    n: float

    def to_dict(self) -> dict[str, float]:
        """JSON values."""
        return {
            "predicted": self.predicted,
            "observed": self.observed,
            "low": self.low,
            "high": self.high,
            "n": self.n,
        }


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether predicted chances can be taken at their word.

    Attributes
    ----------
    error
        Of the chance of the positive class; with several classes, of the chance that the class decided for is right.
    diagram
        The points of the reliability diagram of the same chance.
    by_class
        With several classes, the error of each class's own chance.
    recalibration
        Which recalibrator helps, if any.
    error_after
        As `error`, after it; None where none was chosen.
    """

    error: CalibrationError
    diagram: tuple[ReliabilityBin, ...]
    by_class: Mapping[str, CalibrationError]
    recalibration: Recalibration
    error_after: CalibrationError | None

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "error": self.error.to_dict(),
            "diagram": [point.to_dict() for point in self.diagram],
            "by_class": {name: error.to_dict() for name, error in self.by_class.items()},
            "recalibration": self.recalibration.to_dict(),
            "error_after": None if self.error_after is None else self.error_after.to_dict(),
        }

    def lines(self) -> list[str]:
        """The error, the choice of a recalibrator, and the diagram as numbers."""
        lines = [f"predicted chances: {_off_by(self.error)}", self.recalibration.sentence]
        if self.error_after is not None:
            lines.append(f"after recalibration: {_off_by(self.error_after)}")
        lines.append("said, and how often it happened (95 % interval):")
        for point in self.diagram:
            band = f"{100 * point.low:.1f} to {100 * point.high:.1f} %"
            lines.append(f"  {100 * point.predicted:5.1f} %  {100 * point.observed:5.1f} %  ({band}, n={point.n:.0f})")
        return lines


def _off_by(error: CalibrationError) -> str:
    low, high = error.typical_range
    plain = f"without allowing for noise it would read {100 * math.sqrt(error.plug_in):.1f}"
    if not error.is_off:
        return f"no error beyond noise; at most about {100 * high:.1f} points of 100 ({plain})"
    return f"off by about {100 * error.typical:.1f} points of 100 ({100 * low:.1f} to {100 * high:.1f}; {plain})"


def calibration(evidence: Evidence) -> Calibration | Unanswered:
    """Read the calibration of what is shipped off its out-of-fold predictions, and choose a recalibrator."""
    if evidence.task == "regression":
        return Unanswered("a regression predicts no chances; see the intervals")
    known = evidence.weights > 0
    y, w, units = evidence.y[known], evidence.weights[known], evidence.table.splits.units[known]
    p = np.asarray(evidence.shipped[known], np.float64)
    if len(np.unique(units)) < FEWEST_UNITS:
        return Unanswered(f"fewer than {FEWEST_UNITS} independent rows are too few to say")
    happened, chance = decided(y, p)
    several = p.shape[1] > 1 and p.shape[1] <= MOST_CLASSES
    recalibration = choose_recalibrator(y, p, weights=w, units=units, rng=evidence.rng("calibration"))
    after = None
    if recalibration.mended is not None:
        after = calibration_error(*decided(y, recalibration.mended), weights=w, units=units)
    return Calibration(
        error=calibration_error(happened, chance, weights=w, units=units),
        diagram=reliability(happened, chance, weights=w, units=units),
        by_class={
            name: calibration_error(y == code, p[:, code], weights=w, units=units)
            for code, name in enumerate(evidence.classes)
        }
        if several
        else {},
        recalibration=recalibration,
        error_after=after,
    )


def decided(y: NDArray[Any], p: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """What is said to happen with a chance, and the chance: the positive class, or that the class decided for is right.

    Parameters
    ----------
    y, p
        Coded classes (n,) and predictions (n, k).
    """
    if p.shape[1] == 1:
        return np.asarray(y == 1), p[:, 0]
    return np.asarray(p.argmax(axis=1) == y), p.max(axis=1)


def calibration_error(
    happened: NDArray[Any],
    p: NDArray[Any],
    *,
    weights: Floats | None = None,
    units: NDArray[np.int64] | None = None,
    bins: int = BINS,
    level: float = 0.95,
) -> CalibrationError:
    """Debiased squared calibration error with its interval, and the plug-in figure beside it.

    Parameters
    ----------
    happened
        (n,): whether what was predicted came true, 0 or 1.
    p
        (n,): the chance it was given.
    weights, units
        (n,): weight of every row, and what it belongs to: rows of a unit (a row judged twice, a group, a stretch of
        time) are not independent. By default every row is a unit and weighs one.
    bins
        Bins of equal size; fewer where there are not 20 units for each.
    level
        Probability with which the interval shall hold the truth.

    Raises
    ------
    ValueError
        There are fewer than two units.
    """
    b, w, units, U = _binned(p, weights, units, bins)
    k = int(b.max()) + 1
    if U < 2:
        raise ValueError("the error of one row cannot be told from noise")
    residual = np.asarray(happened, np.float64) - np.asarray(p, np.float64)
    mass = np.bincount(b, w, k)
    r = np.bincount(b, w * residual, k) / mass
    # What every unit adds to the mean residual of every bin: the influence function of a ratio.
    influence = np.bincount(units * k + b, w * (residual - r[b]), U * k).reshape(U, k) / mass
    in_bin = (np.bincount(units * k + b, w, U * k).reshape(U, k) > 0).sum(axis=0)
    small = np.sqrt(in_bin / np.maximum(in_bin - 1, 1))
    V = (influence * small).T @ (influence * small)
    W = mass / mass.sum()
    plug_in = float(W @ r**2)
    noise = float(W @ np.diag(V))
    WV = W[:, None] * V
    low, high = _interval(plug_in, noise, float((WV * WV.T).sum()), level)
    method = f"debiased over {k} bins of equal size"
    return CalibrationError(Estimate(plug_in - noise, low, high, U, level, method), plug_in)


def reliability(
    happened: NDArray[Any],
    p: NDArray[Any],
    *,
    weights: Floats | None = None,
    units: NDArray[np.int64] | None = None,
    bins: int = BINS,
    level: float = 0.95,
) -> tuple[ReliabilityBin, ...]:
    """The points of a reliability diagram, lowest prediction first; parameters as for `calibration_error`.

    The intervals are Wilson's, each for itself, with as many rows as weights and units leave to count on.
    """
    b, w, units, U = _binned(p, weights, units, bins)
    k = int(b.max()) + 1
    mass = np.bincount(b, w, k)
    predicted = np.bincount(b, w * np.asarray(p, np.float64), k) / mass
    observed = np.bincount(b, w * np.asarray(happened, np.float64), k) / mass
    of_unit = np.bincount(units * k + b, w, U * k).reshape(U, k)
    n = mass**2 / (of_unit**2).sum(axis=0)
    low, high = wilson(observed, n, level)
    points = zip(predicted, observed, low, high, n, strict=True)
    return tuple(ReliabilityBin(*map(float, point)) for point in points)


def wilson(share: Floats, n: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Interval of a share of n independent rows.

    Source: Wilson (1927), J. American Statistical Association 22.
    """
    q = float(stats.norm.ppf(0.5 + level / 2))
    middle = (share + q**2 / (2 * n)) / (1 + q**2 / n)
    half = q / (1 + q**2 / n) * np.sqrt(share * (1 - share) / n + q**2 / (4 * n**2))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def _binned(
    p: NDArray[Any], weights: Floats | None, units: NDArray[np.int64] | None, bins: int
) -> tuple[NDArray[np.intp], Floats, NDArray[np.int64], int]:
    """Bin, weight and unit (0..U-1) of every row, and U; rows without weight are in no unit that counts."""
    n = len(p)
    w = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    codes = np.arange(n) if units is None else np.unique(units, return_inverse=True)[1]
    U = int(codes.max()) + 1
    known = w > 0
    for k in range(int(np.clip(known.sum() // ROWS_A_BIN, 1, bins)), 0, -1):
        edges = np.unique(np.quantile(p[known], np.arange(1, k) / k))
        b = np.searchsorted(edges, p, side="right")
        # Ties, or rows without weight, may leave a bin with nobody in it.
        filled = np.flatnonzero(np.bincount(b, w, len(edges) + 1) > 0)
        b = np.minimum(np.searchsorted(filled, b), len(filled) - 1)
        # A stretch of time has rows in all bins, a row judged twice in two: what counts is the units of each.
        pairs = np.unique(codes[known] * len(filled) + b[known])
        if np.bincount(pairs % len(filled)).min() >= ROWS_A_BIN:
            break
    return b, w, codes.astype(np.int64), U


def _interval(plug_in: float, noise: float, noise_squared: float, level: float) -> tuple[float, float]:
    """The errors theta under which a plug-in error as low, and one as high, is not too rare."""
    if not noise > 0:
        return plug_in, plug_in
    kappa, nu = noise_squared / noise, noise**2 / noise_squared
    x = plug_in / kappa

    def below(theta: float) -> float:
        """Probability of a plug-in error below the one found, when the true one is theta."""
        return float(stats.ncx2.cdf(x, nu, theta / kappa) if theta > 0 else stats.chi2.cdf(x, nu))

    def where(share: float) -> float:
        if below(0.0) <= share:
            return 0.0
        high = 2 * max(plug_in, noise)
        while below(high) > share:
            high *= 2
        return float(optimize.brentq(lambda theta: below(theta) - share, 0.0, high, xtol=1e-12))

    return where(0.5 + level / 2), where(0.5 - level / 2)
