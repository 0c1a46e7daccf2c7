"""Isotonic calibration: any rising map, learned by pooling neighbours that contradict the order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from luthier.scoring.metrics import rank
from luthier.scoring.recalibration.recalibrator import Floats


@dataclass(frozen=True, slots=True)
class IsotonicCalibration:
    """A rising map, linear between the edges of its blocks and flat beyond the outermost.

    An imaginary positive at the lowest prediction and an imaginary negative at the highest keep every block from
    becoming certain, as the pulled targets of Platt scaling do.

    Attributes
    ----------
    x, y
        (e,): edges of the blocks, rising, and the probability there.

    Notes
    -----
    Source: Zadrozny & Elkan (2002), "Transforming classifier scores into accurate multiclass probability estimates",
    KDD.
    """

    name: ClassVar[str] = "isotonic"
    joint: ClassVar[bool] = False

    x: tuple[float, ...]
    y: tuple[float, ...]

    @classmethod
    def fit(cls, y: NDArray[np.int64], p: NDArray[Any], weights: Floats | None = None) -> Self:
        """Learn from coded classes (n,) and p (n, 1)."""
        q = np.asarray(p[:, 0], np.float64)
        w = np.ones(len(q)) if weights is None else np.asarray(weights, np.float64)
        known = w > 0
        q, w, t = q[known], w[known], (np.asarray(y)[known] == 1).astype(np.float64)
        order, starts = rank(q)
        places = q[order][starts]
        weight = np.add.reduceat(w[order], starts)
        positive = np.add.reduceat((w * t)[order], starts)
        weight[0] += 1
        positive[0] += 1
        weight[-1] += 1
        fitted = isotonic_regression(positive / weight, weights=weight)
        first, last = fitted.blocks[:-1], fitted.blocks[1:] - 1
        edges = np.unique(np.concatenate([first, last]))
        return cls(tuple(map(float, places[edges])), tuple(map(float, fitted.x[edges])))

    def apply(self, p: NDArray[Any]) -> Floats:
        """Map (n, 1) to (n, 1)."""
        return np.asarray(np.interp(np.asarray(p, np.float64), self.x, self.y))

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"kind": self.name, "x": list(self.x), "y": list(self.y)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        x, y = np.array(body["x"], np.float64), np.array(body["y"], np.float64)
        rising = x.shape == y.shape and x.ndim == 1 and len(x) and (np.diff(x) > 0).all() and (np.diff(y) >= 0).all()
        if not (rising and y.min() >= 0 and y.max() <= 1):
            raise ValueError("an isotonic map rises from edge to edge within [0, 1]")
        return cls(tuple(x.tolist()), tuple(y.tolist()))
