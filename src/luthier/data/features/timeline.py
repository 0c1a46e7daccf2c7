"""Feature views as SQL: what every entity's features are, from when on.

A view becomes one or a few *timelines*: relations with the entity's keys, `since`, and a column a feature, whose row
holds from `since` until the entity's next row. Training joins them as of each row's moment; the online store keeps
their ends. Both read the same timeline, so what a model is served is what it was trained on.

An event can be used from the later of its event time and the time it was known; it stops to count when a later version
of it is known, or when it falls out of the window. So a sum is the running total of what comes and goes, and the last
value is the running latest event: both cost a sort, however many rows ask. Minima and maxima cannot be run down like
that: they are looked up among the events of the entity, whose number squared they cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from luthier.data.features.view import FeatureView

# ruff: noqa: S608 - names are quoted by `quoted`, numbers are ours


@dataclass(frozen=True, slots=True)
class Timeline:
    """Some features of a view as a query.

    Attributes
    ----------
    columns
        Names of the features' columns.
    otherwise
        What each is where the entity has no row yet, as SQL.
    sql
        Over the relation that `events` makes: keys (`k0`, ...), `since` (TIMESTAMP), the columns; one row for an entity
        and a moment.
    """

    columns: tuple[str, ...]
    otherwise: tuple[str, ...]
    sql: str


def quoted(name: str) -> str:
    """Return a name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def keys_of(view: FeatureView) -> tuple[str, ...]:
    """Return the names that the view's keys have in timelines."""
    return tuple(f"k{i}" for i in range(len(view.keys)))


def events_sql(view: FeatureView, source: str, only: str | None = None) -> str:
    """Return the query for the versions of all events: keys, values (`v0`, ... of each feature), and their times.

    Parameters
    ----------
    view
        The view.
    source
        The relation of its source, as SQL.
    only
        A condition on the keys (k0, ...), for some of the entities.

    Returns
    -------
    str
        A query with the columns k0, ..., v0, ..., `happened`, `usable` (the event can be used from then on) and
        `superseded` (until then; NULL: for ever).
    """
    happened = f"CAST({quoted(view.event_time)} AS TIMESTAMP)"
    known = happened if view.known_at is None else f"coalesce(CAST({quoted(view.known_at)} AS TIMESTAMP), {happened})"
    keys = ", ".join(f"{quoted(key)} AS k{i}" for i, key in enumerate(view.keys))  # whole numbers or text: see `join`
    values = ", ".join(
        f"{'1' if feature.column is None else quoted(feature.column)} AS v{i}"
        for i, feature in enumerate(view.features)
    )
    identity = [*keys_of(view), "happened"]
    event_id = ""
    if view.event_id is not None:
        event_id = f", {quoted(view.event_id)} AS event_id"
        identity.append("event_id")
    if view.known_at is None and view.event_id is None:  # nothing tells a correction from another event
        identity.append("place")
    missing = " OR ".join(f"{key} IS NULL" for key in (*keys_of(view), "happened"))
    return f"""
        WITH versions AS (
            SELECT {keys}, {values}{event_id}, {happened} AS happened, {known} AS known,
                row_number() OVER () AS place
            FROM {source}{"" if only is None else f" WHERE {only}"}
        )
        SELECT * EXCLUDE (known), greatest(happened, known) AS usable,
            lead(greatest(happened, known))
                OVER (PARTITION BY {", ".join(identity)} ORDER BY known, place) AS superseded
        FROM versions
        WHERE NOT ({missing})
    """


def timelines(view: FeatureView) -> Iterator[Timeline]:
    """Return the timelines of a view: features of the same window share one.

    Parameters
    ----------
    view
        The view; its events are the relation `events`.
    """
    kinds = {"last": _last, "min": _looked_up, "max": _looked_up}
    grouped: dict[tuple[str, int | None], list[int]] = {}
    for i, feature in enumerate(view.features):
        # the latest event is one event, whose missing values are missing: each of its features runs by itself
        group = f"last {i}" if feature.aggregate == "last" else "extreme" if feature.aggregate in kinds else "total"
        grouped.setdefault((group, feature.window_s), []).append(i)
    for (_, window_s), members in grouped.items():
        sql = kinds.get(view.features[members[0]].aggregate, _totals)(view, members, window_s)
        yield Timeline(
            tuple(view.columns[i] for i in members),
            tuple("0" if view.features[i].aggregate in ("count", "sum") else "NULL" for i in members),
            sql,
        )


def _ends(window_s: int | None) -> str:
    """When a version stops to count, NULL for never."""
    leaves = "NULL" if window_s is None else f"happened + INTERVAL {window_s} SECOND"
    return f"least(superseded, {leaves})"  # DuckDB's least leaves NULLs out of account


