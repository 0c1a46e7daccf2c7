"""The records' database: one engine, one connection that writes, and the form the tables must have."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from luthier.errors import StoreDamaged, StoreTooNew
from luthier.store import sqlite
from luthier.store.locks import StudyLock

REVISION = "0002"
"""The migration that leaves the tables as `tables.py` has them. A test keeps the two together."""

MIGRATIONS = Path(__file__).with_name("migrations")

_MIGRATION_WAIT_S = 60.0


class Database:
    """Reading and writing the records.

    Parameters
    ----------
    path
        The database file; made, or brought to the newest form, when need be.

    Raises
    ------
    StoreTooNew
        When a newer Luthier wrote it.
    StoreDamaged
        When it is no database, or not one of ours.
    UnwritableFolder
        When it has to be written and cannot be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = sqlite.connect(path)
        self._writer: sa.Connection | None = None
        self._turn = threading.RLock()
        self._open = ExitStack()
        self._open.callback(self._engine.dispose)
        # Whoever forgets to close us still must not leave connections for the garbage collector to complain about.
        weakref.finalize(self, self._open.close)
        try:
            if self._revision() != REVISION:
                self._migrate()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one moment of the records."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """The one connection that writes, in a transaction: all of what is done here is kept, or none of it."""
        with self._turn:
            if self._writer is None:
                connection = self._open.enter_context(self._engine.connect())
                self._writer = connection.execution_options(**{sqlite.WRITES: True})
            with self._writer.begin():
                yield self._writer

    def compiled(self, statement: sa.Insert) -> str:
        """A statement as the driver takes it, for the one that runs after every fold."""
        return str(statement.compile(dialect=self._engine.dialect))

    def close(self) -> None:
        """Let go of the file. Closing twice is no error."""
        with self._turn:
            self._writer = None
            self._open.close()

    def _revision(self) -> str | None:
        """The migration the database is at, in one query; None for a new one."""
        with self.reading() as connection:
            try:
                found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
            except (sa.exc.OperationalError, sa.exc.ProgrammingError):
                # No such table: SQLite and PostgreSQL say it with different classes.
                return None
            return found

    def _migrate(self) -> None:
        """Bring the tables to the newest form, in one transaction; the slow path, which imports Alembic."""
        from luthier.store.migrations import revisions, upgrade

        with StudyLock(self.path.with_suffix(".lock"), f"the store {self.path.parent}", _MIGRATION_WAIT_S):
            found = self._revision()  # again: another process may have done it while we waited
            if found == REVISION:
                return
            if found is not None and found not in revisions():
                raise StoreTooNew(
                    f"the store {self.path.parent} was written by a newer Luthier (revision {found}, "
                    f"this one knows up to {REVISION})",
                    fix="upgrade with `pip install --upgrade luthier`, or name another store with LUTHIER_STORE",
                )
            with self.writing() as connection:
                if found is None:
                    self._check_virgin(connection)
                upgrade(connection)

    def _check_virgin(self, connection: sa.Connection) -> None:
        """A database without our stamp must be a new one."""
        if tables := sa.inspect(connection).get_table_names():
            raise StoreDamaged(
                f"{self.path} is a database, but not a store of ours (it holds {', '.join(sorted(tables)[:5])})",
                fix="name another place with LUTHIER_STORE",
            )
        if any(self.path.parent.glob("tables/*.oof")):
            raise StoreDamaged(
                f"the database {self.path} is missing or empty, though predictions of earlier studies lie beside it",
                fix=f"restore it from a copy, or move {self.path.parent} away to begin a new store",
            )
