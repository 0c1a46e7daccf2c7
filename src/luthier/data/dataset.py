"""A table one can vouch for: from a file or a frame to the Dataset that everything else receives."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.data.cells import Cells, settle
from luthier.data.columns import Column, Feature, Floats, Label, Note, Task
from luthier.data.encode import encode
from luthier.data.fingerprint import fingerprint
from luthier.data.provenance import Provenance
from luthier.data.readers import open_table
from luthier.data.roles import Found, dropped_as_asked, find_role, time_role, with_role, without_duplicates
from luthier.data.schema import Schema, boolean_array, text_array
from luthier.data.suggest import closest, listing
from luthier.data.target import check_finite, known_rows, make_target
from luthier.data.times import find_time, order
from luthier.data.words import find_number
from luthier.errors import BadColumn, BadValues, UnreadableData


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A table made ready for learning, and everything known of it.

    Parameters
    ----------
    name
        For people: the file's, or as given.
    schema
        Roles, features and classes; encodes other rows in the same way.
    frame
        The feature columns as they were (after cleaning), with a RangeIndex, for estimators that take frames.
    X
        (n, p) float64, C order: the feature matrix. Categorical columns hold codes; NaN is missing.
    y
        (n,) the coded target: binary 0/1 (1 is the positive class) and multiclass 0..k-1 as int64, regression float64.
    weights
        (n,) weight of every row, >= 0, or None.
    groups
        (n,) code of the group every row belongs to, or None.
    times
        (n,) numbers that order the rows in time (dates: seconds since 1970-01-01 UTC), or None.
    fingerprint
        Of the content of the whole table as read; see `data.fingerprint`.
    provenance
        Where the rows came from, and which were dropped.

    Notes
    -----
    Rows keep the order of the source.
    """

    name: str
    schema: Schema
    frame: pd.DataFrame
    X: Floats
    y: NDArray[Any]
    weights: Floats | None
    groups: NDArray[np.int64] | None
    times: Floats | None
    fingerprint: str
    provenance: Provenance

    @property
    def n_rows(self) -> int:
        """Rows to learn from."""
        return len(self.y)


