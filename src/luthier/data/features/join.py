"""Features as they were known at each row's moment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd

from luthier.data.duck import duck
from luthier.data.features.expectations import Expectation, Tested
from luthier.data.features.timeline import events_sql, keys_of, quoted, timelines
from luthier.data.features.view import FeatureView
from luthier.data.suggest import closest, listing
from luthier.errors import BadColumn, BadFeatureView, UnreadableData

# ruff: noqa: S608 - names are quoted by `quoted`, paths and numbers by `_text`

_READERS = {".parquet": "read_parquet", ".pq": "read_parquet", ".jsonl": "read_json", ".ndjson": "read_json"}
_NUMBERS = ("FLOAT", "DOUBLE")
_SQL = {"boolean": "BOOLEAN", "number": "DOUBLE", "text": "VARCHAR"}
_CHUNK = 20_000


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
        A value cannot be aggregated as the view asks, or a source fails the view's tests.
    """
    added = [column for view in views for column in view.columns]
    taken = sorted({*added} & {str(name) for name in rows.columns})
    if taken or len(set(added)) < len(added):
        twice = taken or sorted({column for column in added if added.count(column) > 1})
        raise BadColumn(
            f"the table would have the column {listing(twice)} twice", fix="leave the view or the column out"
        )
    with _connection() as connection:
        for view in views:
            _require(_tested(connection, view, (sources or {}).get(view.name)))
        asked = _asked(rows, views, at)
        connection.register("given", asked)
        found = [_features_of(connection, view, (sources or {}).get(view.name), asked) for view in views]
    return pd.concat([rows, *(frame.set_index(rows.index) for frame in found)], axis=1)


@dataclass(frozen=True, slots=True)
class TimelineRows:
    """Rows of one timeline of a view, ready for a table.

    Attributes
    ----------
    columns
        Names of the features.
    kinds
        What each holds: "boolean", "number" or "text" (moments are text in ISO 8601).
    otherwise
        What each is where the entity has no row yet.
    chunks
        Rows of the entity's keys as text, since when (microseconds since 1970, UTC), and the features; to be read
        before the next timeline is asked for.
    """

    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    otherwise: tuple[Any, ...]
    chunks: Iterator[list[tuple[Any, ...]]]


def timeline_rows(
    view: FeatureView,
    source: Any = None,
    *,
    as_of: pd.Timestamp | None = None,
    part: int = 0,
    n_parts: int = 1,
    memory_mb: int | None = None,
    spill: str | os.PathLike[str] | None = None,
) -> Iterator[TimelineRows]:
    """Compute the timelines of a view, from a moment on.

    Parameters
    ----------
    view
        The view.
    source
        A frame to use instead of the view's source.
    as_of
        Moment (UTC) from which on they will be read: of what was before, only the row that still holds is given.
        None for all rows.
    part, n_parts
        Only the entities of one of `n_parts` parts, by a hash of their keys.
    memory_mb, spill
        What the query may hold in memory, and the folder it may use beyond that.

    Raises
    ------
    BadColumn, UnreadableData, BadFeatureView
        As `point_in_time_join`.
    """
    keys = ", ".join(keys_of(view))
    with _connection(memory_mb, spill) as connection:
        _open_events(connection, view, source, f"hash({keys}) % {n_parts} = {part}" if n_parts > 1 else None)
        for timeline in timelines(view):
            types = _types(connection, timeline.sql)
            kinds = tuple(_kind(types[column]) for column in timeline.columns)
            shown = ", ".join(
                f"CAST({quoted(column)} AS {_SQL[kind]}) AS {quoted(column)}"
                for column, kind in zip(timeline.columns, kinds, strict=True)
            )
            ends = ""
            if as_of is not None:
                following = f"lead(since) OVER (PARTITION BY {keys} ORDER BY since)"
                ends = f"QUALIFY coalesce({following} > make_timestamp({as_of.value // 1000}), TRUE)"
            texts = ", ".join(f"CAST({key} AS VARCHAR)" for key in keys_of(view))
            sql = f"SELECT {texts}, epoch_us(since), {shown} FROM ({timeline.sql}) {ends}"
            answer = _run(connection, sql, view)
            otherwise = tuple(0 if what == "0" else None for what in timeline.otherwise)
            yield TimelineRows(timeline.columns, kinds, otherwise, iter(lambda a=answer: a.fetchmany(_CHUNK), []))  # type: ignore[misc]


def run_tests(view: FeatureView, source: Any = None) -> list[Tested]:
    """Run the tests of a view on its source, or on a frame in its place.

    Raises
    ------
    BadColumn, UnreadableData, BadFeatureView
        The source lacks a column or cannot be read, or a column is of another kind than a test asks.
    """
    with _connection() as connection:
        return _tested(connection, view, source)


