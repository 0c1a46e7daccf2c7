"""A measured quantity with its uncertainty: the form in which every score leaves this house."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from luthier.canonical import finite


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured quantity and the interval that holds the truth with probability `level`.

    Attributes
    ----------
    value
        The point estimate, in the metric's own unit and sign; NaN when it could not be measured.
    low, high
        Ends of the interval, in the same unit; NaN when it could not be measured. `value` need not lie between
        them: a corrected estimate and the percentiles of a replay answer slightly different questions.
    n
        Independent units behind the number: rows, groups, time blocks or folds.
    level
        Probability with which such intervals hold the truth.
    method
        How it was obtained, in a few words.

    Examples
    --------
    >>> print(Estimate(0.8123, 0.79, 0.83, n=400))
    0.812 [0.790, 0.830] (n=400)
    """

    value: float
    low: float
    high: float
    n: int
    level: float = 0.95
    method: str = ""

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"an interval runs from low to high, so not from {self.low!r} to {self.high!r}")
        if self.n < 0:
            raise ValueError(f"n counts independent units, so it cannot be {self.n!r}")
        if not 0.0 < self.level < 1.0:
            raise ValueError(f"level is a probability strictly between 0 and 1, not {self.level!r}")

    def __str__(self) -> str:
        digits = _digits(self.value)
        return f"{self.value:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}] (n={self.n})"

    def __contains__(self, truth: float) -> bool:
        return self.low <= truth <= self.high

    def to_json(self) -> dict[str, Any]:
        """JSON values; a number that is not finite becomes None."""
        return {
            "value": finite(self.value),
            "low": finite(self.low),
            "high": finite(self.high),
            "n": self.n,
            "level": self.level,
            "method": self.method,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Estimate:
        """The estimate that `to_json` wrote."""
        value, low, high = (math.nan if body[key] is None else float(body[key]) for key in ("value", "low", "high"))
        return cls(value, low, high, int(body["n"]), float(body["level"]), str(body["method"]))


def _digits(value: float) -> int:
    """Decimals that show four significant digits of numbers above 1 and three decimals of those below."""
    if not math.isfinite(value) or abs(value) < 1:
        return 3
    return max(0, 3 - math.floor(math.log10(abs(value))))
