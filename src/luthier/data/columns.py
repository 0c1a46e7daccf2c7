"""What is known of a table: its source columns with their roles, and the columns of the matrix made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Task = Literal["binary", "multiclass", "regression"]
Label = str | int | float | bool
FeatureKind = Literal["numeric", "boolean", "categorical", "datetime_part", "text_hash"]
Role = Literal["feature", "target", "time", "group", "weight", "dropped"]
Kind = Literal[
    "numeric", "boolean", "categorical", "datetime", "text", "id", "constant", "empty", "duplicate", "nested"
]
Held = Literal["number", "boolean", "datetime", "text", "category", "nested", "empty"]
Action = Literal["dropped", "converted", "assumed", "kept"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the feature matrix X.

    Parameters
    ----------
    name
        Unique in the matrix: the source column's name, or that with the part behind it ("sold_at.hour").
    source
        The column of the table it is read from.
    kind
        How the value is read; see `data.encode`.
    levels
        Categorical only: code -> word.
    part
        Dates: which part ("hour", "weekday", ..., "days"). Text: "words" for their number, else the hash bucket.
    rare
        Categorical only: the level that stands for all that are not in `levels`, where rare ones were pooled. None: a
        level that is not known is missing.
    """

    name: str
    source: str
    kind: FeatureKind
    levels: tuple[str, ...] = ()
    part: str = ""
    rare: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "levels": list(self.levels)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**{**_known(cls, value), "levels": tuple(value["levels"])})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the source table: its part in the study, and a summary of what it holds.

    Parameters
    ----------
    role, kind
        What it is used for, and what it was found to be.
    held
        How its values stand in `Dataset.frame` ("text" for words read as yes and no).
    missing
        Share of the rows without a value, in [0, 1].
    n_distinct
        Different values, missing ones not counted.
    low, high
        Range of numbers, or of dates in ISO form; None for words.
    middle
        The lower median of what has a range, so a value that occurs; None in schemas written before it was kept.
    top
        The most frequent words with their counts, most frequent first.
    reason
        Why it was dropped; "" otherwise.
    missing_words
        Words in this column that count as missing though they are not among the usual ones.
    """

    name: str
    role: Role
    kind: Kind
    held: Held
    missing: float
    n_distinct: int
    low: float | str | None = None
    high: float | str | None = None
    top: tuple[tuple[str, int], ...] = ()
    reason: str = ""
    missing_words: tuple[str, ...] = ()
    middle: float | str | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "top": [list(pair) for pair in self.top], "missing_words": list(self.missing_words)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        top = tuple((str(word), int(count)) for word, count in value["top"])
        return cls(**{**_known(cls, value), "top": top, "missing_words": tuple(value["missing_words"])})


@dataclass(frozen=True, slots=True)
class Note:
    """Something dropped, converted, assumed or kept on purpose, with the reason in plain words.

    `column` is None where the note concerns the whole table.
    """

    column: str | None
    action: Action
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**_known(cls, value))


def _known(cls: type[Any], value: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(cls)}
    return {name: item for name, item in value.items() if name in names}