def require_tested(view: FeatureView, source: Any = None) -> None:
    """Raise `BadFeatureView` unless the source of a view passes its tests; else as `run_tests`."""
    if view.tests:
        _require(run_tests(view, source))


def count_events(view: FeatureView, source: Any = None) -> int:
    """Return the number of rows of a view's source, or of a frame in its place.

    Raises
    ------
    UnreadableData
        The source cannot be read.
    """
    if source is not None:
        return len(source)
    import duckdb

    with _connection() as connection:
        try:
            (n,) = connection.execute(f"SELECT count(*) FROM {_file(view)}").fetchone()
        except (duckdb.Error, OSError) as error:
            raise _unreadable(view, error) from error
    return int(n)


def _unreadable(view: FeatureView, error: Exception) -> UnreadableData:
    return UnreadableData(
        f"the source of view {view.name!r} cannot be read: {str(error).splitlines()[0]}",
        fix=f"look whether {view.source} is there and well formed",
    )


def _kind(sql_type: str) -> str:
    if sql_type == "BOOLEAN":
        return "boolean"
    numeric = sql_type.endswith("INT") or sql_type == "INTEGER" or sql_type.startswith(("DECIMAL", "FLOAT", "DOUBLE"))
    return "number" if numeric or sql_type.endswith("INTEGER") else "text"


