"""How far a training had come, as a share of the longest one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Shares:
    """Steps as shares of the longest training seen. Steps counted from 0 are shifted, so that none has a share of 0."""

    full: float
    shift: float

    @classmethod
    def of(cls, spans: Sequence[tuple[float, float]]) -> Self:
        """Read the first and the last step of every training."""
        shift = 1.0 if any(first == 0 for first, _ in spans) else 0.0
        return cls(max((last for _, last in spans), default=1.0) + shift, shift)

    def of_step(self, step: float) -> float:
        """Return the share of the full training that a step has reached."""
        return (step + self.shift) / self.full
