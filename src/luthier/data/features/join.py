"""Features as they were known at each row's moment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd

from luthier.data.features.timeline import events_sql, keys_of, quoted, timelines
from luthier.data.features.view import FeatureView
from luthier.data.suggest import closest, listing
from luthier.errors import BadColumn, BadFeatureView, UnreadableData

# ruff: noqa: S608 - names are quoted by `quoted`, paths and numbers by `_text`

_READERS = {".parquet": "read_parquet", ".pq": "read_parquet", ".jsonl": "read_json", ".ndjson": "read_json"}
_NUMBERS = ("FLOAT", "DOUBLE")


def point_in_time_join(
    rows: pd.DataFrame,
    views: Sequence[FeatureView],
    *,
    at: str | None = None,
    sources: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return the rows with the features of their entities, as they were known at their moments.

    Parameters
    ----------
    rows
        (n, p) with the keys of every view.
    views
        What to add, their columns in this order.
    at
        Column of the rows' moments; None for now, which is after everything in the sources.
    sources
        Frames to use instead of the views' sources, by the name of the view.

    Returns
    -------
    DataFrame
        (n, p + features), the rows as they were given, in their order, with their index.

    Raises
    ------
    BadColumn
        A key, a moment, or a column that a view reads is missing; or a feature's column is already there.
    UnreadableData
        A source cannot be read.
    BadFeatureView
        A value cannot be aggregated as the view asks.
    """
    added = [column for view in views for column in view.columns]
    taken = sorted({*added} & {str(name) for name in rows.columns})
    if taken or len(set(added)) < len(added):
        twice = taken or sorted({column for column in added if added.count(column) > 1})
        raise BadColumn(f"the table would have the column {listing(twice)} twice", fix="leave the view or the column out")
    with _connection() as connection:
        asked = _asked(connection, rows, views, at)
        connection.register("given", asked)
        found = [_features_of(connection, view, (sources or {}).get(view.name), asked) for view in views]
    return pd.concat([rows, *(frame.set_index(rows.index) for frame in found)], axis=1)


def timeline_frames(view: FeatureView, source: Any = None) -> Iterator[pd.DataFrame]:
    """Return the timelines of a view: keys as text (k0, ...), `since` (UTC), and the features' columns.

    Parameters
    ----------
    view
        The view.
    source
        A frame to use instead of the view's source.

    Raises
    ------
    BadColumn, UnreadableData, BadFeatureView
        As `point_in_time_join`.
    """
    with _connection() as connection:
        _open_events(connection, view, source)
        for timeline in timelines(view):
            order = ", ".join((*keys_of(view), "since"))
            yield _run(connection, f"SELECT * FROM ({timeline.sql}) ORDER BY {order}", view).df()


@contextmanager
def _connection() -> Iterator[Any]:
    import duckdb

    offline = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    with duckdb.connect(config=offline) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def _asked(connection: Any, rows: pd.DataFrame, views: Sequence[FeatureView], at: str | None) -> pd.DataFrame:
    """Return the keys and moments of the rows."""
    names = [str(name) for name in rows.columns]
    needed = list(dict.fromkeys(key for view in views for key in view.keys))
    for name in (*needed, *(() if at is None else (at,))):
        if name not in names:
            raise BadColumn(f"there is no column {name!r} in the table{closest(name, names)}", fix="name one that is there")
    asked = rows[needed].copy()
    asked.columns = pd.Index([f"key {name}" for name in needed])
    if at is None:
        asked["moment"] = pd.Timestamp.max.floor("us")
        return asked
    try:
        moments = pd.to_datetime(rows[at], utc=True)
    except (ValueError, TypeError) as error:
        raise BadColumn(f"column {at!r} holds no moments: {error}", fix="write them as in 2026-01-31 12:00:00") from error
    if moments.isna().any():
        raise BadColumn(
            f"column {at!r} says no moment in {int(moments.isna().sum())} of {len(rows)} rows, the first of them row "
            f"{int(moments.isna().to_numpy().argmax())}",
            fix="leave these rows out, or fill in when they were asked about",
        )
    asked["moment"] = moments.dt.tz_localize(None).astype("datetime64[us]")
    return asked


