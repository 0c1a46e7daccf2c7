"""Temperature scaling: one number that makes all probabilities more or less sure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, softmax

from luthier.scoring.recalibration.recalibrator import Floats, checked, log_odds, within

MOST = 20.0
"""Temperatures stay between 1 / 20 and 20."""


@dataclass(frozen=True, slots=True)
class TemperatureScaling:
    """Softmax of the log probabilities (two classes: sigmoid of the log odds) divided by a temperature.

    Source: Guo, Pleiss, Sun & Weinberger (2017), "On Calibration of Modern Neural Networks", ICML.
    """

    name: ClassVar[str] = "temperature"
    joint: ClassVar[bool] = True

    temperature: float

    @classmethod
    def fit(cls, y: NDArray[np.int64], p: NDArray[Any], weights: Floats | None = None) -> Self:
        """Learn from coded classes (n,) and predictions (n, k)."""
        y = np.asarray(y, np.int64)
        w = np.ones(len(y)) if weights is None else weights
        z = log_odds(p) if p.shape[1] == 1 else np.log(within(p))
        own = z[:, 0] * (y == 1) if p.shape[1] == 1 else z[np.arange(len(y)), y]

        def slope(beta: float) -> float:
            """Derivative of the log loss, which is convex in beta = 1 / temperature."""
            expected = (_sharpened(z, beta) * z).sum(axis=1)
            return float(w @ (expected - own))

        low, high = 1 / MOST, MOST
        if slope(low) >= 0:
            return cls(MOST)
        if slope(high) <= 0:
            return cls(1 / MOST)
        return cls(1 / float(brentq(slope, low, high, xtol=1e-4)))

    def apply(self, p: NDArray[Any]) -> Floats:
        """Map (n, k) to (n, k)."""
        return _sharpened(log_odds(p) if p.shape[1] == 1 else np.log(within(p)), 1 / self.temperature)

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"kind": self.name, "temperature": self.temperature}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        (temperature,) = checked(body, "temperature")
        if not temperature > 0:
            raise ValueError(f"a temperature is above zero, not {temperature!r}")
        return cls(temperature)


def _sharpened(z: Floats, beta: float) -> Floats:
    return np.asarray(expit(beta * z) if z.shape[1] == 1 else softmax(beta * z, axis=1))
