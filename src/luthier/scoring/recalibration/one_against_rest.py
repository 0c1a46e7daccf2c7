"""Several classes by recalibrators of two: one for each class against the rest, and probabilities that add up again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from luthier.scoring.recalibration.recalibrator import SURE, Floats, Mapped, Recalibrator


@dataclass(frozen=True, slots=True)
class OneAgainstRest:
    """A recalibrator for each class.

    Source: Zadrozny & Elkan (2002), as for `isotonic`, section 4.
    """

    name: ClassVar[str] = "one_against_rest"

    parts: tuple[Mapped, ...]

    @classmethod
    def fit(
        cls, kind: type[Recalibrator], y: NDArray[np.int64], p: NDArray[Any], weights: Floats | None = None
    ) -> Self:
        """Learn one recalibrator of this kind for each of k columns."""
        codes = range(p.shape[1])
        return cls(tuple(kind.fit((np.asarray(y) == k).astype(np.int64), p[:, [k]], weights) for k in codes))

    def apply(self, p: NDArray[Any]) -> Floats:
        """Map (n, k) to (n, k)."""
        q = np.hstack([part.apply(p[:, [k]]) for k, part in enumerate(self.parts)])
        q = np.maximum(q, SURE)
        return np.asarray(q / q.sum(axis=1, keepdims=True))

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"kind": self.name, "parts": [part.to_json() for part in self.parts]}
