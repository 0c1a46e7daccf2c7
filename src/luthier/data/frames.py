"""Columns of pandas, polars and Arrow frames as raw values, without needing polars or Arrow to be installed."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.data.cells import Values
from luthier.data.suggest import listing
from luthier.errors import BadColumn, UnreadableData


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table one can ask for its columns by name; each is converted only when asked for.

    Parameters
    ----------
    kind
        "pandas", "polars", "arrow", or the format of the files.
    names
        As text, in order, each once.
    n_rows
        Number of rows.
    column
        Name -> raw values, (n_rows,).
    """

    kind: str
    names: tuple[str, ...]
    n_rows: int
    column: Callable[[str], Values]


def open_frame(frame: Any) -> Table:
    """The columns of a pandas, polars or Arrow frame.

    A pandas index is a matter of book-keeping and is left out, unless it holds dates: those are data, so they come
    first as a column named as the index is, or "index".

    Raises
    ------
    BadColumn
        Two columns have the same name.
    UnreadableData
        It is none of these frames.
    """
    if isinstance(frame, pd.DataFrame):
        return _of_pandas(frame)
    library = type(frame).__module__.partition(".")[0]
    if library == "polars":
        return _of_polars(frame)
    if library == "pyarrow":
        return _of_arrow(frame)
    raise UnreadableData(
        f"a table is a path, or a pandas, polars or Arrow frame; this is {type(frame).__name__}",
        fix="give the path of a CSV, TSV, JSONL or Parquet file, or wrap the values: pandas.DataFrame(values)",
    )


def check_names(names: Iterable[Any], *, place: str) -> tuple[str, ...]:
    """The names as text.

    Raises
    ------
    BadColumn
        A name occurs twice.
    """
    texts = tuple(str(name) for name in names)
    twice = [name for name, count in Counter(texts).items() if count > 1]
    if twice:
        positions = ", ".join(str(i + 1) for i, name in enumerate(texts) if name == twice[0])
        raise BadColumn(
            f"{place} has more than one column named {twice[0]!r} (columns {positions})"
            + (f"; also {listing(twice[1:])}" if twice[1:] else ""),
            fix="rename or remove all but one, so that a name says which column is meant",
        )
    return texts


def _of_pandas(frame: pd.DataFrame) -> Table:
    names = check_names(frame.columns, place="the frame")
    labels = dict(zip(names, frame.columns, strict=True))
    index = frame.index
    clock = str(index.name) if index.name is not None else "index"
    dated = isinstance(index, pd.DatetimeIndex) and clock not in labels

    def column(name: str) -> Values:
        return plain(index.array if dated and name == clock else frame[labels[name]].array)

    return Table("pandas", (clock, *names) if dated else names, len(frame), column)


def plain(values: Any) -> Values:
    """A pandas array as a NumPy array, or as the categorical it is. Missing values become NaN, NaT or None."""
    dtype = values.dtype
    if isinstance(dtype, np.dtype):  # NumpyExtensionArray, and dates without a zone
        return np.asarray(values)
    if isinstance(values, pd.Categorical):
        return values
    if isinstance(dtype, pd.DatetimeTZDtype):
        return np.asarray(values.tz_convert("UTC").tz_localize(None))
    if isinstance(dtype, pd.PeriodDtype):
        return np.asarray(values.to_timestamp())
    if isinstance(dtype, pd.SparseDtype):
        return np.asarray(values.to_dense())
    if dtype.kind in "iuf":
        gaps = bool(values.isna().any())
        return np.asarray(values.to_numpy(np.float64, na_value=np.nan) if gaps else values.to_numpy(dtype.numpy_dtype))
    if dtype.kind == "b" and not values.isna().any():
        return np.asarray(values.to_numpy(bool))
    if dtype.kind in "mM":
        return np.asarray(pd.Series(values).to_numpy("datetime64[us]" if dtype.kind == "M" else "timedelta64[us]"))
    if isinstance(dtype, pd.IntervalDtype):
        return np.asarray(values.astype(str), dtype=object)
    return np.asarray(values.to_numpy(object, na_value=None))


def _of_polars(frame: Any) -> Table:
    if hasattr(frame, "collect"):
        frame = frame.collect()
    names = check_names(frame.columns, place="the frame")
    return Table("polars", names, frame.height, lambda name: _polars_values(frame.get_column(name)))


def _polars_values(series: Any) -> Values:
    pl = sys.modules["polars"]  # there is a polars frame, so polars has been imported
    dtype, gaps = series.dtype, series.null_count() > 0
    if dtype.is_decimal():
        return np.asarray(series.cast(pl.Float64).to_numpy())
    if dtype.is_numeric() or (dtype == pl.Boolean and not gaps):
        return np.asarray(series.to_numpy())
    if dtype in (pl.Date, pl.Datetime):
        microseconds: NDArray[Any] = series.cast(pl.Datetime("us")).dt.epoch("us").fill_null(0).to_numpy()
        stamps = microseconds.astype("datetime64[us]")
        return np.where(series.is_null().to_numpy(), np.datetime64("NaT", "us"), stamps)
    if dtype == pl.Duration:
        return np.asarray(series.cast(pl.Duration("us")).to_physical().cast(pl.Float64).to_numpy()) / 1e6
    if dtype in (pl.Categorical, pl.Enum):
        return pd.Categorical(series.cast(pl.String).to_list())
    values = np.empty(len(series), dtype=object)
    values[:] = series.to_list()
    return values


def _of_arrow(table: Any) -> Table:
    names = check_names(table.schema.names, place="the table")
    at = {name: i for i, name in enumerate(names)}
    return Table("arrow", names, table.num_rows, lambda name: _arrow_values(table.column(at[name])))


def _arrow_values(column: Any) -> Values:
    series = column.to_pandas()
    # Dictionaries arrive as categories, integers with gaps as floats, dates as objects: all of them `settle` knows.
    return plain(series.array)
