"""How the unit interval is shared out among a countable number of values.

Value number k owns an interval of [0, 1] as long as the value is likely, so that a uniform draw picks values as often
as it should, and the k-th value's coordinate is the middle of its interval, so that a model sees how far values lie
apart.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeAlias

import numpy as np

from luthier.space.config import Floats


@dataclass(frozen=True, slots=True)
class EqualBins:
    """`n` values, equally likely."""

    n: int

    def bin(self, u: float) -> int:
        """Number of the value that owns `u`; what lies outside [0, 1] belongs to the first or the last."""
        return min(max(int(u * self.n), 0), self.n - 1)

    def centre(self, k: int) -> float:
        """Middle of the k-th value's interval."""
        return (k + 0.5) / self.n

    def snap(self, u: Floats) -> Floats:
        """`centre(bin(u))` for every element."""
        k = np.clip(np.floor(u * self.n), 0, self.n - 1)
        snapped: Floats = (k + 0.5) / self.n
        return snapped


@dataclass(frozen=True, slots=True)
class LogBins:
    """The values low, low + step, ..., uniform on the logarithmic scale.

    The interval of x runs from log(x - step/2) to log(x + step/2), scaled to [0, 1]: the mass of x is then close to
    proportional to 1/x, and the first value is not short-changed.
    """

    low: float
    step: float
    n: int
    _start: float = field(init=False, repr=False, compare=False)
    _length: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        start = math.log(self.low - self.step / 2)
        object.__setattr__(self, "_start", start)
        object.__setattr__(self, "_length", math.log(self.low + (self.n - 0.5) * self.step) - start)

    def bin(self, u: float) -> int:
        """Number of the value that owns `u`; what lies outside [0, 1] belongs to the first or the last."""
        u = min(max(u, 0.0), 1.0)
        x = math.exp(self._start + u * self._length)
        return min(max(math.floor((x - self.low) / self.step + 0.5), 0), self.n - 1)

    def centre(self, k: int) -> float:
        """Middle of the k-th value's interval."""
        x = self.low + k * self.step
        middle = (math.log(x - self.step / 2) + math.log(x + self.step / 2)) / 2
        return (middle - self._start) / self._length

    def snap(self, u: Floats) -> Floats:
        """`centre(bin(u))` for every element."""
        x = np.exp(self._start + np.clip(u, 0.0, 1.0) * self._length)
        x = self.low + np.clip(np.floor((x - self.low) / self.step + 0.5), 0, self.n - 1) * self.step
        middle = (np.log(x - self.step / 2) + np.log(x + self.step / 2)) / 2
        snapped: Floats = (middle - self._start) / self._length
        return snapped


@dataclass(frozen=True, slots=True)
class WeightedBins:
    """Values as likely as their weights say. `edges`: 0 = first edge < ... < last edge = 1."""

    edges: tuple[float, ...]

    @classmethod
    def of(cls, weights: tuple[float, ...]) -> WeightedBins:
        """Bins as long as the (positive) weights, scaled to sum to 1."""
        sums = list(accumulate(weights))
        return cls((0.0, *(s / sums[-1] for s in sums[:-1]), 1.0))

    @property
    def n(self) -> int:
        """Number of values."""
        return len(self.edges) - 1

    def bin(self, u: float) -> int:
        """Number of the value that owns `u`; what lies outside [0, 1] belongs to the first or the last."""
        return min(max(bisect_right(self.edges, u) - 1, 0), self.n - 1)

    def centre(self, k: int) -> float:
        """Middle of the k-th value's interval."""
        return (self.edges[k] + self.edges[k + 1]) / 2

    def snap(self, u: Floats) -> Floats:
        """`centre(bin(u))` for every element."""
        edges = np.asarray(self.edges)
        k = np.clip(np.searchsorted(edges, u, side="right") - 1, 0, self.n - 1)
        snapped: Floats = (edges[k] + edges[k + 1]) / 2
        return snapped


Bins: TypeAlias = EqualBins | LogBins | WeightedBins
