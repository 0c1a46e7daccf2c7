"""Numbers between two bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, ClassVar

from luthier.errors import BadSpace
from luthier.space.bins import Bins, EqualBins, LogBins
from luthier.space.scalars import number

MAX_STEPS = 2**48
MAX_LOG_STEPS = 2**40
"""Beyond so many values (on a log scale: so many steps up to `high`) coordinates no longer tell neighbours apart."""


@dataclass(frozen=True, slots=True)
class Float:
    """A number in [low, high].

    Parameters
    ----------
    low, high
        Smallest and largest value, both included; finite.
    log
        Uniform in the logarithm: every factor of ten is equally likely. Needs low > 0.
    step
        Only low, low + step, ... up to `high` (which is lowered to the last of them). With `log` it needs low > step/2.

    Raises
    ------
    BadSpace
        The bounds are no finite numbers or out of order, or contradict `log` or `step`.

    >>> Float(1, 16, log=True).from_unit(0.5)
    4.0
    >>> Float(0, 1, step=0.3)
    Float(low=0.0, high=0.9, log=False, step=0.3)
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    bins: Bins | None = field(init=False, repr=False, compare=False)
    _start: float = field(init=False, repr=False, compare=False)
    _length: float = field(init=False, repr=False, compare=False)

    kind: ClassVar[str] = "float"
    ordered: ClassVar[bool] = True

    def __post_init__(self) -> None:
        written = f"Float({self.low!r}, {self.high!r})"
        low, high = number(self.low, written, "low"), number(self.high, written, "high")
        step = None if self.step is None else number(self.step, written, "step")
        _check_bounds(low, high, written, log=self.log)
        if not math.isfinite(high - low):
            raise BadSpace(f"{written}: the range is wider than a double can hold", fix="bring low and high together")
        bins: Bins | None = None
        if step is not None:
            if step > 0 and max(abs(low), abs(high)) > MAX_STEPS * step:
                raise BadSpace(f"{written}: doubles cannot tell steps of {step!r} apart", fix="take larger steps")
            bins = _ladder(low, high, step, written, log=self.log)
            # never above what was given: Optuna counts three thirds as 0.9999999999999999, and takes no 1.0 then
            high = min(_rounded(low + (bins.n - 1) * step), high) if bins.n > 1 else low
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        object.__setattr__(self, "log", bool(self.log))
        object.__setattr__(self, "step", step)
        object.__setattr__(self, "bins", bins)
        start = math.log(low) if self.log else low
        object.__setattr__(self, "_start", start)
        object.__setattr__(self, "_length", (math.log(high) if self.log else high) - start)

    @property
    def n_values(self) -> float:
        """How many values there are; infinite without a step."""
        if self.bins is not None:
            return self.bins.n
        return 1 if self.low == self.high else math.inf

    @property
    def expected(self) -> str:
        """The admissible values, in words."""
        steps = "" if self.step is None else f" in steps of {self.step!r}"
        return f"a number in [{self.low!r}, {self.high!r}]{steps}"

    def at(self, k: int) -> float:
        """Return the k-th value of a stepped range."""
        if self.step is None:
            raise ValueError("a continuous range has no k-th value")
        return min(_rounded(self.low + k * self.step), self.high) if k else self.low

    def index(self, value: float) -> int:
        """Return the number of a value of a stepped range."""
        if self.step is None:
            raise ValueError("a continuous range does not number its values")
        return round((value - self.low) / self.step)

    def from_unit(self, u: float) -> float:
        """Return the value at coordinate `u`; outside [0, 1] the nearest bound."""
        if self.bins is not None:
            return self.at(self.bins.bin(u))
        if u <= 0 or u >= 1:  # the ends exactly, which rounding would miss
            return self.low if u <= 0 else self.high
        x = self._start + u * self._length
        return min(max(math.exp(x) if self.log else x, self.low), self.high)

    def to_unit(self, value: Any) -> float:
        """Return the coordinate of an admissible value."""
        if self.bins is not None:
            return self.bins.centre(self.index(value))
        if self._length == 0:
            return 0.5
        return ((math.log(value) if self.log else value) - self._start) / self._length

    def normal(self, value: Any) -> float:
        """Return an admissible value in its one form, a float; raise ValueError for any other."""
        if value.__class__ is not float:
            if isinstance(value, bool) or not isinstance(value, Real):
                raise ValueError(value)
            value = float(value)
        if not self.low <= value <= self.high:
            raise ValueError(value)
        if self.step is not None:
            exact = self.at(self.index(value))
            if abs(value - exact) > 1e-9 * self.step:
                raise ValueError(value)
            return exact
        return float(value)

    def to_json(self) -> dict[str, Any]:
        """Return what `distribution_from_json` reads."""
        body: dict[str, Any] = {"kind": self.kind, "low": self.low, "high": self.high}
        if self.log:
            body["log"] = True
        if self.step is not None:
            body["step"] = self.step
        return body


