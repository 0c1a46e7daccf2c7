"""A kernel density over a conditional space, in the coordinates of the unit cube."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from luthier.space import Parameter, SearchSpace
from luthier.space.config import Floats

_SPREAD = 0.3
"""Standard deviation of points spread over the whole range (0.29), which is what Scott's rule scales."""
_FINEST = 256
"""With more values than this, bins are narrower than kernels and an integral stands in for the sum over them."""


@dataclass(frozen=True, slots=True)
class Parzen:
    """One kernel around each of some configurations, and the space's own distribution as one more.

        p(x) = (1 + sum_i prod_j k_j(x_j | c_ij)) / (1 + n),    j over the coordinates active in x

    A kernel is a story of how a configuration like c_i is drawn, parents first: a coordinate that is active in c_i too
    is drawn near c_ij, one that c_i does not have from its own distribution, of density k_j = 1. So every kernel, and
    with it the mixture, is a density over the whole conditional space; what goes well together is learned together, and
    each parameter from just those configurations that have it.

    On a scale, k_j is a normal density around c_ij of standard deviation `width`, truncated to [0, 1]; where the values
    are countable, it is taken at the middle of their bins and scaled to sum to 1 over them. Without an order, a value
    other than c_ij comes by a uniform draw only, which happens with probability `width`.

    All densities are relative to the space's own distribution, which is uniform in the unit cube.

    Attributes
    ----------
    centres
        (n, d) coordinates, NaN where inactive.
    widths
        (d,) of the kernels.
    log_masses
        (n, d): logarithm of what scales each kernel to integrate to 1; 0 where inactive.

    Source: multivariate product kernels for tree-Parzen search: Falkner, Klein & Hutter (2018), "BOHB", ICML; the prior
    as one component: Bergstra et al. (2011), "Algorithms for Hyper-Parameter Optimization", NeurIPS.
    """

    space: SearchSpace
    centres: Floats
    widths: Floats
    log_masses: Floats

    @classmethod
    def around(cls, space: SearchSpace, centres: Floats) -> Self:
        """Put a kernel around every configuration.

        The width shrinks with the number n_j of configurations that have coordinate j: 0.3 n_j^(-1/(d + 4)) on a scale,
        d the average number of active coordinates; K / (n_j + K) for K choices without an order. Widths taken from the
        spread of so few points as the good ones are would collapse with them, so these depend on counts only.

        Source: Scott (1992), "Multivariate Density Estimation", eq. 6.42; Laplace's rule of succession. Compared with
        others by Watanabe (2023), "Tree-Structured Parzen Estimator: Understanding Its Algorithm Components".
        """
        active = np.isfinite(centres)
        together = max(float(active.sum(axis=1).mean()), 1.0) if len(centres) else 1.0
        counts = active.sum(axis=0)
        widths = np.empty(len(space.dimensions))
        log_masses = np.zeros(centres.shape)
        for j, parameter in enumerate(space.dimensions):
            widths[j] = _width(parameter, int(counts[j]), together)
            if counts[j]:
                log_masses[active[:, j], j] = _log_mass(parameter, centres[active[:, j], j], widths[j])
        return cls(space, centres, widths, log_masses)

    def log_density(self, points: Floats) -> Floats:
        """Return (m,), the logarithm of p at (m, d) points of the space, NaN where inactive."""
        has, have = np.isfinite(points), np.isfinite(self.centres)
        X, C, log_scale = np.zeros(points.shape), np.zeros(self.centres.shape), -self.log_masses
        log_k = np.zeros((len(points), len(self.centres)))
        for j, parameter in enumerate(self.space.dimensions):
            width = self.widths[j]
            if parameter.distribution.ordered:
                X[has[:, j], j] = points[has[:, j], j] / width
                C[have[:, j], j] = self.centres[have[:, j], j] / width
                continue
            # centres of different values are much further apart than rounding; NaN is the same as nothing
            same = np.abs(points[:, j, None] - self.centres[:, j]) < 1e-12
            log_scale[:, j] = np.where(have[:, j], np.log(width), 0.0)
            log_k += same * (np.log(width + (1 - width) * np.exp(-self.log_masses[:, j])) - np.log(width))
        # sum_j ((x_j - c_j) / width_j)^2 over j active in both, multiplied out into products of matrices
        M, N = has.astype(np.float64), have.astype(np.float64)
        squares = X**2 @ N.T + M @ (C**2).T - 2 * X @ C.T
        log_k += M @ log_scale.T - 0.5 * squares
        top = np.maximum(log_k.max(axis=1, initial=0.0), 0.0)  # the space's own distribution has density 1
        total = np.exp(log_k - top[:, None]).sum(axis=1) + np.exp(-top)
        log_p: Floats = top + np.log(total / (1 + len(self.centres)))
        return log_p

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
        """Draw n points of the space.

        Returns
        -------
        points
            (n, d), NaN where inactive.
        origins
            (n,): which configuration's kernel each was drawn from; len(centres) for the space's own distribution.
        """
        origins = rng.integers(len(self.centres) + 1, size=n)
        points = rng.random((n, len(self.space.dimensions)))
        centres = np.vstack([self.centres, np.full(points.shape[1], np.nan)])[origins]
        for j, parameter in enumerate(self.space.dimensions):
            near = np.flatnonzero(np.isfinite(centres[:, j]))
            u, c, width = points[near, j], centres[near, j], self.widths[j]
            if parameter.distribution.ordered:
                low, high = ndtr(-c / width), ndtr((1 - c) / width)
                points[near, j] = c + width * ndtri(low + u * (high - low))
            else:
                stay = u >= width
                points[near, j] = np.where(stay, c, u / width)
        return self.space.snap(points), origins


def _width(parameter: Parameter, n: int, together: float) -> float:
    if parameter.distribution.ordered:
        return float(_SPREAD * max(n, 1) ** (-1 / (together + 4)))
    choices = parameter.distribution.n_values
    return choices / (n + choices)


def _log_mass(parameter: Parameter, centres: Floats, width: float) -> Floats:
    """Return (n,): the logarithm of the integral over [0, 1] of each kernel before it is scaled."""
    bins = parameter.distribution.bins
    if bins is not None and bins.n <= _FINEST:
        middles = np.array([bins.centre(k) for k in range(bins.n)])
        edges = _edges(middles)
        shares, own = np.diff(edges), np.searchsorted(edges[1:-1], centres)
        if not parameter.distribution.ordered:
            log_shares: Floats = np.log(shares)[own]
            return log_shares
        scaled = (middles[:, None] - middles) / width
        log_sums: Floats = np.log(np.exp(-0.5 * scaled * scaled) @ shares)[own]
        return log_sums
    mass = ndtr((1 - centres) / width) - ndtr(-centres / width)
    log_mass: Floats = np.log(mass * width * math.sqrt(2 * math.pi))
    return log_mass


def _edges(middles: Floats) -> Floats:
    """Return (k + 1,) edges of the k bins that cover [0, 1] in order, from their middles."""
    edges = [0.0]
    for middle in middles.tolist():
        edges.append(2 * middle - edges[-1])
    return np.array(edges)
