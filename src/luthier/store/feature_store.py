"""Feature views as they were applied, and what their entities' features are from now on: one SQLite file.

    views         the definitions in force
    materialized  per view the tables that answer (done) and those still being filled (not done)
    parts         parts of the entities whose rows are in; one transaction each, so that a killed run goes on
    g<n>_<i>      rows of the i-th timeline of generation n: keys, since, features

Plain `sqlite3` and not SQLAlchemy: one read costs some ten microseconds, which is the point of the file.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd

from luthier.data.features import (
    FeatureView,
    TimelineRows,
    count_events,
    key_text,
    require_tested,
    timeline_rows,
)
from luthier.data.suggest import closest, listing
from luthier.errors import BadFeatureView, StoreDamaged
from luthier.store.atomic import unwritable
from luthier.store.locks import StudyLock

# ruff: noqa: S608 - names of tables are ours, those of columns are checked by `FeatureView`

ROWS_A_PART = 500_000
MEMORY_MB = 400
"""Rows of a source that are worked on at a time, and what the query may hold of them: well below 1 GB in all."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS views (name TEXT PRIMARY KEY, body TEXT NOT NULL, applied_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS materialized (
    generation INTEGER PRIMARY KEY AUTOINCREMENT, view TEXT NOT NULL, digest TEXT NOT NULL, as_of_us INTEGER NOT NULL,
    n_parts INTEGER NOT NULL, source TEXT NOT NULL, timelines TEXT, done INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS parts (generation INTEGER, part INTEGER, PRIMARY KEY (generation, part));