def make_dataset(
    source: Any,
    target: str,
    *,
    task: Task | None = None,
    time: str | Literal[False] | None = None,
    group: str | None = None,
    weight: str | None = None,
    positive: Label | None = None,
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
    name: str | None = None,
) -> Dataset:
    """Read a table and find what its columns are for.

    Parameters
    ----------
    source
        Path or glob of CSV, TSV, JSONL or Parquet files (.gz, .zst too), or a pandas, polars or Arrow frame.
    target
        The column to predict. Rows without it are dropped, and noted.
    task
        "binary", "multiclass" or "regression"; None: found from the target's values.
    time
        The column that orders the rows in time; None: found if there is one; False: there is none.
    group
        The column whose equal values mark rows that belong together.
    weight
        The column of row weights, >= 0.
    positive
        The positive class of a binary task, as the value itself or as text; None: recognised, else the rarer class.
    drop
        Columns to leave out.
    keep
        Columns to make features of though they seem to tell nothing: constant, repeated, or naming the rows.
    name
        For people; None: the file's.

    Returns
    -------
    Everything assumed, converted or dropped stands in `schema.notes`.

    Raises
    ------
    UnreadableData
        The table is missing, empty, not UTF-8 or not of a format read here.
    BadColumn
        A named column is missing, occurs twice, or holds what its role does not allow; or no feature is left.
    BadTarget
        The target is constant, all missing, has a class of one row, or does not fit the task or positive class named.
    BadValues
        A column holds infinite values.
    """
    asked = _Asked(target, time or None, group, weight, _listed(drop), _listed(keep))
    with open_table(source) as (table, provenance):
        if not table.names or not table.n_rows:
            held = "no columns" if not table.names else f"no rows under its columns {listing(table.names, most=6)}"
            raise UnreadableData(f"{called(source)} has {held}", fix="give a table with at least one row")
        asked.check(table.names, source)
        cells = {column: settle(table.column(column)) for column in table.names}
    digest = fingerprint(cells)

    rows, notes = known_rows(target, cells[target])
    provenance = provenance.without("the target is missing", len(cells[target]) - len(rows))
    if len(rows) < len(cells[target]):
        cells = {column: of.take(rows) for column, of in cells.items()}
    for column, of in cells.items():
        if column not in asked.drop:
            check_finite(column, of, rows)
    learned = make_target(target, cells[target], task=task, positive=positive, rows=rows)

    free = [column for column in cells if column not in {target, group, weight, *asked.drop, *asked.keep}]
    clock = time if time is not None else find_time({column: cells[column] for column in free})
    found = _find_roles(cells, rows, replace(asked, time=clock or None), clock_found=time is None)
    features = _unique_names([feature for of in found.values() for feature in of.features])
    columns = tuple(of.column for of in found.values())
    if not features:
        left = ", ".join(f"{c.name!r} ({c.reason})" for c in columns if c.role == "dropped")
        raise BadColumn(
            f"no column is left to learn {target!r} from" + (f": {left}" if left else ""),
            fix="give a table with more columns, or name those to use all the same: keep=[...]",
        )
    schema = Schema(
        target=target,
        task=learned.task,
        classes=learned.classes,
        columns=columns,
        features=features,
        time=clock or None,
        group=group,
        weight=weight,
        notes=(*notes, *learned.notes, *(note for of in found.values() for note in of.notes)),
    )
    arrays = {of.column.name: of.array for of in found.values() if of.array is not None}
    return Dataset(
        name=name or called(source),
        schema=schema,
        frame=_frame(found.values(), cells, len(rows)),
        X=encode(features, {column.name: column for column in columns}, arrays.__getitem__, len(rows)),
        y=learned.y,
        weights=cells[weight].array.astype(np.float64) if weight else None,
        groups=_group_codes(cells[group]) if group else None,
        times=order(cells[clock]) if clock else None,
        fingerprint=digest,
        provenance=provenance,
    )


