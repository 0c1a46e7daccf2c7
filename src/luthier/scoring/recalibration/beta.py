"""Beta calibration: sureness about the positive and about the negative class mended separately."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from luthier.models.platt import LEAST_SLOPE
from luthier.scoring.recalibration.recalibrator import Floats, checked, within


@dataclass(frozen=True, slots=True)
class BetaCalibration:
    """logit P(positive) = a ln p - b ln(1 - p) + c, a and b above zero, so that the order is kept.

    Source: Kull, Silva Filho & Flach (2017), "Beta calibration", AISTATS, eq. 5.
    """

    name: ClassVar[str] = "beta"
    joint: ClassVar[bool] = False

    a: float
    b: float
    c: float

    @classmethod
    def fit(cls, y: NDArray[np.int64], p: NDArray[Any], weights: Floats | None = None) -> Self:
        """Learn from coded classes (n,) and p (n, 1), by weighted maximum likelihood."""
        q = within(p[:, 0])
        X = np.column_stack([np.log(q), -np.log1p(-q), np.ones(len(q))])
        w = np.ones(len(q)) if weights is None else weights
        t = np.asarray(y == 1, np.float64)
        scale = w.sum()

        def objective(theta: Floats) -> tuple[float, Floats]:
            z = X @ theta
            return float((w * (np.logaddexp(0, z) - t * z)).sum() / scale), (w * (expit(z) - t)) @ X / scale

        bounds = [(LEAST_SLOPE, None), (LEAST_SLOPE, None), (None, None)]
        found = minimize(objective, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds)
        return cls(*map(float, found.x))

    def apply(self, p: NDArray[Any]) -> Floats:
        """Map (n, 1) to (n, 1)."""
        q = within(p)
        return np.asarray(expit(self.a * np.log(q) - self.b * np.log1p(-q) + self.c))

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"kind": self.name, "a": self.a, "b": self.b, "c": self.c}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(*checked(body, "a", "b", "c"))