"""


@dataclass(frozen=True, slots=True)
class Materialized:
    """What a view's materialization came to.

    Attributes
    ----------
    view
        Its name.
    as_of
        ISO 8601, UTC: it answers for this moment and every later one.
    n_rows
        Rows kept.
    n_parts, n_resumed
        Parts in which it was done, and how many of them an interrupted run had already finished.
    """

    view: str
    as_of: str
    n_rows: int
    n_parts: int
    n_resumed: int


class FeatureStore:
    """The applied views of a project and their online features. A context manager; safe to read from several threads.

    Parameters
    ----------
    folder
        The store's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / "features.db"
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        try:
            with self._connection:
                self._connection.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            if "readonly" in str(error) or "unable to open" in str(error):
                raise unwritable(folder, OSError(str(error))) from error
            raise StoreDamaged(
                f"{self._path} is no feature store: {error}",
                fix=f"move it away and apply and materialize again: mv {self._path} {self._path}.broken",
            ) from error

    @property
    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            self._local.connection = connection
            self._local.plans = {}
            self._open.append(connection)
        return connection

    def close(self) -> None:
        """Let go of the file."""
        for connection in self._open:
            connection.close()
        self._open.clear()
        self._local = threading.local()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # --- definitions --------------------------------------------------------------------------------------------------

    def views(self) -> dict[str, FeatureView]:
        """Every applied view by name, in alphabetical order."""
        rows = self._connection.execute("SELECT name, body FROM views ORDER BY name")
        return {name: FeatureView.from_json(json.loads(body)) for name, body in rows}

    def views_named(self, names: Sequence[str]) -> list[FeatureView]:
        """The views of these names, in this order.

        Raises
        ------
        BadFeatureView
            One of them was never applied.
        """
        known = self.views()
        for name in names:
            if name not in known:
                what = f"there are {listing(list(known))}" if known else "none was applied yet"
                raise BadFeatureView(
                    f"there is no feature view {name!r}{closest(name, list(known))}; {what}",
                    fix="define it in a Python file and run `luthier features apply FILE`",
                )
        return [known[name] for name in names]

    def apply(self, views: Iterable[FeatureView]) -> None:
        """Put definitions in force, all or none."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            for view in views:
                connection.execute(
                    "INSERT INTO views VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body, "
                    "applied_at = CASE WHEN body = excluded.body THEN applied_at ELSE excluded.applied_at END",
                    (view.name, json.dumps(view.to_json()), now),
                )

    # --- materialization ----------------------------------------------------------------------------------------------

    def materialize(
        self,
        view: FeatureView,
        *,
        as_of: datetime | None = None,
        source_state: str = "",
        source: Any = None,
        rows_a_part: int = ROWS_A_PART,
    ) -> Materialized:
        """Compute what the view's entities' features are from a moment on, and let it answer once it is whole.

        An interrupted run is taken up by the next one of the same view over the same source: parts that are in stay in.

        Parameters
        ----------
        view
            The view.
        as_of
            The moment; None for now, or for that of the run that is taken up.
        source_state
            What changes when the source does.
        source
            A frame to use instead of the view's source.
        rows_a_part
            Rows to work on at a time, about.

        Raises
        ------
        StudyBusy
            Another process is doing it.
        BadColumn, UnreadableData, BadFeatureView
            The source cannot be read, fails the view's tests, or the view cannot be computed from it.
        """
        (self.folder / "locks").mkdir(exist_ok=True)
        with StudyLock(self.folder / "locks" / f"features-{view.name}.lock", f"the materialization of {view.name!r}"):
            require_tested(view, source)
            n_parts = max(1, count_events(view, source) // rows_a_part)
            generation, as_of_us = self._begun(view, as_of, source_state, n_parts)
            connection = self._connection
            marked = "SELECT part FROM parts WHERE generation = ?"
            finished = {part for (part,) in connection.execute(marked, (generation,))}
            moment = pd.Timestamp(as_of_us, unit="us")
            for part in range(n_parts):
                if part in finished:
                    continue
                lines = timeline_rows(
                    view,
                    source,
                    as_of=moment,
                    part=part,
                    n_parts=n_parts,
                    memory_mb=MEMORY_MB,
                    spill=self.folder / "spilled",
                )
                connection.execute("BEGIN IMMEDIATE")
                with connection:
                    described = [self._fill(view, generation, number, line) for number, line in enumerate(lines)]
                    connection.execute("INSERT INTO parts VALUES (?, ?)", (generation, part))
                    connection.execute(
                        "UPDATE materialized SET timelines = ? WHERE generation = ?",
                        (json.dumps(described), generation),
                    )
            n_rows = self._answering(view, generation)
            return Materialized(view.name, _moment(as_of_us), n_rows, n_parts, len(finished))

    def _begun(self, view: FeatureView, as_of: datetime | None, source_state: str, n_parts: int) -> tuple[int, int]:
        """The generation to fill: the one that was interrupted, if it is of the same view, source and moment."""
        connection = self._connection
        found = connection.execute(
            "SELECT generation, digest, source, n_parts, as_of_us FROM materialized WHERE view = ? AND NOT done",
            (view.name,),
        ).fetchone()
        asked = None if as_of is None else int(pd.Timestamp(as_of.astimezone(UTC)).value // 1000)
        if found is not None and source_state:
            generation, *same, as_of_us = found
            if same == [view.digest, source_state, n_parts] and asked in (None, as_of_us):
                return generation, as_of_us
        as_of_us = int(datetime.now(UTC).timestamp() * 1e6) if asked is None else asked
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            if found is not None:
                self._drop(found[0])
            row = (view.name, view.digest, as_of_us, n_parts, source_state)
            made = connection.execute(
                "INSERT INTO materialized (view, digest, as_of_us, n_parts, source) VALUES (?, ?, ?, ?, ?)", row
            )
            assert made.lastrowid is not None
            return made.lastrowid, as_of_us

    def _fill(self, view: FeatureView, generation: int, number: int, line: TimelineRows) -> dict[str, Any]:
        table = _table(generation, number)
        keys = ", ".join(f"k{i}" for i in range(len(view.keys)))
        self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {table} ({keys}, since INTEGER, {_listed(line.columns)}, "
            f"PRIMARY KEY ({keys}, since)) WITHOUT ROWID"
        )
        marks = ", ".join("?" * (len(view.keys) + 1 + len(line.columns)))
        for rows in line.chunks:
            self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        return {"columns": line.columns, "kinds": line.kinds, "otherwise": line.otherwise}

    def _answering(self, view: FeatureView, generation: int) -> int:
        """Let a whole generation answer in place of the one before; return its number of rows."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            older = connection.execute(
                "SELECT generation FROM materialized WHERE view = ? AND generation != ?", (view.name, generation)
            ).fetchall()
            for (old,) in older:
                self._drop(old)
            connection.execute("UPDATE materialized SET done = 1 WHERE generation = ?", (generation,))
            (described,) = connection.execute(
                "SELECT timelines FROM materialized WHERE generation = ?", (generation,)
            ).fetchone()
            counted = [
                connection.execute(f"SELECT count(*) FROM {_table(generation, number)}").fetchone()[0]
                for number in range(len(json.loads(described)))
            ]
        return sum(counted)

    def _drop(self, generation: int) -> None:
        names = self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB ?", (f"g{generation}_*",)
        ).fetchall()
        for (name,) in names:
            self._connection.execute(f"DROP TABLE {name}")
        self._connection.execute("DELETE FROM parts WHERE generation = ?", (generation,))
        self._connection.execute("DELETE FROM materialized WHERE generation = ?", (generation,))

    # --- reading ------------------------------------------------------------------------------------------------------

    def materialized(self) -> dict[str, str]:
        """Moments (ISO 8601, UTC) from which on the materialized views answer, by their names."""
        rows = self._connection.execute("SELECT view, as_of_us FROM materialized WHERE done ORDER BY view")
        return {view: _moment(as_of_us) for view, as_of_us in rows}

    def get(self, view: FeatureView, entity: Mapping[str, Any], *, at: datetime | None = None) -> dict[str, Any]:
        """The features of an entity, as of now or a moment since the materialization.

        Raises
        ------
        BadFeatureView
            The view is not materialized, or was changed since; or a key is not given; or the moment is before.
        """
        missing = [key for key in view.keys if key not in entity]
        if missing:
            raise BadFeatureView(
                f"view {view.name!r} is of {listing(view.keys)}; {listing(missing)} was not given",
                fix=f"give {', '.join(f'{key}=...' for key in view.keys)}",
            )
        keys = tuple(key_text(entity[key]) for key in view.keys)
        connection = self._connection
        moment = datetime.now(UTC) if at is None else at
        at_us = round(moment.timestamp() * 1e6)
        connection.execute("BEGIN")  # one moment of the file, whatever a materialization changes meanwhile
        try:
            row = connection.execute(
                "SELECT generation, digest, as_of_us FROM materialized WHERE view = ? AND done", (view.name,)
            ).fetchone()
            if row is None or row[1] != view.digest:
                why = "is not materialized" if row is None else "was changed since it was materialized"
                raise BadFeatureView(f"view {view.name!r} {why}", fix=f"luthier features materialize {view.name}")
            if at_us < row[2]:
                raise BadFeatureView(
                    f"view {view.name!r} answers from {_moment(row[2])} on, not for {moment.isoformat()}",
                    fix="ask for the past by `luthier features join`, which reads the source",
                )
            found: dict[str, Any] = {}
            for sql, columns, booleans, otherwise in self._plan(view, row[0]):
                values = connection.execute(sql, (*keys, at_us)).fetchone()
                if values is None:
                    values = otherwise
                found.update(zip(columns, values, strict=True))
                for column in booleans:
                    found[column] = None if found[column] is None else bool(found[column])
        finally:
            connection.execute("COMMIT")
        return {column: found[column] for column in view.columns}

    def _plan(self, view: FeatureView, generation: int) -> list[tuple[str, list[str], list[str], list[Any]]]:
        """The queries of a generation: SQL, columns, which of them are boolean, and what they are without a row."""
        plans: dict[int, list[tuple[str, list[str], list[str], list[Any]]]] = self._local.plans
        if generation not in plans:
            (described,) = self._connection.execute(
                "SELECT timelines FROM materialized WHERE generation = ?", (generation,)
            ).fetchone()
            where = " AND ".join(f"k{i} = ?" for i in range(len(view.keys)))
            plans[generation] = []
            for number, line in enumerate(json.loads(described)):
                sql = (
                    f"SELECT {_listed(line['columns'])} FROM {_table(generation, number)} WHERE {where} AND since <= ? "
                )
                booleans = [c for c, kind in zip(line["columns"], line["kinds"], strict=True) if kind == "boolean"]
                plan = (f"{sql} ORDER BY since DESC LIMIT 1", line["columns"], booleans, line["otherwise"])
                plans[generation].append(plan)
        return plans[generation]


def _table(generation: int, number: int) -> str:
    return f"g{generation}_{number}"


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _moment(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