def _totals(view: FeatureView, members: Sequence[int], window_s: int | None) -> str:
    """Counts, sums and means, as running totals of what comes and goes."""
    keys = ", ".join(keys_of(view))
    shown, changes = [], []
    for i in members:
        feature = view.features[i]
        changes.append(f"sum(sign * (v{i} IS NOT NULL)::BIGINT) AS n{i}")
        if feature.aggregate != "count":
            # Numbers that come and go in a double leave crumbs, so that nothing is said to be left when nothing is.
            changes.append(f"sum(sign * coalesce(v{i}, 0)) AS t{i}")
        total = {
            "count": f"CAST(n{i} AS BIGINT)",
            "sum": f"CASE WHEN n{i} = 0 THEN 0.0 ELSE CAST(t{i} AS DOUBLE) END",
            "mean": f"CAST(t{i} AS DOUBLE) / nullif(n{i}, 0)",
        }
        shown.append(f"{total[feature.aggregate]} AS {quoted(view.columns[i])}")
    names = [change.rpartition(" AS ")[2] for change in changes]
    running = ", ".join(f"sum({name}) OVER timeline AS {name}" for name in names)
    return f"""
        WITH comings AS (
            SELECT {keys}, {", ".join(f"v{i}" for i in members)}, usable, {_ends(window_s)} AS ends FROM events
        ), moments AS (
            SELECT *, usable AS since, 1 AS sign FROM comings WHERE ends IS NULL OR ends > usable
            UNION ALL SELECT *, ends AS since, -1 AS sign FROM comings WHERE ends > usable
        ), changes AS (
            SELECT {keys}, since, {", ".join(changes)} FROM moments GROUP BY {keys}, since
        ), totals AS (
            SELECT {keys}, since, {running} FROM changes WINDOW timeline AS (PARTITION BY {keys} ORDER BY since)
        )
        SELECT {keys}, since, {", ".join(shown)} FROM totals
    """


def _last(view: FeatureView, members: Sequence[int], window_s: int | None) -> str:
    """The value of the latest event that is known, until a later one is, or until it is too old."""
    (i,) = members
    keys, column = ", ".join(keys_of(view)), quoted(view.columns[i])
    latest = f"""
        WITH ranked AS (
            SELECT {keys}, usable AS since, happened, v{i} AS v,
                max(happened) OVER arriving AS newest, lead(usable) OVER arriving AS next_usable
            FROM events WHERE superseded IS NULL OR superseded > usable
            WINDOW arriving AS (PARTITION BY {keys} ORDER BY usable, happened, place)
        ), steps AS (
            SELECT {keys}, since, happened, v FROM ranked WHERE happened = newest AND next_usable IS DISTINCT FROM since
        )
    """
    if window_s is None:
        return f"{latest} SELECT {keys}, since, v AS {column} FROM steps"
    return f"""{latest}, lasting AS (
            SELECT *, happened + INTERVAL {window_s} SECOND AS gone,
                lead(since) OVER (PARTITION BY {keys} ORDER BY since) AS following
            FROM steps WHERE happened + INTERVAL {window_s} SECOND > since
        )
        SELECT {keys}, since, v AS {column} FROM lasting
        UNION ALL
        SELECT {keys}, gone AS since, NULL AS {column} FROM lasting WHERE following IS NULL OR following > gone
    """


def _looked_up(view: FeatureView, members: Sequence[int], window_s: int | None) -> str:
    """Minima and maxima: at every moment at which anything changes, among the events that count then."""
    keys = ", ".join(keys_of(view))
    same = " AND ".join(f"m.{key} = c.{key}" for key in keys_of(view))
    extremes = ", ".join(f"{view.features[i].aggregate}(v{i}) AS {quoted(view.columns[i])}" for i in members)
    asked = ", ".join(f"m.{key}" for key in keys_of(view))
    return f"""
        WITH counting AS (
            SELECT {keys}, {", ".join(f"v{i}" for i in members)}, usable, {_ends(window_s)} AS ends
            FROM events WHERE {_ends(window_s)} IS NULL OR {_ends(window_s)} > usable
        ), moments AS (
            SELECT {keys}, usable AS since FROM counting
            UNION SELECT {keys}, ends AS since FROM counting WHERE ends IS NOT NULL
        )
        SELECT {asked}, m.since, {extremes}
        FROM moments m LEFT JOIN counting c
            ON {same} AND c.usable <= m.since AND (c.ends IS NULL OR c.ends > m.since)
        GROUP BY {asked}, m.since
    """
