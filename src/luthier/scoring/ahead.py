"""How far the stretch to come may lie from the stretches judged: a wider interval for a forward score.

A replay of time blocks says how well the average of the past is known. The coming stretch is one draw more, and a
longer one; how much it may differ is read off how much the windows of the past differed. What no past window shows, a
trend that goes on or a law that never comes back, stays outside: studies/time_order has the coverage for either kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from luthier.scoring.estimate import Estimate
from luthier.scoring.forward import COMING
from luthier.scoring.splits import Splits

Floats = NDArray[np.float64]

MOOD = 2.0
"""Windows that share one mood. Our judgement: with it, streams whose moods last half a window are covered at 91 %."""


def ahead(estimate: Estimate, splits: Splits, window_scores: Floats, *, greater_is_better: bool) -> Estimate:
    """The interval of a forward score, widened to hold the score of the stretch to come.

    With s the standard deviation between the scores of the K windows, and the coming stretch m windows long,

        half^2 = (half of the estimate)^2 + (t_{K-1} s)^2 * MOOD / m,

    each side apart, on the scale on which scores spread evenly: the logarithm of a positive loss, the log-odds of a
    score between 0 and 1, the logarithm of what is missing to 1 for a score below it (as R^2 is), else as it is.

    Parameters
    ----------
    estimate
        Of the pooled score, from a replay of time blocks.
    splits
        Forward windows.
    window_scores
        (K,): score of the shipped configuration on every window alone; NaN where undefined.
    greater_is_better
        Direction of the score.

    Returns
    -------
    The estimate with the same value; unchanged when fewer than three windows have a score.
    """
    weights = np.array([splits.weights[splits.fold_slice(f)].sum() for f in range(len(splits.folds))])
    known = np.isfinite(window_scores) & (weights > 0)
    scores, weights = window_scores[known], weights[known] / max(weights[known].sum(), np.finfo(float).tiny)
    K = len(scores)
    if K < 3 or not all(map(math.isfinite, (estimate.value, estimate.low, estimate.high))):
        return estimate
    there, back = _even_scale(np.r_[scores, estimate.value, estimate.low, estimate.high], greater_is_better)
    x = there(scores)
    s = math.sqrt(float(weights @ (x - weights @ x) ** 2) * K / (K - 1))
    n = max(len(train) + len(valid) for train, valid in splits.folds)
    m = COMING * n / (len(splits.rows) / len(splits.folds))
    more = student.ppf(0.5 + estimate.level / 2, K - 1) * s * math.sqrt(MOOD / m)
    value, low, high = there(np.array([estimate.value, estimate.low, estimate.high]))
    ends = back(
        np.array([value - math.hypot(max(value - low, 0.0), more), value + math.hypot(max(high - value, 0.0), more)])
    )
    return replace(
        estimate, low=float(ends[0]), high=float(ends[1]), method=f"{estimate.method}, widened for the stretch to come"
    )


Scale = Callable[[Floats], Floats]


def _even_scale(numbers: Floats, greater_is_better: bool) -> tuple[Scale, Scale]:
    """A scale on which all of the numbers can be spread, and the way back."""
    if not greater_is_better and (numbers > 0).all():
        return np.log, np.exp
    if greater_is_better and ((numbers > 0) & (numbers < 1)).all():
        return (lambda p: np.log(p / (1 - p))), (lambda z: 1 / (1 + np.exp(-z)))
    if greater_is_better and (numbers < 1).all():
        return (lambda r: -np.log1p(-r)), (lambda z: -np.expm1(-z))
    return (lambda z: z), (lambda z: z)
