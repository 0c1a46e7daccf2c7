"""Small steps from a configuration."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from luthier.space.config import Scalar
from luthier.space.distributions import Distribution, Quantiles


def step_from(value: Any, distribution: Distribution, scale: float, rng: np.random.Generator) -> Scalar:
    """Return a different value nearby, or the same if there is no other.

    On a scale: normally distributed around the old one with standard deviation `scale` in the unit interval, reflected
    at its ends, and at least one value further. Without an order: any other choice, uniformly.
    """
    bins = distribution.bins
    if isinstance(distribution, Quantiles) or bins is None:
        u = distribution.to_unit(value)
        return distribution.from_unit(reflected(u + scale * float(rng.standard_normal())))
    if bins.n == 1:
        return distribution.at(0)
    k = distribution.index(value)
    if not distribution.ordered:
        other = int(rng.integers(bins.n - 1))
        return distribution.at(other + (other >= k))
    to = bins.bin(reflected(bins.centre(k) + scale * float(rng.standard_normal())))
    if to == k:
        to = k + (1 if k == 0 else -1 if k == bins.n - 1 else int(rng.choice((-1, 1))))
    return distribution.at(to)


def reflected(u: float) -> float:
    """Return `u` folded back into [0, 1] at both ends.

    >>> [round(reflected(u), 3) for u in (-0.2, 0.3, 1.1, 2.7)]
    [0.2, 0.3, 0.9, 0.7]
    """
    u = math.fmod(abs(u), 2.0)
    return 2.0 - u if u > 1.0 else u
