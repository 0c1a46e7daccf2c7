"""Losses on a scale on which a Gaussian process can model them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from luthier.space.config import Floats

_FEWEST = 4
_BEYOND = 20.0
"""How many times as far above the median as the best is below it a loss may lie before it is cut off."""


@dataclass(frozen=True, slots=True)
class Warping:
    """A monotone map from losses to values of mean 0 and variance 1 that are as normal as a power makes them.

    Losses are skewed: a few configurations diverge, and the differences that matter are among the good ones. Losses
    far beyond the others are cut off, then the Yeo-Johnson power of largest likelihood is taken.

    Source: Yeo & Johnson (2000), "A new family of power transformations to improve normality or symmetry"; Cowen-Rivers
    et al. (2022), "HEBO", section 3.2, for the use in hyperparameter optimisation.
    """

    ceiling: float
    centre: float
    scale: float
    power: float
    mean: float
    sd: float

    @classmethod
    def of(cls, losses: Floats) -> Self:
        """Fit the map.

        Parameters
        ----------
        losses
            (n,), n >= 1, finite.
        """
        from scipy.stats import yeojohnson_normmax

        low, middle = float(losses.min()), float(np.median(losses))
        with np.errstate(over="ignore"):
            ceiling = middle + _BEYOND * (middle - low)
        if not low < ceiling < np.inf:  # at least half of them are equal, or the differences overflow
            ceiling = float(losses.max())
        cut = np.minimum(losses, ceiling)
        size = max(float(np.abs(cut).max()), np.finfo(np.float64).tiny)
        centre, scale = size * float((cut / size).mean()), size * float((cut / size).std())
        if not scale > 1e-12 * size:
            return cls(ceiling, centre, size, 1.0, 0.0, 1.0)
        z = cut / scale - centre / scale
        power = 1.0
        if len(z) >= _FEWEST:
            power = float(np.clip(yeojohnson_normmax(z, brack=(-1.0, 2.0)), -5.0, 5.0))
        raised = _raise(z, power)
        sd = float(raised.std())
        return cls(ceiling, centre, scale, power, float(raised.mean()), sd if sd > 1e-9 else 1.0)

    def __call__(self, losses: Floats) -> Floats:
        """Return (n,) values; infinite losses are as bad as the cut allows."""
        z = np.minimum(losses, self.ceiling) / self.scale - self.centre / self.scale
        return (_raise(z, self.power) - self.mean) / self.sd

    def loss(self, values: Floats) -> Floats:
        """Return (n,) losses of values, the way back. Values the power cannot reach become the nearest it can."""
        return self.centre + self.scale * _lower(values * self.sd + self.mean, self.power)

    def slope(self, losses: Floats) -> Floats:
        """Return (n,) how much values change with losses: what turns a standard deviation of one into the other's."""
        z = np.minimum(losses, self.ceiling) / self.scale - self.centre / self.scale
        exponent = np.where(z >= 0, self.power - 1, 1 - self.power)
        return (np.abs(z) + 1.0) ** exponent / (self.scale * self.sd)


def _raise(z: Floats, power: float) -> Floats:
    up, down = np.maximum(z, 0.0), np.maximum(-z, 0.0)
    above = np.log1p(up) if abs(power) < 1e-9 else np.expm1(power * np.log1p(up)) / power
    other = 2.0 - power
    below = np.log1p(down) if abs(other) < 1e-9 else np.expm1(other * np.log1p(down)) / other
    return np.where(z >= 0, above, -below)


def _lower(raised: Floats, power: float) -> Floats:
    def inverse(x: Floats, exponent: float) -> Floats:
        if abs(exponent) < 1e-9:
            return np.expm1(x)
        inside = np.maximum(exponent * x, -1.0 + 1e-12)
        return np.expm1(np.log1p(inside) / exponent)

    return np.where(raised >= 0, inverse(np.maximum(raised, 0), power), -inverse(np.maximum(-raised, 0), 2.0 - power))
