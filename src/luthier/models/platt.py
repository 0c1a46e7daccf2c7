"""From decision values to probabilities by a sigmoid.

    P(positive | d) = 1 / (1 + exp(-(slope * d + offset)))

fitted by weighted maximum likelihood against targets pulled a little towards the middle, (N+ + 1) / (N+ + 2) and
1 / (N- + 2), so that separable decisions do not become certainty.
Source: Platt (1999), "Probabilistic outputs for support vector machines", section 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from luthier.models.family import Floats

LEAST_SLOPE = 1e-3
"""Higher decisions must mean higher probability: on a few noisy rows the likeliest slope can be negative, which would
turn the ranking of the machine upside down."""


def fit_sigmoid(decisions: Floats, positive: NDArray[np.bool_], weights: Floats | None = None) -> tuple[float, float]:
    """Return slope and offset.

    Parameters
    ----------
    decisions
        (n,) decision values of rows that the machine was not trained on.
    positive
        (n,) whether the row belongs to the class.
    weights
        (n,) row weights, or None for ones.
    """
    w = np.ones(len(decisions)) if weights is None else weights
    n_positive, n_negative = w[positive].sum(), w[~positive].sum()
    t = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    unit = max(float(np.abs(decisions).max(initial=0.0)), 1e-12)
    d = decisions / unit

    def objective(theta: Floats) -> tuple[float, Floats]:
        z = theta[0] * d + theta[1]
        residual = w * (expit(z) - t)
        return float((w * (np.logaddexp(0, z) - t * z)).sum()), np.array([residual @ d, residual.sum()])

    start = np.array([1.0, np.log((n_positive + 1) / (n_negative + 1))])
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=[(LEAST_SLOPE, None), (None, None)])
    return float(found.x[0] / unit), float(found.x[1])