def _listed(names: Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def called(source: Any) -> str:
    """What a table is called unless the user says otherwise."""
    if isinstance(source, (str, os.PathLike)):
        path = Path(os.fspath(source))
        stem = path.name.partition(".")[0].strip("*?-_ ")  # of a pattern, what all its files share
        return stem or path.parent.name or "table"
    return "frame"


# --- the columns the user named ---


@dataclass(frozen=True, slots=True)
class _Asked:
    """The columns the user named, by what for."""

    target: str
    time: str | None
    group: str | None
    weight: str | None
    drop: tuple[str, ...]
    keep: tuple[str, ...]

    def check(self, names: Sequence[str], source: Any) -> None:
        """Refuse names that are not there, and columns named for two uses."""
        roles = {"target": self.target, "time": self.time, "group": self.group, "weight": self.weight}
        named = [(role, column) for role, column in roles.items() if column is not None]
        taken: dict[str, str] = {}
        lists = {"drop": self.drop, "keep": self.keep}
        named += [(role, column) for role, columns in lists.items() for column in dict.fromkeys(columns)]
        for role, column in named:
            if column not in names:
                raise _unknown(role, column, names, source)
            if column in taken:
                raise BadColumn(
                    f"column {column!r} is named both as {taken[column]} and as {role}",
                    fix=f"name another column as {role}, or leave {column!r} out of one of them",
                )
            taken[column] = role


def _unknown(role: str, column: str, names: Sequence[str], source: Any) -> BadColumn:
    meant = closest(str(column), names)
    headless = isinstance(source, (str, os.PathLike)) and all(find_number(name) is not None for name in names)
    hint = "; its first line seems to hold values, where the names of the columns belong" if headless else ""
    several = role in {"drop", "keep"}
    example = f"{role}=[{meant!r}]" if several else f"{role}={meant!r}"
    use = f"to {role}" if several else f"to be the {role}"
    return BadColumn(
        f"there is no column {column!r} {use} in {called(source)!r}; it has {listing(names)}{hint}",
        fix=f"did you mean {example}?" if meant else "name one of the columns above",
    )


def _find_roles(
    cells: Mapping[str, Cells], rows: NDArray[np.int64], asked: _Asked, *, clock_found: bool
) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for name, of in cells.items():
        if name == asked.target:
            found[name] = with_role(name, of, "target")
        elif name in asked.drop:
            found[name] = dropped_as_asked(name, of)
        elif name == asked.time:
            _check_time(name, of, rows)
            found[name] = time_role(name, of, found=clock_found)
        elif name == asked.group:
            found[name] = with_role(name, of, "group", *_group_notes(name, of))
        elif name == asked.weight:
            _check_weight(name, of, rows)
            found[name] = with_role(name, of, "weight")
        else:
            found[name] = find_role(name, of, running=asked.time is not None, keep=name in asked.keep)
    return without_duplicates(cells, found, keep=asked.keep)


def _check_time(name: str, cells: Cells, rows: NDArray[np.int64]) -> None:
    if cells.kind not in {"number", "datetime"}:
        shown = f", such as {cells.levels[0]!r}" if cells.levels is not None and len(cells.levels) else ""
        raise BadColumn(
            f"the time column {name!r} holds {cells.kind} values{shown}; to order rows it takes numbers or ISO dates",
            fix="write the dates like 2024-01-31 or 2024-01-31T12:30, or name another column",
        )
    missing = cells.missing
    if missing.any():
        raise BadColumn(
            f"the time column {name!r} is empty in {int(missing.sum()):,} rows, the first of them row "
            f"{int(rows[np.argmax(missing)]) + 1:,}, so they have no place in the order",
            fix="fill in or leave out these rows, or name another column",
        )


def _group_notes(name: str, cells: Cells) -> tuple[Note, ...]:
    gaps = int(cells.missing.sum())
    return (Note(name, "assumed", f"{gaps:,} rows without a group are each a group of their own"),) if gaps else ()


def _group_codes(cells: Cells) -> NDArray[np.int64]:
    codes = pd.factorize(np.where(cells.missing, -1, cells.array) if cells.levels is not None else cells.array)[0]
    codes = codes.astype(np.int64)
    missing = cells.missing
    codes[missing] = codes.max(initial=-1) + 1 + np.arange(int(missing.sum()))
    return np.asarray(pd.factorize(codes)[0], dtype=np.int64)


def _check_weight(name: str, cells: Cells, rows: NDArray[np.int64]) -> None:
    if cells.kind != "number":
        raise BadColumn(
            f"the weight column {name!r} holds {cells.kind} values, not numbers", fix="name a column of numbers"
        )
    wrong = cells.missing | ~(cells.array >= 0)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise BadValues(
            f"the weight column {name!r} holds {cells.array[at]} in row {int(rows[at]) + 1:,}, which is no weight >= 0",
            fix="correct it, or give the row weight 0",
        )
    if not (cells.array > 0).any():
        raise BadValues(f"the weight column {name!r} is 0 in every row", fix="name another column, or leave weight out")


# --- assembling ---


def _unique_names(features: Sequence[Feature]) -> tuple[Feature, ...]:
    """The features, each with a name of its own ("sold.hour" may be a column of the table and a part of "sold")."""
    taken: set[str] = {feature.name for feature in features if feature.name == feature.source}
    out = []
    for feature in features:
        name = feature.name
        while feature.name != feature.source and name in taken:
            name += "_"
        taken.add(name)
        out.append(replace(feature, name=name))
    return tuple(out)


def _frame(found: Any, cells: Mapping[str, Cells], n_rows: int) -> pd.DataFrame:
    arrays = {
        of.column.name: _array(of.column, cells[of.column.name], of.array)
        for of in found
        if of.column.role == "feature"
    }
    return pd.DataFrame(arrays, index=pd.RangeIndex(n_rows), columns=list(arrays))


def _array(column: Column, cells: Cells, array: Any) -> Any:
    if column.held == "boolean":
        return boolean_array(array)
    if column.held == "text":
        assert cells.levels is not None
        return text_array(np.array([*cells.levels, None], dtype=object)[cells.array])
    return array
