"""One number between 0 and 1 for how wrong an answer was, whatever the task: what streams of labels are watched by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BoundedLoss:
    """Half the squared distance of chances from what came true (Brier), or an absolute error cut at a bound.

    Attributes
    ----------
    bound
        Values: the error that counts as 1, in the target's unit; None for classes.
    mean, se
        Mean loss on the baseline, and its standard error.
    """

    bound: float | None
    mean: float
    se: float

    @classmethod
    def of(cls, y: NDArray[Any], p: Floats) -> Self:
        """The loss of a task, with its baseline, from coded targets (m,) and predictions (m, k)."""
        classes = np.issubdtype(np.asarray(y).dtype, np.integer)
        # Twice what all but a hundredth of the errors stay below: larger ones are wrong enough.
        bound = None if classes else float(2 * np.quantile(np.abs(y - p[:, 0]), 0.99)) or 1.0
        losses = cls(bound, 0.0, 0.0).per_row(y, p)
        return cls(bound, float(losses.mean()), float(losses.std() / np.sqrt(len(losses))))

    def per_row(self, y: NDArray[Any], p: Floats) -> Floats:
        """(n,) in [0, 1]."""
        if self.bound is not None:
            return np.asarray(np.minimum(np.abs(y - p[:, 0]) / self.bound, 1.0))
        if p.shape[1] == 1:
            return np.asarray((y - p[:, 0]) ** 2)
        return np.asarray((((y[:, None] == np.arange(p.shape[1])) - p) ** 2).sum(axis=1) / 2).clip(0.0, 1.0)
