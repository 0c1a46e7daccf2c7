"""How a table is read: the roles of its columns, the features made of them, and the meaning of the target's codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.canonical import digest
from luthier.data.cells import Values, categorical, level_text
from luthier.data.columns import Column, Feature, Floats, Label, Note, Task
from luthier.data.encode import as_booleans, as_datetimes, as_levels, as_numbers, as_texts, encode
from luthier.data.frames import Table, open_frame, plain
from luthier.data.suggest import closest, listing
from luthier.data.words import find_number
from luthier.errors import BadTarget, UnfitRows


@dataclass(frozen=True, slots=True)
class Schema:
    """What a Dataset knows of its columns; enough to encode other rows of the same table in the same way.

    Parameters
    ----------
    target, task
        What is predicted, and as what.
    classes
        In the order of their codes; binary: (negative, positive); empty for regression.
    columns
        Every column of the source, in its order.
    features
        Every column of the matrix, in its order.
    time, group, weight
        Names of the columns with these roles.
    notes
        All that was dropped, converted or assumed.
    """

    version: ClassVar[int] = 1

    target: str
    task: Task
    classes: tuple[Label, ...]
    columns: tuple[Column, ...]
    features: tuple[Feature, ...]
    time: str | None = None
    group: str | None = None
    weight: str | None = None
    notes: tuple[Note, ...] = ()

    @property
    def positive(self) -> Label | None:
        """The positive class of a binary task."""
        return self.classes[1] if self.task == "binary" else None

    def column(self, name: str) -> Column:
        """What is known of the source column."""
        return {column.name: column for column in self.columns}[name]

    def encode(self, frame: Any) -> Floats:
        """The feature matrix of other rows.

        Parameters
        ----------
        frame
            pandas, polars or Arrow, with the columns the features are made of; others, and the target, are ignored.

        Returns
        -------
        (n, len(features)) float64; NaN is missing, and in categorical columns also a level not seen in training.

        Raises
        ------
        UnfitRows
            Columns are missing, or hold what cannot be read as what they are.
        """
        table = open_frame(frame)
        self._check_present(table, {feature.source for feature in self.features})
        return encode(self.features, {column.name: column for column in self.columns}, table.column, table.n_rows)

    def select(self, frame: Any) -> pd.DataFrame:
        """The feature columns of other rows as they stand in `Dataset.frame`, for estimators that take frames.

        Raises
        ------
        UnfitRows
            As `encode`.
        """
        table = open_frame(frame)
        wanted = [column for column in self.columns if column.role == "feature"]
        self._check_present(table, {column.name for column in wanted})
        features = {feature.source: feature for feature in self.features}
        arrays = {
            column.name: frame_array(table.column(column.name), column, features[column.name]) for column in wanted
        }
        return pd.DataFrame(arrays, index=pd.RangeIndex(table.n_rows), columns=[column.name for column in wanted])

    def times(self, frame: Any) -> Floats | None:
        """(n,) numbers that order other rows in time, as `Dataset.times`; None where no time is known of them.

        Raises
        ------
        UnfitRows
            The column of times holds what cannot be read as one.
        """
        table = open_frame(frame)
        if self.time is None or self.time not in table.names:
            return None
        column, values = self.column(self.time), table.column(self.time)
        if column.held != "datetime":
            return as_numbers(values, column)
        stamps = as_datetimes(values, column)
        return np.where(np.isnat(stamps), np.nan, stamps.view(np.int64) / 1e6)

    def _check_present(self, table: Table, sources: set[str]) -> None:
        missing = [column.name for column in self.columns if column.name in sources and column.name not in table.names]
        if missing:
            unused = [name for name in table.names if name not in sources]
            meant = closest(missing[0], unused)
            raise UnfitRows(
                f"the rows lack {len(missing)} of {len(sources)} columns the model was trained on: {listing(missing)}",
                fix=f"rename {meant!r} to {missing[0]!r}"
                if meant
                else f"add the column {missing[0]!r} (it may be empty)",
            )

    def encode_target(self, values: Any) -> NDArray[Any]:
        """Labels as codes: int64 for classes, float64 for regression.

        Raises
        ------
        BadTarget
            A value is missing, no number, or of no class known.
        """
        raw = plain(pd.Series(values).array) if not isinstance(values, pd.Categorical) else values
        if self.task == "regression":
            return self._numbers(raw)
        codes = {key: code for code, label in reversed(list(enumerate(self.classes))) for key in label_keys(label)}
        out = np.empty(len(raw), dtype=np.int64)
        for row, value in enumerate(raw):
            found = [codes[key] for key in label_keys(value) if key in codes]
            if not found:
                raise BadTarget(
                    f"row {row + 1:,} of {self.target!r} holds {value!r}, which is none of its classes: "
                    f"{listing(map(str, self.classes))}",
                    fix="leave out rows whose label is not known to the model",
                )
            out[row] = found[0]
        return out

    def _numbers(self, raw: Values) -> Floats:
        column = Column(self.target, "target", "numeric", "number", 0.0, 0)
        try:
            numbers = as_numbers(raw, column)
        except UnfitRows as error:
            raise BadTarget(error.what, fix=error.fix) from error
        bad = ~np.isfinite(numbers)
        if bad.any():
            row = int(np.argmax(bad)) + 1
            raise BadTarget(
                f"row {row} of {self.target!r} holds no finite number", fix="leave out rows whose target is not known"
            )
        return numbers

    def decode_labels(self, codes: Any) -> NDArray[Any]:
        """Codes as labels of the user's own; the values themselves for regression."""
        if self.task == "regression":
            return np.asarray(codes, dtype=np.float64)
        same = len({type(label) for label in self.classes}) == 1
        return np.array(self.classes, dtype=None if same else object)[np.asarray(codes, dtype=np.int64)]

    def digest(self) -> str:
        """SHA-256 of the schema as JSON."""
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """As JSON values, the version with them."""
        return {
            "version": self.version,
            "target": self.target,
            "task": self.task,
            "classes": list(self.classes),
            "columns": [column.to_json() for column in self.columns],
            "features": [feature.to_json() for feature in self.features],
            "time": self.time,
            "group": self.group,
            "weight": self.weight,
            "notes": [note.to_json() for note in self.notes],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`.

        Raises
        ------
        ValueError
            The schema was written by a newer version.
        """
        if value["version"] > cls.version:
            raise ValueError(f"schema version {value['version']} is newer than {cls.version}, which this Luthier reads")
        return cls(
            target=value["target"],
            task=value["task"],
            classes=tuple(value["classes"]),
            columns=tuple(Column.from_json(column) for column in value["columns"]),
            features=tuple(Feature.from_json(feature) for feature in value["features"]),
            time=value["time"],
            group=value["group"],
            weight=value["weight"],
            notes=tuple(Note.from_json(note) for note in value["notes"]),
        )


def label_keys(value: Any) -> tuple[str, ...]:
    """The spellings under which a label is found: as written first, then in canonical form.

    >>> label_keys("1.0"), label_keys(1), label_keys(True)
    (('1.0', '1'), ('1',), ('true',))
    """
    if not isinstance(value, str):
        return (level_text(value),)
    word = value.strip()
    number = find_number(word)
    folded = word.casefold()
    canonical = level_text(number) if number is not None else folded if folded in {"true", "false"} else word
    return (word,) if canonical == word else (word, canonical)


def frame_array(values: Values, column: Column, feature: Feature) -> Any:
    """A raw column as it stands in `Dataset.frame`: numbers as float64, dates as datetime64[us], words as text."""
    if column.held == "number":
        return as_numbers(values, column)
    if column.held == "boolean":
        return boolean_array(as_booleans(values, column))
    if column.held == "datetime":
        return as_datetimes(values, column)
    if column.held == "category":
        codes = as_levels(values, feature)
        levels = np.array(feature.levels, dtype=object)
        return categorical(np.where(np.isnan(codes), -1, codes).astype(np.int64), levels)
    return text_array([text.strip() or None for text in as_texts(values)])


def boolean_array(truth: Floats) -> Any:
    """1.0, 0.0 and NaN as booleans, with gaps if there are any."""
    gone = np.isnan(truth)
    return pd.arrays.BooleanArray(truth == 1, gone) if gone.any() else truth == 1


def text_array(texts: Sequence[Any] | NDArray[np.object_]) -> Any:
    """Text with gaps (None), in the type that pandas of this version gives to text."""
    return pd.Series(list(texts), dtype="str" if int(pd.__version__.partition(".")[0]) >= 3 else object)
