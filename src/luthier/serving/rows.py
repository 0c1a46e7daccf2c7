"""Rows as a request brings them, read cell by cell: to the feature matrix, or to a list of what is wrong with them.

Every cell is read by the functions that read the training table (`data.encode`), but without building a frame, which
for one row costs a hundred times the reading. What is read is also held against what the model saw in training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from math import isinf, isnan
from typing import Any, Protocol

import numpy as np

from luthier.data import Schema
from luthier.data.columns import Column, Feature, Floats
from luthier.data.encode import (
    A_DATE,
    A_NUMBER,
    YES_OR_NO,
    Read,
    datetime_part,
    hashed_words,
    level_reader,
    number_reader,
    read_microseconds,
    read_truth,
)
from luthier.data.words import MISSING_WORDS

MOST_PROBLEMS = 100
"""So many problems of one request are said; who has more made the same mistake in every row."""
_SHOWN = 80
_ABSENT = object()
_NAN = float("nan")
_DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Problem:
    """A cell that cannot be read: in which row (from 0) and field, what was got, and what is allowed there."""

    row: int
    field: str
    got: Any
    allowed: str

    def to_json(self) -> dict[str, Any]:
        """JSON values; what was got is cut short."""
        return {"row": self.row, "field": self.field, "got": _short(self.got), "allowed": self.allowed}


@dataclass(frozen=True, slots=True, eq=False)
class ReadRows:
    """Rows that were read.

    Parameters
    ----------
    X
        (n, p) the feature matrix, NaN where missing.
    outside
        For every row the fields that hold what no training row held: beyond the range, a level never seen, or missing
        where nothing was missing.
    problems
        What could not be read; where there is any, `X` and `outside` say nothing.
    """

    X: Floats
    outside: tuple[tuple[str, ...], ...]
    problems: tuple[Problem, ...]


class _Cell(Protocol):
    """One source column: how its cells become numbers."""

    @property
    def name(self) -> str: ...

    @property
    def allowed(self) -> str: ...

    def read(self, value: Any, into: list[float]) -> bool:
        """Append the cell's numbers, and say whether it lies outside of what training showed; None is missing.

        Raises
        ------
        ValueError
            The value is not what the column holds.
        """
        ...


class RowReader:
    """Reads rows, given as mappings of column names to single values, as the schema says.

    Parameters
    ----------
    schema
        Of the training table.
    """

    def __init__(self, schema: Schema) -> None:
        columns = {column.name: column for column in schema.columns}
        self._cells: tuple[_Cell, ...] = tuple(
            _cell(columns[source], list(parts)) for source, parts in groupby(schema.features, key=lambda f: f.source)
        )
        self._readers = tuple((cell.name, cell.read) for cell in self._cells)
        self._width = len(schema.features)

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns that a row must have, in the order of the training table."""
        return tuple(cell.name for cell in self._cells)

    def allowed(self) -> dict[str, str]:
        """What each field takes, in words."""
        return {cell.name: cell.allowed for cell in self._cells}

    def read(self, rows: Sequence[Mapping[str, Any]]) -> ReadRows:
        """Read every row, or find what is wrong with them."""
        numbers: list[float] = []
        outside: list[tuple[str, ...]] = []
        problems: list[Problem] = []
        for i, row in enumerate(rows):
            beyond: list[str] = []
            for k, (name, read) in enumerate(self._readers):
                value = row.get(name, _ABSENT)
                try:
                    if read(value, numbers):
                        beyond.append(name)
                except (ValueError, OverflowError):
                    cell = self._cells[k]
                    problems.append(Problem(i, cell.name, None if value is _ABSENT else value, _wanted(cell, value)))
            outside.append(tuple(beyond))
            if len(problems) >= MOST_PROBLEMS:
                break
        if problems:
            return ReadRows(np.empty((0, self._width)), (), tuple(problems[:MOST_PROBLEMS]))
        X = np.array(numbers, dtype=np.float64).reshape(len(rows), self._width)
        return ReadRows(X, tuple(outside), ())


def _wanted(cell: _Cell, value: Any) -> str:
    return f"the field must be there: {cell.allowed}" if value is _ABSENT else cell.allowed


def _cell(column: Column, parts: Sequence[Feature]) -> _Cell:
    kind, complete = parts[0].kind, column.missing == 0
    if kind == "numeric":
        # A duration is read in seconds, but its summary is not kept as a range.
        return _Number(column.name, number_reader(column), _bound(column.low), _bound(column.high), complete)
    if kind == "boolean":
        return _Truth(column.name, complete)
    if kind == "categorical":
        return _Level(column.name, level_reader(parts[0]), parts[0], complete)
    if kind == "datetime_part":
        ends = (read_microseconds(end) if isinstance(end, str) else None for end in (column.low, column.high))
        low, high = ends
        return _Moment(column.name, tuple(part.part for part in parts), low, high, column, complete)
    return _Text(column.name, tuple(part.part for part in parts))


