"""Everything that only SQLite understands: connections, locks, what its errors mean, and the guard of the record.

`postgresql` is its sister; the rest of the room speaks SQLAlchemy Core.
"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext

from luthier.errors import LuthierError, StoreDamaged, StudyBusy, UnwritableFolder
from luthier.store.locks import StudyLock, is_held

BUSY_S = 30.0
"""How long a write waits for another process's transaction; ours take milliseconds."""

WRITES = "luthier_writes"
"""Execution option of connections that will write: they take the write lock when a transaction begins, because a
transaction that reads first and finds another writer in between cannot be continued."""

_PRAGMAS = (
    "journal_mode = WAL",  # readers never wait for the writer
    "synchronous = FULL",  # a commit is on disk when it returns, power cut or not
    "foreign_keys = ON",
)

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_IOERR_SHORT_READ}
_REFUSED = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_IOERR,
}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


_MIGRATION_WAIT_S = 60.0


class SQLite:
    """Records in one file of a folder; several processes may read, one writes at a time.

    Parameters
    ----------
    folder
        The store's.
    """

    only_one_writes = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "meta.db"
        self.name = f"the store {folder}"
        self.engine = connect(self.path)
        self.reader = self.engine

    def migrating(self) -> AbstractContextManager[Any]:
        """Keep others from changing the form of the tables meanwhile."""
        return StudyLock(self.path.with_suffix(".lock"), self.name, _MIGRATION_WAIT_S)

    def check_new(self) -> None:
        """Raise StoreDamaged where there was a database before."""
        if any(self.folder.glob("tables/*.oof")):
            raise StoreDamaged(
                f"the database {self.path} is missing or empty, though predictions of earlier studies lie beside it",
                fix=f"restore it from a copy, or move {self.folder} away to begin a new store",
            )

    def lock(self, study: str) -> StudyLock:
        """Take the right to run a study."""
        return StudyLock(self._lock_path(study), f"study {study}")

    def is_held(self, study: str) -> bool:
        """Whether some process runs the study."""
        return is_held(self._lock_path(study))

    def forget_lock(self, study: str) -> None:
        """Remove what a lock leaves behind."""
        self._lock_path(study).unlink(missing_ok=True)

    def claim_objects(self, connection: sa.Connection, *, alone: bool) -> None:
        """Do nothing: who writes is alone."""

    def _lock_path(self, study: str) -> Path:
        return self.folder / "locks" / f"{study}.lock"


def connect(path: Path) -> sa.Engine:
    """An engine on a database file; its errors are ours."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_S, "check_same_thread": False},
        paramstyle="named",
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        # Transactions begin where we say so: the driver's own habit would leave table definitions outside of them.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        kind = "IMMEDIATE" if connection.get_execution_options().get(WRITES) else "DEFERRED"
        raw: Any = connection.connection.dbapi_connection
        if raw.in_transaction:  # Ctrl-C struck before SQLAlchemy had noted the transaction: nobody will end it
            raw.rollback()
        try:
            raw.execute(f"BEGIN {kind}")
        except sqlite3.Error as error:  # SQLAlchemy knows nothing of this statement, so no handler would see it
            raise _letter(error, path) or error from error

    @event.listens_for(engine, "handle_error")
    def _translate(context: ExceptionContext) -> None:
        letter = _letter(context.original_exception, path)
        if letter is not None:
            raise letter from context.original_exception

    return engine


def _letter(error: BaseException, path: Path) -> LuthierError | None:
    """What an error of the driver means to the person; None when it is an ordinary one (a broken constraint)."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    primary = code & 0xFF  # the rest of an extended code says where, not what
    if {code, primary} & _DAMAGED:
        return StoreDamaged(
            f"the database {path} cannot be read: {error}",
            fix=f"restore it from a copy, or move {path.parent} away to begin a new store",
        )
    if primary in _REFUSED:
        return UnwritableFolder(
            f"the database {path} does not take changes: {error}",
            fix="see to the rights of the folder and to room on the disk, or name another place with LUTHIER_STORE",
        )
    if primary in _BUSY:
        return StudyBusy(
            f"another process has been writing to {path} for {BUSY_S:g} seconds",
            fix="wait until it is done, then try again",
        )
    return None


APPEND_ONLY = (
    """
    CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
    """,
    # When a whole study is removed its row goes first, so the events that follow it have no study any more.
    """
    CREATE TRIGGER events_go_only_with_their_study BEFORE DELETE ON events
    WHEN EXISTS (SELECT 1 FROM studies WHERE id = OLD.study)
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
    """,
)
"""The guard of the record. Migration 0001 runs these very texts: never change them, add others in a new migration."""

MODEL_EVENTS_APPEND_ONLY = tuple(
    f"""
    CREATE TRIGGER model_events_are_never_{done} BEFORE {verb} ON model_events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
    """
    for verb, done in (("UPDATE", "changed"), ("DELETE", "deleted"))
)
"""The same for registered models, which are retired but never removed. Migration 0002 runs these very texts."""
