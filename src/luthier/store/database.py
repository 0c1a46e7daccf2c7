"""The records' database, whichever it is: reading, writing, locking, and the form the tables must have."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from luthier.errors import StoreDamaged, StoreTooNew, UnknownStudy
from luthier.store.sqlite import WRITES

REVISION = "0002"
"""The migration that leaves the tables as `tables.py` has them. A test keeps the two together."""

MIGRATIONS = Path(__file__).with_name("migrations")


class Lock(AbstractContextManager["Lock"], Protocol):
    """The right to run a study; it ends with the process that has it."""

    def release(self) -> None:
        """Let others have it."""


class Server(Protocol):
    """What a kind of database does in its own way: `sqlite.SQLite`, `postgresql.PostgreSQL`.

    Attributes
    ----------
    name
        What to call it in messages.
    engine, reader
        For writing, and for reads that see one moment.
    only_one_writes
        Whether writers take turns, so that one connection for them is enough.
    """

    name: str
    engine: sa.Engine
    reader: sa.Engine
    only_one_writes: bool

    def migrating(self) -> AbstractContextManager[Any]:
        """Keep others from changing the form of the tables meanwhile."""

    def check_new(self) -> None:
        """Raise StoreDamaged where a database was lost."""

    def lock(self, study: str) -> Lock:
        """Take the right to run a study, or raise StudyBusy."""

    def is_held(self, study: str) -> bool:
        """Whether some process runs the study."""

    def forget_lock(self, study: str) -> None:
        """Remove what a lock leaves behind."""

    def claim_objects(self, connection: sa.Connection, *, alone: bool) -> None:
        """Keep objects from being removed until a transaction ends; alone: from being added as well."""


class Database:
    """Reading and writing the records.

    Parameters
    ----------
    server
        Where they are; the tables are made, or brought to the newest form, when need be.
    create
        Whether to make tables where there are none.

    Raises
    ------
    StoreTooNew
        When a newer Luthier wrote it.
    StoreDamaged
        When it is no database, or not one of ours.
    UnwritableFolder
        When it has to be written and cannot be.
    StoreUnreachable
        When its server does not answer.
    UnknownStudy
        When there is nothing yet and `create` is False.
    """

    def __init__(self, server: Server, *, create: bool = True) -> None:
        self.server = server
        self._engine = server.engine
        self._writer: sa.Connection | None = None
        self._turn = threading.RLock()
        self._open = ExitStack()
        self._open.callback(self._engine.dispose)
        # Whoever forgets to close us still must not leave connections for the garbage collector to complain about.
        weakref.finalize(self, self._open.close)
        try:
            if self._revision() != REVISION:
                self._migrate(create=create)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one moment of the records."""
        with self.server.reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that writes: all of what is done here is kept, or none of it."""
        if not self.server.only_one_writes:
            with self._engine.begin() as connection:
                yield connection
            return
        with self._turn:
            if self._writer is None:
                connection = self._open.enter_context(self._engine.connect())
                self._writer = connection.execution_options(**{WRITES: True})
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

    def _migrate(self, *, create: bool) -> None:
        """Bring the tables to the newest form, in one transaction; the slow path, which imports Alembic."""
        from luthier.store.migrations import revisions, upgrade

        with self.server.migrating():
            found = self._revision()  # again: another process may have done it while we waited
            if found == REVISION:
                return
            if found is None and not create:
                raise nothing_yet(self.server.name)
            if found is not None and found not in revisions():
                raise StoreTooNew(
                    f"{self.server.name} was written by a newer Luthier (revision {found}, "
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
                f"{self.server.name} is a database, but not a store of ours (it holds {', '.join(sorted(tables)[:5])})",
                fix="name another place with LUTHIER_STORE",
            )
        self.server.check_new()


def nothing_yet(where: str) -> UnknownStudy:
    """The letter of a reading command that finds no store."""
    return UnknownStudy(
        f"there are no studies here: {where} does not exist or holds none",
        fix="run `luthier tune` first, or name an existing store with LUTHIER_STORE",
    )
