"""How good the model probably is, before any label has come.

Confidence-based performance estimation: where probabilities mean what they say, the score to be expected of given
predictions follows from the probabilities alone. They are made to say it by recalibrating on the reference, each of its
rows weighing as much as rows like it now occur. What no estimate without labels can see is a change of the relation
between the inputs and the target: that needs labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from luthier.monitoring.classifier import classifier_two_sample, density_ratio
from luthier.scoring import AdditiveMetric, Estimate, RankMetric, rank

Floats = NDArray[np.float64]

REPLICATES = 120
LONGEST_STEP = 2.0
MOST_ROWS = 10_000
"""Rows of either sample from which the interval is made; the estimate is made from all."""
LEVEL = 0.05
"""Of the test whether the inputs have shifted at all."""
MOST_WEIGHT = 20.0
"""Ratio beyond which a row counts as strange: of twenty-one rows like it, one is of the reference."""
FEWEST_EFFECTIVE = 100.0
MOST_STRANGE = 0.1
"""The lamp: so few effective rows of the reference, or such a share of rows unlike any in it."""
BLIND = "without labels a change of what the inputs mean for the target (concept drift) cannot be seen"


@dataclass(frozen=True, slots=True)
class ExpectedScore:
    """A score expected from predictions alone.

    Attributes
    ----------
    score
        Expected, with the interval that holds the score these rows will turn out to have.
    reference
        The score on the reference, which one would expect had nothing changed.
    effective
        Rows of the reference that speak for the rows of now (Kish's effective sample size).
    strange
        Share of the rows of now that are hardly like any in the reference.
    broken
        Why the estimate cannot be trusted; empty where nothing speaks against it.
    """

    score: Estimate
    reference: float
    effective: float
    strange: float
    broken: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "score": self.score.to_json(),
            "reference": self.reference if math.isfinite(self.reference) else None,
            "effective": self.effective,
            "strange": self.strange,
            "broken": self.broken,
            "cannot_see": BLIND,
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Self:
        """The value that `to_dict` wrote."""
        reference = math.nan if body["reference"] is None else float(body["reference"])
        score = Estimate.from_json(body["score"])
        return cls(score, reference, float(body["effective"]), float(body["strange"]), str(body["broken"]))


def expected_score(
    metric: AdditiveMetric | RankMetric,
    y: NDArray[np.int64],
    p: Floats,
    p_now: Floats,
    *,
    X: Floats,
    X_now: Floats,
    rng: np.random.Generator,
    categorical: tuple[int, ...] = (),
    level: float = 0.95,
) -> ExpectedScore:
    """Expect a classifier's score on rows without labels.

    Parameters
    ----------
    metric
        Of classes; of our two forms, which can be computed from chances in place of labels.
    y, p
        (m,), (m, k): coded labels and predictions of the reference, by a model that did not learn from these rows:
        out-of-fold or test rows.
    p_now
        (n, k): predictions of the rows of now.
    X, X_now
        (m, d), (n, d): the inputs of both, numbers or codes, NaN missing.
    rng
        Draws replicates for the interval.
    categorical
        Columns of X that are codes.
    level
        Of the interval.

    References
    ----------
    Shimodaira, H. (2000). Improving predictive inference under covariate shift by weighting the log-likelihood
    function. J. Statistical Planning and Inference 90. Guo, C. et al. (2017). On calibration of modern neural networks.
    ICML, for the recalibration by a temperature, here with an offset for every class.
    """
    before = metric.score(y, p)
    ratio, strange = np.ones(len(y)), 0.0
    # Weights that estimate nothing but noise would only cost precision.
    if classifier_two_sample(X, X_now, rng=rng, categorical=categorical).p <= LEVEL:
        ratio, ratio_now = density_ratio(X, X_now, rng=rng, categorical=categorical)
        ratio, strange = np.minimum(ratio, MOST_WEIGHT), float((ratio_now > MOST_WEIGHT).mean())
    effective = float(ratio.sum() ** 2 / (ratio**2).sum())
    recalibrated = _recalibrated(y, p, ratio)
    value = expected(metric, p_now, recalibrated(p_now))
    low, high = _interval(metric, y, p, p_now, ratio, value, rng, level)
    broken = ""
    if strange > MOST_STRANGE:
        broken = f"{strange:.0%} of the rows are unlike any of the reference"
    elif effective < FEWEST_EFFECTIVE:
        broken = f"only about {effective:.0f} rows of the reference are like those of now"
    score = Estimate(value, low, high, len(p_now), level, "confidence-based, re-weighted")
    return ExpectedScore(score, before, effective, strange, broken)


def expected(metric: AdditiveMetric | RankMetric, p: Floats, q: Floats) -> float:
    """The score of predictions p (n, k) where labels are drawn by chances q (n, k).

    Sums over the rows are replaced by their expectations: exact for means over rows, and off by terms of the order 1/n
    for their ratios.
    """
    chances = np.hstack([1 - q, q]) if q.shape[1] == 1 else q
    if isinstance(metric, AdditiveMetric):
        sums = sum(chances[:, k] @ metric.row_stats(np.full(len(p), k, np.int64), p) for k in range(chances.shape[1]))
        return float(metric.value(np.asarray(sums)))
    scores, shares = [], []
    for k in range(chances.shape[1]) if p.shape[1] > 1 else (1,):
        order, starts = rank(p[:, k] if p.shape[1] > 1 else p[:, 0])
        positive = chances[order, k]
        scores.append(float(metric.of_places(np.add.reduceat(positive, starts), np.add.reduceat(1 - positive, starts))))
        shares.append(1.0 if metric.average == "macro" else float(positive.sum()))
    return float(np.average(scores, weights=shares))


def _interval(
    metric: AdditiveMetric | RankMetric,
    y: NDArray[np.int64],
    p: Floats,
    p_now: Floats,
    ratio: Floats,
    value: float,
    rng: np.random.Generator,
    level: float,
) -> tuple[float, float]:
    """Replicates of the whole: another reference, the recalibration it gives, and labels drawn by it."""
    some, now = (rng.permutation(len(rows))[:MOST_ROWS] for rows in (p, p_now))
    y, p, ratio, p_now_some = y[some], p[some], ratio[some], p_now[now]
    errors = np.empty(REPLICATES)
    for b in range(REPLICATES):
        drawn = rng.integers(len(p), size=len(p))
        chances = _recalibrated(y[drawn], p[drawn], ratio[drawn])(p_now_some)
        label = _drawn(chances, rng)
        errors[b] = metric.score(label, p_now_some)
    spread = errors - errors.mean()
    # What was left out for speed makes replicates more unsteady than the whole: mostly that of the labels to come.
    scale = math.sqrt(len(p_now_some) / len(p_now))
    # Of few replicates NumPy's usual quantiles lie too near to the middle: 120 would leave out 6.6 % in place of 5 %.
    low, high = np.quantile(spread, [(1 - level) / 2, (1 + level) / 2], method="weibull") * scale
    return value + float(low), value + float(high)


def _drawn(chances: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    if chances.shape[1] == 1:
        return (rng.random(len(chances)) < chances[:, 0]).astype(np.int64)
    return np.asarray(
        (chances.cumsum(axis=1) < rng.random((len(chances), 1))).sum(axis=1).clip(0, chances.shape[1] - 1)
    )


def _recalibrated(y: NDArray[np.int64], p: Floats, weights: Floats) -> Any:
    """A function that maps predictions to chances: logits times a temperature, plus an offset for every class.

    Fitted by Newton's method on the weighted log loss; a mild pull to the identity keeps it there where the reference
    has too few rows of a class.
    """
    binary = p.shape[1] == 1
    k = p.shape[1]
    Z = _logits(p)
    w = weights / weights.mean()
    target = y.astype(np.float64)[:, None] if binary else (y[:, None] == np.arange(k)).astype(np.float64)
    slope, offset = 1.0, np.zeros(k)
    for _ in range(25):
        chances = _chances(slope * Z + offset, binary=binary)
        residual = (target - chances) * w[:, None]
        gradient = np.concatenate([[float((residual * Z).sum())], residual.sum(axis=0)]) - np.r_[slope - 1, offset]
        if binary:
            v = w * (chances * (1 - chances))[:, 0]
            cross = np.array([[v @ Z[:, 0] ** 2, v @ Z[:, 0]], [v @ Z[:, 0], v.sum()]])
        else:
            mean_z = (chances * Z).sum(axis=1)
            cross = np.empty((k + 1, k + 1))
            cross[0, 0] = w @ ((chances * Z**2).sum(axis=1) - mean_z**2)
            cross[0, 1:] = cross[1:, 0] = w @ (chances * (Z - mean_z[:, None]))
            cross[1:, 1:] = np.diag(w @ chances) - (chances * w[:, None]).T @ chances
        step = np.linalg.solve(cross + np.eye(k + 1), gradient)
        length = float(np.abs(step).max())
        # Where the weights leave few rows, a full step may lead to where chances are 0 and 1 and no way leads back.
        if length > LONGEST_STEP:
            step *= LONGEST_STEP / length
        slope, offset = slope + step[0], offset + step[1:]
        if length < 1e-8:
            break
    return lambda new: _chances(slope * _logits(new) + offset, binary=binary)


def _logits(p: Floats) -> Floats:
    safe = np.clip(p, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(safe / (1 - safe)) if p.shape[1] == 1 else np.log(safe))


def _chances(z: Floats, *, binary: bool) -> Floats:
    if binary:
        return np.asarray(expit(z))
    return np.asarray(softmax(z, axis=1))
