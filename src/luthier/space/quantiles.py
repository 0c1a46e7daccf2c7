"""A continuous distribution of any shape."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from luthier.errors import BadSpace
from luthier.space.bins import Bins
from luthier.space.scalars import is_number, number


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A continuous distribution of any shape, told by its quantiles at equally spaced probabilities from 0 to 1.

    Between two quantiles the density is flat. `SearchSpace.parse` writes `scipy.stats` distributions in this form when
    `Float` cannot say them exactly.

    Raises
    ------
    BadSpace
        Fewer than two quantiles, or quantiles that are not finite or do not rise.
    """

    values: tuple[float, ...]

    kind: ClassVar[str] = "quantiles"
    ordered: ClassVar[bool] = True
    n_values: ClassVar[float] = math.inf
    bins: ClassVar[Bins | None] = None

    def __post_init__(self) -> None:
        values = tuple(number(v, "Quantiles", "a quantile") for v in self.values)
        if len(values) < 2 or any(a >= b for a, b in pairwise(values)):
            raise BadSpace(
                "Quantiles needs at least two values that rise strictly",
                fix="list the values with their weights instead",
            )
        object.__setattr__(self, "values", values)

    @property
    def low(self) -> float:
        """Smallest value."""
        return self.values[0]

    @property
    def high(self) -> float:
        """Largest value."""
        return self.values[-1]

    @property
    def expected(self) -> str:
        """The admissible values, in words."""
        return f"a number in [{self.low!r}, {self.high!r}]"

    def from_unit(self, u: float) -> float:
        """Return the value at coordinate `u`; outside [0, 1] the nearest bound."""
        if u <= 0 or u >= 1:  # the ends exactly, which rounding would miss
            return self.low if u <= 0 else self.high
        last = len(self.values) - 1
        x = u * last
        k = min(int(x), last - 1)
        a, b = self.values[k], self.values[k + 1]
        return min(max(a + (x - k) * (b - a), a), b)

    def to_unit(self, value: Any) -> float:
        """Return the coordinate of an admissible value."""
        last = len(self.values) - 1
        k = min(bisect_right(self.values, value) - 1, last - 1)
        a, b = self.values[k], self.values[k + 1]
        u: float = (k + (value - a) / (b - a)) / last
        return u

    def normal(self, value: Any) -> float:
        """Return an admissible value in its one form, a float; raise ValueError for any other."""
        if not is_number(value) or not self.low <= value <= self.high:
            raise ValueError(value)
        return float(value)

    def to_json(self) -> dict[str, Any]:
        """Return what `distribution_from_json` reads."""
        return {"kind": self.kind, "values": list(self.values)}
