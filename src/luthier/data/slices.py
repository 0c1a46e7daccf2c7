"""Part of a table named by conditions on its columns: `region = north & 40 <= age < 52`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.data.suggest import closest, listing
from luthier.errors import BadColumn, BadValues

Mask = NDArray[np.bool_]

_PLAIN_NAME = re.compile(r"[^\W\d][\w.]*\Z")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NAME = r"(?:`(?P<quoted>[^`]+)`|(?P<plain>[^`<>=&]+?))"
_FORMS = (
    re.compile(rf"{_NAME}\s+is\s+missing\Z"),
    re.compile(rf"(?P<low>{_NUMBER})\s*<=\s*{_NAME}\s*(?:<\s*(?P<high>{_NUMBER}))?\Z"),
    re.compile(rf"{_NAME}\s*>=\s*(?P<low>{_NUMBER})\Z"),
    re.compile(rf"{_NAME}\s*<\s*(?P<high>{_NUMBER})\Z"),
    re.compile(rf"{_NAME}\s*==?\s*(?:\"(?P<quoted_level>[^\"]*)\"|(?P<level>[^\"&]+?))\Z"),
)
_PARTS = re.compile(r"""(?:[^&`"]|`[^`]*`|"[^"]*")+""")


@dataclass(frozen=True, slots=True)
class Condition:
    """One column holds one level, lies in a range, or has no value.

    Attributes
    ----------
    column
        Of the table.
    level
        The value as text; None for a range.
    low, high
        Half-open range [low, high); None where an end is open.
    missing
        Whether the condition is that there is no value.
    """

    column: str
    level: str | None = None
    low: float | None = None
    high: float | None = None
    missing: bool = False

    def __post_init__(self) -> None:
        said = [self.level is not None, self.low is not None or self.high is not None, self.missing]
        if sum(said) != 1:
            raise ValueError(f"a condition is a level, a range or the lack of a value, so it cannot be {self!r}")

    def __str__(self) -> str:
        name = self.column if _PLAIN_NAME.match(self.column) else f"`{self.column}`"
        if self.missing:
            return f"{name} is missing"
        if self.level is not None:
            plain = self.level == self.level.strip() and self.level and not set(self.level) & set('&"`')
            return f"{name} = {self.level}" if plain else f'{name} = "{self.level}"'
        if self.low is None:
            return f"{name} < {self.high!r}"
        return f"{name} >= {self.low!r}" if self.high is None else f"{self.low!r} <= {name} < {self.high!r}"

    def mask(self, column: pd.Series) -> Mask:
        """(n,): the rows of a column for which it holds."""
        none = column.isna().to_numpy(bool)
        if self.missing:
            return none
        if self.level is not None:
            texts = as_text(column)
            level = _number_text(float(self.level)) if _is_number(column) and _reads(self.level) else self.level
            found: Mask = ~none & (texts == level)
            return found
        if not _is_number(column):
            raise BadValues(
                f"column {self.column!r} holds no numbers, so {self} says nothing of it",
                fix=f"name a level, as in: {self.column} = {next(iter(column.dropna().astype(str)), 'north')}",
            )
        values = column.to_numpy(np.float64, na_value=np.nan)
        with np.errstate(invalid="ignore"):
            return (values >= (-np.inf if self.low is None else self.low)) & (
                values < (np.inf if self.high is None else self.high)
            )


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows for which every one of some conditions holds.

    Examples
    --------
    >>> print(Slice.parse("region=north & 40 <= age < 52"))
    region = north & 40.0 <= age < 52.0
    """

    conditions: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if not self.conditions:
            raise ValueError("a slice without a condition is the whole table")

    def __str__(self) -> str:
        return " & ".join(map(str, self.conditions))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it looks at."""
        return tuple(condition.column for condition in self.conditions)

    def mask(self, frame: pd.DataFrame) -> Mask:
        """(n,): the rows of a frame that belong to it.

        Raises
        ------
        BadColumn
            The frame lacks one of the columns.
        BadValues
            A range is asked of a column without numbers.
        """
        found = np.ones(len(frame), bool)
        for condition in self.conditions:
            if condition.column not in frame.columns:
                meant = closest(condition.column, map(str, frame.columns))
                raise BadColumn(
                    f"there is no column {condition.column!r} for the slice {self}; "
                    f"there are {listing(map(str, frame.columns))}",
                    fix=f"did you mean {meant!r}?" if meant else "name one of the columns above",
                )
            found &= condition.mask(frame[condition.column])
        return found

    @classmethod
    def parse(cls, text: str) -> Self:
        """The slice that `str` wrote, or that somebody typed.

        Raises
        ------
        BadValues
            The text is not of this form.
        """
        return cls(tuple(_parsed(part.strip(), text) for part in _PARTS.findall(text) or [""]))


def as_text(column: pd.Series) -> NDArray[Any]:
    """(n,) object: every value of a column as the text by which a condition names it; "" where it is missing."""
    if _is_number(column):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        distinct, where = np.unique(numbers, return_inverse=True)
        words = np.array([_number_text(value) for value in distinct], dtype=object)
        return words[where] if len(words) else np.empty(0, dtype=object)
    return np.array(
        ["" if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)], object
    )


def names_subset(text: str, columns: Sequence[str]) -> bool:
    """Whether a text is a slice rather than the name of a column."""
    return text not in columns and any(form.match(_PARTS.findall(text)[0].strip()) for form in _FORMS)


def _parsed(part: str, whole: str) -> Condition:
    for form in _FORMS:
        if (found := form.match(part)) is None:
            continue
        said = found.groupdict()
        column = said["quoted"] or said["plain"].strip()
        low, high = (None if said.get(end) is None else float(said[end]) for end in ("low", "high"))
        if low is not None or high is not None:
            return Condition(column, low=low, high=high)
        level = said.get("quoted_level")
        level = said.get("level") if level is None else level
        return Condition(column, missing=True) if level is None else Condition(column, level=level)
    raise BadValues(
        f"{whole!r} does not name a part of the table",
        fix='write conditions joined by &, as in "region = north & 40 <= age < 52" or "income is missing"',
    )


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _reads(text: str) -> bool:
    return re.fullmatch(_NUMBER, text) is not None


def _number_text(value: float) -> str:
    return (
        "" if np.isnan(value) else f"{value:.0f}" if value == round(value) and abs(value) < 1e15 else repr(float(value))
    )
