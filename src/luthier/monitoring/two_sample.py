"""What a test of two samples says: how unlikely, and how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TwoSample:
    """The outcome of a test of whether two samples come from one distribution.

    Attributes
    ----------
    statistic
        In the unit of the test.
    p
        Probability of a statistic at least as extreme if the two distributions are the same, in [0, 1].
    effect
        How far the distributions are apart in [0, 1]: the share of the rows that tells them apart. It is positive on
        average also where nothing differs, the more so the fewer the rows: read it together with `p`.
    """

    statistic: float
    p: float
    effect: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.p <= 1.0:
            raise ValueError(f"p is a probability, so it cannot be {self.p!r}")

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"statistic": self.statistic, "p": self.p, "effect": self.effect}


SAME = TwoSample(0.0, 1.0, 0.0)
"""What is said where there is nothing to compare: an empty sample differs from nothing."""