def key_text(value: Any) -> str:
    """Return a key as text, as the join reads it: 7 and 7.0 are the same, "007" is another."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


@contextmanager
def _connection(memory_mb: int | None = None, spill: str | os.PathLike[str] | None = None) -> Iterator[Any]:
    config: dict[str, str] = {}
    if memory_mb is not None:
        config |= {"memory_limit": f"{memory_mb}MB", "preserve_insertion_order": "false"}
    if spill is not None:
        config["temp_directory"] = os.fspath(spill)
    with duck(**config) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def _asked(rows: pd.DataFrame, views: Sequence[FeatureView], at: str | None) -> pd.DataFrame:
    """Return the keys and moments of the rows."""
    names = [str(name) for name in rows.columns]
    needed = list(dict.fromkeys(key for view in views for key in view.keys))
    for name in (*needed, *(() if at is None else (at,))):
        if name not in names:
            raise BadColumn(
                f"there is no column {name!r} in the table{closest(name, names)}", fix="name one that is there"
            )
    asked = rows[needed].copy()
    asked.columns = pd.Index([f"key {name}" for name in needed])
    if at is None:
        asked["moment"] = pd.Timestamp.max.floor("us")
        return asked
    try:
        moments = pd.to_datetime(rows[at], utc=True)
    except (ValueError, TypeError) as error:
        raise BadColumn(
            f"column {at!r} holds no moments: {error}", fix="write them as in 2026-01-31 12:00:00"
        ) from error
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
    types, known = _types(connection, "SELECT * FROM given"), _types(connection, "SELECT * FROM events")
    # Whole numbers sort in half the time that text takes; what meets anything else meets it as text.
    whole = [_is_whole(types[f"key {key}"]) and _is_whole(known[f"k{i}"]) for i, key in enumerate(view.keys)]
    forms = [
        f"CAST({quoted(f'key {key}')} AS BIGINT)" if as_is else _as_text(f"key {key}", types)
        for key, as_is in zip(view.keys, whole, strict=True)
    ]
    keys = ", ".join(f"{form} AS k{i}" for i, form in enumerate(forms))
    met = ", ".join(f"CAST(k{i} AS {'BIGINT' if as_is else 'VARCHAR'}) AS k{i}" for i, as_is in enumerate(whole))
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW asked AS SELECT {keys}, moment, row_number() OVER () AS place FROM given"
    )
    joins, columns = [], {}
    for number, timeline in enumerate(timelines(view)):
        same = " AND ".join(f"asked.{key} = t{number}.{key}" for key in keys_of(view))
        joins.append(
            f"ASOF LEFT JOIN (SELECT * REPLACE ({met}) FROM ({timeline.sql})) t{number} "
            f"ON {same} AND asked.moment >= t{number}.since"
        )
        for column, otherwise in zip(timeline.columns, timeline.otherwise, strict=True):
            columns[column] = f"coalesce(t{number}.{quoted(column)}, {otherwise}) AS {quoted(column)}"
    shown = ", ".join(columns[column] for column in view.columns)
    found: pd.DataFrame = _run(
        connection, f"SELECT {shown} FROM asked {' '.join(joins)} ORDER BY asked.place", view
    ).df()
    assert len(found) == len(asked)  # a row asked is a row answered
    return found


def _tested(connection: Any, view: FeatureView, source: Any) -> list[Tested]:
    """One look at the source for all tests."""
    if not view.tests:
        return []
    relation, types = _relation(connection, view, source)
    asked = ["count(*)"]
    for test in view.tests:
        _require_column(view, test.column, types)
        wrong = _is_wrong(test, _kind(types[test.column]))
        column = quoted(test.column)
        asked += [
            f"count(*) FILTER (WHERE {wrong})",
            f"CAST(any_value({column}) FILTER (WHERE {wrong}) AS VARCHAR)",
            f"count(*) FILTER (WHERE {column} IS NULL)",
        ]
    n, *found = _run(connection, f"SELECT {', '.join(asked)} FROM {relation}", view).fetchone()
    told = []
    for test, n_wrong, example, n_missing in zip(view.tests, found[::3], found[1::3], found[2::3], strict=True):
        gaps = n_missing if n_missing > test.missing * n else 0
        told.append(Tested(view.name, str(test), n, n_wrong, gaps, example, holds=not (n_wrong or gaps)))
    return told


def _is_wrong(test: Expectation, kind: str) -> str:
    """The condition, as SQL, under which a value that is there is not as expected."""
    column = quoted(test.column)
    conditions = [f"{column} < {test.at_least!r}"] if test.at_least is not None else []
    conditions += [f"{column} > {test.at_most!r}"] if test.at_most is not None else []
    if conditions and kind == "number":
        conditions.append(f"isnan(CAST({column} AS DOUBLE))")
    if test.one_of:
        numbers = kind == "number" and not any(isinstance(value, str) for value in test.one_of)
        shown = ", ".join(repr(value) if numbers else _text(key_text(value)) for value in test.one_of)
        conditions.append(f"{column if numbers else f'CAST({column} AS VARCHAR)'} NOT IN ({shown})")
    return f"{column} IS NOT NULL AND ({' OR '.join(conditions) or 'FALSE'})"


def _require(tested: Sequence[Tested]) -> None:
    failed = [test for test in tested if not test.holds]
    if failed:
        raise BadFeatureView(
            f"the source of view {failed[0].view!r} fails its tests: {'; '.join(map(str, failed))}",
            fix="mend the source, or change what the view expects of it (tests=...) and apply it again",
        )


def _relation(connection: Any, view: FeatureView, source: Any) -> tuple[str, dict[str, str]]:
    """The source as SQL, and the types of its columns."""
    import duckdb

    if source is None:
        relation = _file(view)
    else:
        connection.register("source", source)
        relation = "source"
    try:
        return relation, _types(connection, f"SELECT * FROM {relation}")
    except (duckdb.Error, OSError) as error:
        raise _unreadable(view, error) from error


def _require_column(view: FeatureView, name: str, types: Mapping[str, str]) -> None:
    if name not in types:
        raise BadColumn(
            f"the source of view {view.name!r} has no column {name!r}{closest(name, list(types))}",
            fix=f"name one of {listing(list(types))}",
        )


def _open_events(connection: Any, view: FeatureView, source: Any, only: str | None = None) -> None:
    """Make the relation `events` of a view's source, or of those of its entities that a condition admits."""
    relation, types = _relation(connection, view, source)
    read = (view.event_time, view.known_at, view.event_id, *(feature.column for feature in view.features))
    for name in (*view.keys, *(name for name in read if name is not None)):
        _require_column(view, name, types)
    keys = ", ".join(
        f"{f'CAST({quoted(key)} AS BIGINT)' if _is_whole(types[key]) else _as_text(key, types)} AS {quoted(key)}"
        for key in view.keys
    )
    texts = f"(SELECT * REPLACE ({keys}) FROM {relation})"
    _run(connection, f"CREATE OR REPLACE TEMP TABLE events AS {events_sql(view, texts, only)}", view)


def _file(view: FeatureView) -> str:
    path = os.fspath(view.source)
    ending = next((end for end in _READERS if path.removesuffix(".gz").removesuffix(".zst").endswith(end)), None)
    if ending is not None:
        return f"{_READERS[ending]}({_text(path)})"
    # What names an entity stays as it is written: "007" is not 7.
    named = ", ".join(
        f"{_text(name)}: 'VARCHAR'" for name in (*view.keys, *((view.event_id,) if view.event_id else ()))
    )
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


def _is_whole(sql_type: str) -> bool:
    return sql_type in ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UINTEGER", "USMALLINT", "UTINYINT")


def _as_text(name: str, types: Mapping[str, str]) -> str:
    """Return a key as text, the same for 7 as for 7.0, which it becomes in a column with gaps."""
    column = quoted(name)
    if types[name] in _NUMBERS:
        return (
            f"CASE WHEN {column} = trunc({column}) AND abs({column}) < 1e15 "
            f"THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE CAST({column} AS VARCHAR) END"
        )
    return f"CAST({column} AS VARCHAR)"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
