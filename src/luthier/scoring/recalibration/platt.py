"""Platt scaling: a sigmoid of the log odds, which mends a wrong level and a wrong sureness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from luthier.models.platt import fit_sigmoid
from luthier.scoring.recalibration.recalibrator import Floats, checked, log_odds


@dataclass(frozen=True, slots=True)
class PlattScaling:
    """P(positive) = 1 / (1 + exp(-(slope * logit(p) + offset))), slope > 0.

    Source: Platt (1999), "Probabilistic outputs for support vector machines"; on log odds it is logistic calibration,
    Cox (1958), Biometrika 45.
    """

    name: ClassVar[str] = "platt"
    joint: ClassVar[bool] = False

    slope: float
    offset: float

    @classmethod
    def fit(cls, y: NDArray[np.int64], p: NDArray[Any], weights: Floats | None = None) -> Self:
        """Learn from coded classes (n,) and p (n, 1)."""
        return cls(*fit_sigmoid(log_odds(p[:, 0]), np.asarray(y) == 1, weights))

    def apply(self, p: NDArray[Any]) -> Floats:
        """Map (n, 1) to (n, 1)."""
        return np.asarray(expit(self.slope * log_odds(p) + self.offset))

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"kind": self.name, "slope": self.slope, "offset": self.offset}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(*checked(body, "slope", "offset"))
