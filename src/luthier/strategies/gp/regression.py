"""Gaussian-process regression over encoded configurations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from luthier.space.config import Floats

_SCALE = 0.6
_SCALE_SPREAD = 1.0
_NOISE = 1e-4
_NOISE_SPREAD = 1.5
_JITTER = 1e-8
_SCALES = (-4.0, 4.0)
_AMPLITUDES = (-3.0, 3.0)
_NOISES = (math.log(1e-6), math.log(0.5))
_STEPS = 30


@dataclass(frozen=True, slots=True, eq=False)
class Beliefs:
    """Hyperparameters of a Gaussian process, on a log scale.

    Attributes
    ----------
    scales
        (d,) of the length over which each dimension matters, in the unit cube.
    amplitude
        Of the variance of the function.
    noise
        Of the variance of an observation.
    """

    scales: Floats
    amplitude: float
    noise: float

    @classmethod
    def prior(cls, d: int) -> Self:
        """Return what is believed of d dimensions before anything was seen: the more there are, the less each matters.

        Source: Hvarfner, Hellsten & Nardi (2024), "Vanilla Bayesian Optimization Performs Great in High Dimensions".
        """
        return cls(np.full(d, math.log(_SCALE) + 0.5 * math.log(max(d, 1))), 0.0, math.log(_NOISE))

    @classmethod
    def learned(cls, X: Floats, group: NDArray[np.intp], y: Floats, extra: Floats) -> Self:
        """Return the most probable hyperparameters given observations.

        Parameters
        ----------
        X
            (n, p) encoded points.
        group
            (p,) the dimension each column belongs to, from 0 to d - 1.
        y
            (n,) values, about of mean 0 and variance 1.
        extra
            (n,) variance of each observation on top of the common one.
        """
        from scipy.optimize import minimize

        d = int(group.max()) + 1 if len(group) else 0
        prior = cls.prior(d)
        start = np.array([*prior.scales, prior.amplitude, prior.noise])
        found = minimize(
            _negative_log_posterior,
            start,
            args=(start, X, group, y, extra),
            jac=True,
            method="L-BFGS-B",
            bounds=[_SCALES] * d + [_AMPLITUDES, _NOISES],
            options={"maxiter": _STEPS},
        ).x
        return cls(found[:d], float(found[d]), float(found[d + 1]))


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A Gaussian process conditioned on observations: Matern 5/2 with a scale for each dimension, constant mean.

    Source: Rasmussen & Williams (2006), "Gaussian Processes for Machine Learning", chapters 2, 4 and 5.
    """

    beliefs: Beliefs
    inverse_scales: Floats
    X: Floats
    mean: float
    weights: Floats
    factor: Floats
    ones: Floats
    mean_variance: float

    @classmethod
    def of(cls, beliefs: Beliefs, X: Floats, group: NDArray[np.intp], y: Floats, extra: Floats) -> Self:
        """Condition on (n, p) encoded points, n >= 1, with (n,) values and (n,) variances on top of the common one."""
        from scipy.linalg import cho_solve

        inverse_scales = np.exp(-beliefs.scales)[group]
        Z = X * inverse_scales
        C = math.exp(beliefs.amplitude) * _matern(_squared_distances(Z, Z))[0]
        C[np.diag_indices_from(C)] += extra + math.exp(beliefs.noise) + _JITTER
        factor = np.linalg.cholesky(C).astype(np.float64, copy=False)
        ones = cho_solve((factor, True), np.ones(len(y)))
        precision = float(ones.sum()) + 1.0
        mean = float(ones @ y) / precision
        return cls(beliefs, inverse_scales, Z, mean, cho_solve((factor, True), y - mean), factor, ones, 1.0 / precision)

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """Return (m,) means and (m,) positive standard deviations of the function at (m, p) encoded points."""
        from scipy.linalg import solve_triangular

        amplitude = math.exp(self.beliefs.amplitude)
        K = amplitude * _matern(_squared_distances(X * self.inverse_scales, self.X))[0]
        known = solve_triangular(self.factor, K.T, lower=True, check_finite=False)
        variance = amplitude - np.einsum("nm,nm->m", known, known)
        variance += (1.0 - K @ self.ones) ** 2 * self.mean_variance
        return self.mean + K @ self.weights, np.sqrt(np.maximum(variance, 1e-10))


def _squared_distances(A: Floats, B: Floats) -> Floats:
    squares: Floats = np.einsum("np,np->n", A, A)[:, None] + np.einsum("np,np->n", B, B)[None, :] - 2.0 * (A @ B.T)
    np.maximum(squares, 0.0, out=squares)
    return squares


def _matern(squares: Floats) -> tuple[Floats, Floats]:
    """Return the Matern 5/2 correlation at squared distances, and -2 times its derivative by them."""
    r = np.sqrt(5.0 * squares)
    decay = np.exp(-r)
    slope = (5.0 / 3.0) * (1.0 + r) * decay
    return decay * (1.0 + r + r * r / 3.0), slope


def _negative_log_posterior(
    theta: Floats, prior: Floats, X: Floats, group: NDArray[np.intp], y: Floats, extra: Floats
) -> tuple[float, Floats]:
    """Return minus the log marginal likelihood and log prior, up to a constant, and the gradient by theta."""
    from scipy.linalg import lapack

    potrf: Any = lapack.dpotrf
    potri: Any = lapack.dpotri
    d = len(theta) - 2
    amplitude, noise = math.exp(theta[d]), math.exp(theta[d + 1])
    Z = X * np.exp(-theta[:d])[group]
    K, slope = _matern(_squared_distances(Z, Z))
    C = amplitude * K
    C[np.diag_indices_from(C)] += extra + noise + _JITTER
    # the arrays are symmetric, so their C order is Fortran's, and nothing is copied
    factor, failed = potrf(C.T, lower=True, clean=True)
    if failed:
        return 1e10, np.zeros_like(theta)
    inverse = potri(factor, lower=True)[0]
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    ones = inverse.sum(axis=1)
    # the mean is the most probable one under a standard normal prior; there its own gradient vanishes
    mean = float(ones @ y) / (float(ones.sum()) + 1.0)
    left = y - mean
    weights = inverse @ left
    value = 0.5 * float(left @ weights) + float(np.log(np.diag(factor)).sum()) + 0.5 * mean**2

    W = np.outer(weights, weights) - inverse
    M = W * slope
    # sum_ik M_ik (z_ij - z_kj)^2 for every column j at once
    by_column = 2.0 * (M.sum(axis=1) @ (Z * Z) - np.einsum("np,np->p", Z, M @ Z))
    gradient = np.empty_like(theta)
    gradient[:d] = -0.5 * amplitude * np.bincount(group, by_column, minlength=d)
    gradient[d] = -0.5 * amplitude * float(np.vdot(W, K))
    gradient[d + 1] = -0.5 * noise * float(np.trace(W))

    spread = np.full_like(theta, _SCALE_SPREAD)
    spread[d + 1] = _NOISE_SPREAD
    away = (theta - prior) / spread
    return value + 0.5 * float(away @ away), gradient + away / spread