@dataclass(frozen=True, slots=True)
class Int:
    """A whole number in [low, high].

    Parameters
    ----------
    low, high
        Smallest and largest value, both included.
    log
        Close to uniform in the logarithm (see `LogBins`). Needs low > step/2, so with step 1 at least 1.
    step
        Only low, low + step, ... up to `high` (which is lowered to the last of them).

    Raises
    ------
    BadSpace
        The bounds are not whole numbers or out of order, or contradict `log` or `step`.

    >>> [Int(2, 5).from_unit(u) for u in (0.0, 0.3, 0.5, 1.0)]
    [2, 3, 4, 5]
    """

    low: int
    high: int
    log: bool = False
    step: int = 1
    bins: Bins = field(init=False, repr=False, compare=False)

    kind: ClassVar[str] = "int"
    ordered: ClassVar[bool] = True

    def __post_init__(self) -> None:
        written = f"Int({self.low!r}, {self.high!r})"
        for part in ("low", "high", "step"):
            value = getattr(self, part)
            if isinstance(value, bool) or not isinstance(value, Integral):
                raise BadSpace(
                    f"{written}: {part} is {value!r}, but must be a whole number",
                    fix="use Float(...) for numbers with decimals",
                )
            object.__setattr__(self, part, int(value))
        if max(abs(self.low), abs(self.high)) > 2**53:
            raise BadSpace(f"{written}: beyond 2**53 doubles skip whole numbers", fix="tune the value in larger units")
        _check_bounds(self.low, self.high, written, log=self.log)
        bins = _ladder(self.low, self.high, self.step, written, log=self.log)
        object.__setattr__(self, "high", self.low + (bins.n - 1) * self.step)
        object.__setattr__(self, "log", bool(self.log))
        object.__setattr__(self, "bins", bins)

    @property
    def n_values(self) -> float:
        """How many values there are."""
        return self.bins.n

    @property
    def expected(self) -> str:
        """The admissible values, in words."""
        steps = "" if self.step == 1 else f" in steps of {self.step}"
        return f"a whole number in [{self.low}, {self.high}]{steps}"

    def at(self, k: int) -> int:
        """Return the k-th value."""
        return self.low + k * self.step

    def index(self, value: int) -> int:
        """Return the number of a value."""
        return (value - self.low) // self.step

    def from_unit(self, u: float) -> int:
        """Return the value at coordinate `u`; outside [0, 1] the nearest bound."""
        return self.low + self.bins.bin(u) * self.step

    def to_unit(self, value: Any) -> float:
        """Return the coordinate of an admissible value."""
        return self.bins.centre(self.index(value))

    def normal(self, value: Any) -> int:
        """Return an admissible value in its one form, an int; raise ValueError for any other."""
        if value.__class__ is not int:
            if isinstance(value, bool) or not isinstance(value, Integral):
                raise ValueError(value)
            value = int(value)
        if not self.low <= value <= self.high or (self.step != 1 and (value - self.low) % self.step):
            raise ValueError(value)
        return int(value)

    def to_json(self) -> dict[str, Any]:
        """Return what `distribution_from_json` reads."""
        body: dict[str, Any] = {"kind": self.kind, "low": self.low, "high": self.high}
        if self.log:
            body["log"] = True
        if self.step != 1:
            body["step"] = self.step
        return body


def _check_bounds(low: float, high: float, written: str, *, log: bool) -> None:
    if low > high:
        raise BadSpace(f"{written}: low is above high", fix=f"swap them: ({high!r}, {low!r})")
    if log and low <= 0:
        raise BadSpace(
            f"{written} on a log scale: low must be above 0, but is {low!r}",
            fix="raise low to the smallest value worth trying, or leave log out",
        )


def _ladder(low: float, high: float, step: float, written: str, *, log: bool) -> Bins:
    """Return the bins of low, low + step, ... up to high."""
    if not step > 0:
        raise BadSpace(f"{written}: step must be above 0, but is {step!r}", fix="give a positive step")
    # a thousandth of a millionth of a step forgives decimal fractions that doubles cannot hold
    n = math.floor((high - low) / step + 1e-9) + 1
    if log and low <= step / 2:
        raise BadSpace(
            f"{written} on a log scale in steps of {step!r}: low must be above half a step",
            fix="raise low, take smaller steps, or leave log out",
        )
    if n > MAX_STEPS or (log and high / step > MAX_LOG_STEPS):
        raise BadSpace(f"{written} in steps of {step!r} has too many values", fix="take larger steps")
    return LogBins(low, step, n) if log and n > 1 else EqualBins(n)


def _rounded(x: float) -> float:
    """Return the shortest decimal within half a unit of the 15th digit: 0.3 rather than 0.30000000000000004."""
    return float(f"{x:.15g}")