def _features_of(connection: Any, view: FeatureView, source: Any, asked: pd.DataFrame) -> pd.DataFrame:
    """Return the (n, features) values of one view."""
    _open_events(connection, view, source)
    types = _types(connection, "SELECT * FROM given")
    keys = ", ".join(f"{_as_text(f'key {key}', types)} AS k{i}" for i, key in enumerate(view.keys))
    connection.execute(f"CREATE OR REPLACE TEMP VIEW asked AS SELECT {keys}, moment, row_number() OVER () AS place FROM given")
    joins, columns = [], {}
    for number, timeline in enumerate(timelines(view)):
        same = " AND ".join(f"asked.{key} = t{number}.{key}" for key in keys_of(view))
        joins.append(f"ASOF LEFT JOIN ({timeline.sql}) t{number} ON {same} AND asked.moment >= t{number}.since")
        for column, otherwise in zip(timeline.columns, timeline.otherwise, strict=True):
            columns[column] = f"coalesce(t{number}.{quoted(column)}, {otherwise}) AS {quoted(column)}"
    shown = ", ".join(columns[column] for column in view.columns)
    found: pd.DataFrame = _run(
        connection, f"SELECT {shown} FROM asked {' '.join(joins)} ORDER BY asked.place", view
    ).df()
    assert len(found) == len(asked)  # a row asked is a row answered
    return found


def _open_events(connection: Any, view: FeatureView, source: Any) -> None:
    """Make the relation `events` of a view's source."""
    import duckdb

    if source is None:
        relation = _file(view)
    else:
        connection.register("source", source)
        relation = "source"
    try:
        types = _types(connection, f"SELECT * FROM {relation}")
    except (duckdb.Error, OSError) as error:
        raise UnreadableData(
            f"the source of view {view.name!r} cannot be read: {str(error).splitlines()[0]}",
            fix=f"look whether {view.source} is there and well formed",
        ) from error
    read = (view.event_time, view.known_at, view.event_id, *(feature.column for feature in view.features))
    for name in (*view.keys, *(name for name in read if name is not None)):
        if name not in types:
            raise BadColumn(
                f"view {view.name!r} reads the column {name!r}, which its source does not have{closest(name, list(types))}",
                fix=f"the source has {listing(list(types))}",
            )
    keys = ", ".join(f"{_as_text(key, types)} AS {quoted(key)}" for key in view.keys)
    texts = f"(SELECT * REPLACE ({keys}) FROM {relation})"
    _run(connection, f"CREATE OR REPLACE TEMP TABLE events AS {events_sql(view, texts)}", view)


def _file(view: FeatureView) -> str:
    path = os.fspath(view.source)
    ending = next((end for end in _READERS if path.removesuffix(".gz").removesuffix(".zst").endswith(end)), None)
    if ending is not None:
        return f"{_READERS[ending]}({_text(path)})"
    # What names an entity stays as it is written: "007" is not 7.
    named = ", ".join(f"{_text(name)}: 'VARCHAR'" for name in (*view.keys, *((view.event_id,) if view.event_id else ())))
    return f"read_csv({_text(path)}, types = {{{named}}})"


def _run(connection: Any, sql: str, view: FeatureView) -> Any:
    import duckdb

    try:
        return connection.execute(sql)
    except duckdb.Error as error:
        raise BadFeatureView(
            f"view {view.name!r} cannot be computed: {str(error).splitlines()[0]}",
            fix="aggregate numbers, and let event_time and known_at be columns of moments",
        ) from error


def _types(connection: Any, sql: str) -> dict[str, str]:
    return {str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE {sql}").fetchall()}


def _as_text(name: str, types: Mapping[str, str]) -> str:
    """Return a key as text, the same for 7 as for 7.0, which it becomes in a column with gaps."""
    column = quoted(name)
    if types[name] in _NUMBERS:
        return (
            f"CASE WHEN {column} = trunc({column}) AND abs({column}) < 1e15 THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) "
            f"ELSE CAST({column} AS VARCHAR) END"
        )
    return f"CAST({column} AS VARCHAR)"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