def _bound(value: float | str | None) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _single(value: Any) -> Any:
    """The value, if it is one; NaN and NaT count as missing."""
    if value is _ABSENT or isinstance(value, (list, tuple, dict, set, bytes, bytearray)):
        raise ValueError
    return None if value != value else value  # noqa: PLR0124  # only NaN and NaT are not themselves


def _finite(number: float | None) -> float:
    if number is None or isinf(number):
        raise ValueError
    return number


def _outside(number: float, low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and not low <= number <= high


@dataclass(frozen=True, slots=True)
class _Number:
    name: str
    reader: Read
    low: float | None
    high: float | None
    complete: bool

    @property
    def allowed(self) -> str:
        seen = "" if self.low is None else f" (training showed {_plain(self.low)} to {_plain(self.high)})"
        return f"{A_NUMBER}{seen}, or null where it is not known"

    def read(self, value: Any, into: list[float]) -> bool:
        kind = type(value)
        if kind is float or kind is int:
            number = float(value)
        else:
            value = _single(value)
            if value is None:
                number = _NAN
            elif isinstance(value, (bool, np.bool_)):
                number = float(value)
            elif isinstance(value, timedelta):
                number = value.total_seconds()
            else:
                number = _finite(self.reader(value))
        if isnan(number):
            into.append(_NAN)
            return self.complete
        # As `_finite` and `_outside`, without calling them: most of the cost of a request is in its cells.
        if isinf(number):
            raise ValueError
        into.append(number)
        return self.low is not None and self.high is not None and not self.low <= number <= self.high


@dataclass(frozen=True, slots=True)
class _Truth:
    name: str
    complete: bool

    @property
    def allowed(self) -> str:
        return f"{YES_OR_NO}, or null where it is not known"

    def read(self, value: Any, into: list[float]) -> bool:
        if value is True or value is False:
            into.append(float(value))
            return False
        value = _single(value)
        truth = _NAN if value is None else _finite(read_truth(value))
        into.append(truth)
        return isnan(truth) and self.complete


@dataclass(frozen=True, slots=True)
class _Level:
    name: str
    reader: Callable[[Any], float]
    feature: Feature
    complete: bool

    @property
    def allowed(self) -> str:
        shown = ", ".join(repr(level) for level in self.feature.levels[:10])
        more = f" and {len(self.feature.levels) - 10:,} more" if len(self.feature.levels) > 10 else ""
        return f"a word or number (training showed {shown}{more}), or null where it is not known"

    def read(self, value: Any, into: list[float]) -> bool:
        value = value if type(value) is str else _single(value)
        code = _NAN if value is None else self.reader(value)
        into.append(code)
        # Where rare levels were pooled, a word that is not listed may well have been among them. A column with gaps
        # has shown what is missing, but not every word.
        return isnan(code) and (self.complete or not _is_missing(value))


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().casefold() in MISSING_WORDS)


@dataclass(frozen=True, slots=True)
class _Moment:
    name: str
    parts: tuple[str, ...]
    low: float | None
    high: float | None
    column: Column
    complete: bool

    @property
    def allowed(self) -> str:
        seen = "" if self.low is None else f" (training showed {self.column.low} to {self.column.high})"
        return f"{A_DATE}{seen}, or null where it is not known"

    def read(self, value: Any, into: list[float]) -> bool:
        value = _single(value)
        stamp = _NAN if value is None else read_microseconds(value)
        if stamp is None:
            raise ValueError
        if isnan(stamp):
            into.extend([_NAN] * len(self.parts))
            return self.complete
        into.extend(_part(int(stamp), part) for part in self.parts)
        return _outside(stamp, self.low, self.high)


def _part(stamp: int, part: str) -> float:
    """`data.encode.datetime_part` for one moment in microseconds since 1970, to the same last bit."""
    days, rest = divmod(stamp, _DAY_US)
    if part == "hour":
        return rest / 3.6e9
    if part == "days":
        return stamp / _DAY_US
    if part == "weekday":
        return float((days + 3) % 7)
    try:
        day = date.fromordinal(days + _EPOCH)
    except ValueError:  # the year 0, which Python's calendar does not have
        return float(datetime_part(np.array([stamp]).view("datetime64[us]"), part)[0])
    if part == "month":
        return float(day.month)
    return float(day.day if part == "day" else day.timetuple().tm_yday)


@dataclass(frozen=True, slots=True)
class _Text:
    name: str
    parts: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return "text, or null where there is none"

    def read(self, value: Any, into: list[float]) -> bool:
        value = _single(value)
        counts, lengths = hashed_words(["" if value is None else str(value)])
        into.extend(float(lengths[0] if part == "words" else counts[0, int(part)]) for part in self.parts)
        return False


def _plain(number: float | None) -> str:
    return f"{number:.10g}"


def _short(value: Any) -> Any:
    """A value as JSON says it, long ones cut."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else f"a whole number of {value.bit_length()} bits"
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    text = (
        value if isinstance(value, str) else f"{type(value).__name__} of {len(value)}" if _holds(value) else str(value)
    )
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _holds(value: Any) -> bool:
    return isinstance(value, (list, tuple, dict, set, bytes, bytearray))
