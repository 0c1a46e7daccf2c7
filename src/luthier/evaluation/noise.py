"""A model of wrong labels: what the true classes are, and how often one is written down as another.

    P(label = i | row) = sum over true classes j of q_j(row) T_ji

q is what a model said of the row without having seen it, bent until it fits; T (k, k) says how often class j is written
down as class i, whatever the row (class-conditional noise; Angluin & Laird 1988, Machine Learning 2; Northcutt, Jiang &
Chuang 2021, J. Artificial Intelligence Research 70). Where q is sure, only T can explain a label that disagrees; where
classes overlap, q explains it. That is what tells an error from a hard row.

    q_j = softmax_j(a log p_j + b_j)

a, b and T are found by expectation-maximisation on the labels, the true classes being what is not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

SMALLEST = 1e-3
"""Probabilities below are read as this: a forest of sixty trees that says 0 means no less."""
SUREST_HALF = 0.5
"""Share of the rows of every class, the surest ones, from which the search begins."""
RATE_PRIOR = 0.5
WAY_PRIOR = 2.0
"""Wrong labels that every class is lent: so many by which its rate leans to that of all classes, so many spread evenly
over what they are written down as. Three wrong labels in a class tell little of either."""
BIAS_SD, LOG_SLOPE_SD = 6.0, 1.0
"""Normal priors of b and log a, wide: they only keep small tables from running away."""
MOST_ROWS = 20_000
MOST_STEPS = 60


@dataclass(frozen=True, slots=True, eq=False)
class NoiseModel:
    """How labels came to be written down.

    Parameters
    ----------
    slope, bias
        a, and b (k,).
    transition
        T (k, k): row j is how class j is written down; rows sum to 1.
    gain
        Log likelihood by which it explains the labels better than the same model without wrong labels (T = I).
    """

    slope: float
    bias: Floats
    transition: Floats
    gain: float

    def truth(self, p: Floats) -> Floats:
        """What the row alone says of its true class: q, (n, k)."""
        return np.asarray(softmax(self.slope * _logs(p) + self.bias, axis=1))

    def posterior(self, y: Codes, p: Floats) -> Floats:
        """(n, k): probability of every true class, given the row and the label it bears."""
        joint = self.truth(p) * self.transition.T[y]
        return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def fit_noise(y: Codes, p: Floats) -> NoiseModel:
    """The noise model most likely to have written these labels.

    Parameters
    ----------
    y
        (n,) codes 0..k-1 of the labels.
    p
        (n, k) probabilities by models that had not seen the row; rows sum to 1.
    """
    k = p.shape[1]
    if len(y) > MOST_ROWS:
        every = -(-len(y) // MOST_ROWS)
        y, p = y[::every], p[::every]
    logs = _logs(p)
    level = np.array([p[y == j, j].mean() if (y == j).any() else 1 / k for j in range(k)])
    theta = np.r_[0.0, -np.log(np.maximum(level, SMALLEST))]
    theta[1:] -= theta[1:].mean()
    transition = _transition(_among_the_surest(y, p / np.maximum(level, SMALLEST)))
    before = np.inf
    for _ in range(MOST_STEPS):
        found = minimize(
            _loss, theta, args=(logs, transition.T[y]), jac=True, method="L-BFGS-B", options={"maxiter": 10}
        )
        theta = found.x
        true = NoiseModel(float(np.exp(theta[0])), theta[1:], transition, 0.0).posterior(y, p)
        transition = _transition(np.array([true[y == i].sum(axis=0) for i in range(k)]).T)
        if before - found.fun < 1e-2:  # in log likelihood: far below what any count could show
            break
        before = found.fun
    with_errors = _loss(theta, logs, transition.T[y])[0]
    without = float(minimize(_loss, theta, args=(logs, np.eye(k)[y]), jac=True, method="L-BFGS-B").fun)
    return NoiseModel(float(np.exp(theta[0])), theta[1:], transition, without - with_errors)


def _logs(p: Floats) -> Floats:
    logs = np.log(np.maximum(p, SMALLEST))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def _among_the_surest(y: Codes, relative: Floats) -> Floats:
    """(k, k): labels i of the surest rows of every class j, sure being measured against the class (Northcutt's way)."""
    k = relative.shape[1]
    said, sure = relative.argmax(axis=1), relative.max(axis=1)
    counts = np.zeros((k, k))
    for j in range(k):
        rows = np.flatnonzero(said == j)
        rows = rows[np.argsort(-sure[rows], kind="stable")[: int(np.ceil(SUREST_HALF * len(rows)))]]
        counts[j] = np.bincount(y[rows], minlength=k)
    return counts


def _transition(counts: Floats) -> Floats:
    """T from the number of rows of true class j with label i, with what the priors lend."""
    k = len(counts)
    wrong = counts * (1 - np.eye(k))
    n_wrong, n = wrong.sum(axis=1), counts.sum(axis=1)
    of_all = (n_wrong.sum() + 0.5) / (n.sum() + 1.0)
    rate = np.minimum((n_wrong + RATE_PRIOR) / (n + RATE_PRIOR / of_all), 1.0)
    ways = (wrong + WAY_PRIOR * (1 - np.eye(k)) / max(k - 1, 1)) / (n_wrong + WAY_PRIOR)[:, None]
    return np.asarray(ways * rate[:, None] + np.diag(1 - rate))


def _loss(theta: Floats, logs: Floats, written: Floats) -> tuple[float, Floats]:
    """Minus the log posterior of log a and b, and its gradient; written (n, k): P(label of the row | true class)."""
    slope, bias = np.exp(theta[0]), theta[1:]
    log_q = log_softmax(slope * logs + bias, axis=1)
    q = np.exp(log_q)
    joint = q * written
    likelihood = np.maximum(joint.sum(axis=1), 1e-300)
    pull = joint / likelihood[:, None] - q
    prior = 0.5 * (theta[0] / LOG_SLOPE_SD) ** 2 + 0.5 * ((bias / BIAS_SD) ** 2).sum()
    gradient = -np.r_[slope * (pull * logs).sum(), pull.sum(axis=0)]
    return float(prior - np.log(likelihood).sum()), gradient + np.r_[theta[0] / LOG_SLOPE_SD**2, bias / BIAS_SD**2]
