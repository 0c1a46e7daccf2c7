"""What the source of a view has to be like before its features are believed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from luthier.errors import BadFeatureView


@dataclass(frozen=True, slots=True)
class Expectation:
    """A test of one column of a view's source, every row of it.

    Parameters
    ----------
    column
        Of the source.
    at_least, at_most
        Limits of its numbers.
    one_of
        The values it may have.
    missing
        Largest share of rows in which it may be missing, in [0, 1].

    Examples
    --------
    >>> print(Expectation("amount", at_least=0, missing=0.01))
    amount is at least 0, and missing in at most 1 % of the rows
    """

    column: str
    at_least: float | None = None
    at_most: float | None = None
    one_of: Sequence[str | float | bool] | None = None
    missing: float = 1.0

    def __post_init__(self) -> None:
        values: Any = self.one_of
        if values is not None:
            if isinstance(values, str) or not all(isinstance(one, (str, bool)) or _is_number(one) for one in values):
                raise BadFeatureView(
                    f"{self.column!r} cannot be one of {values!r}", fix='list words or numbers: one_of=["card", "cash"]'
                )
            object.__setattr__(self, "one_of", tuple(values))
        limits: list[Any] = [self.at_least, self.at_most]
        if any(limit is not None and not _is_number(limit) for limit in limits):
            raise BadFeatureView(
                f"the limits of {self.column!r} are finite numbers, not {limits}", fix="write at_least=0"
            )
        if not 0.0 <= self.missing <= 1.0:
            raise BadFeatureView(
                f"{self.column!r} cannot be missing in a share of {self.missing!r}", fix="write missing=0.01 for 1 %"
            )
        if limits == [None, None] and not self.one_of and self.missing == 1.0:
            raise BadFeatureView(
                f"nothing is expected of {self.column!r}",
                fix=f"say what: Expectation({self.column!r}, at_least=0, missing=0)",
            )

    def __str__(self) -> str:
        said = [f"at least {self.at_least:g}"] if self.at_least is not None else []
        said += [f"at most {self.at_most:g}"] if self.at_most is not None else []
        said += [f"one of {', '.join(map(str, self.one_of))}"] if self.one_of else []
        said += [f"missing in at most {100 * self.missing:g} % of the rows"] if self.missing < 1 else []
        return f"{self.column} is {', and '.join(said)}"

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "one_of": None if self.one_of is None else list(self.one_of)}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(**body)


def _is_number(value: Any) -> bool:
    """Whether it is one of Python's own numbers and finite: it is written into a query and a record."""
    return type(value) in (int, float) and math.isfinite(value)


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of an expectation.

    Attributes
    ----------
    view
        Name of the view.
    expected
        In words.
    n
        Rows of the source.
    n_wrong
        Rows with another value.
    n_missing
        Rows without one.
    example
        A wrong value; None where there is none.
    holds
        Whether it is as expected.
    """

    view: str
    expected: str
    n: int
    n_wrong: int
    n_missing: int
    example: str | None
    holds: bool

    def __str__(self) -> str:
        if self.holds:
            return f"{self.expected}: holds in {self.n:,} rows"
        wrong = [f"{self.n_wrong:,} of {self.n:,} rows are not, such as {self.example}"] if self.n_wrong else []
        missing = [f"{self.n_missing:,} of {self.n:,} rows have none"] if self.n_missing else []
        return f"{self.expected}: {' and '.join(wrong + missing)}"

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)
