"""Everything that only PostgreSQL understands: connections, locks, what its errors mean, and the guard of the record.

Records that several machines share live here. Each machine keeps its out-of-fold predictions in a folder of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext

from luthier.errors import LuthierError, MissingExtra, StoreUnreachable, StudyBusy, UnwritableFolder, UsageError

BUSY_S = 30
"""How long a statement waits for another process's lock; ours take milliseconds."""

_CONNECT_S = 10
_STUDY, _OBJECTS, _MIGRATION = 0x6C757401, 0x6C757402, 0x6C757403
"""First halves of our advisory locks, so that they meet no other program's."""

_BUSY = ("55P03", "40P01", "40001")  # lock not available, deadlock, serialization failure
_REFUSED = ("25006", "42501", "53100")  # read-only transaction, insufficient privilege, disk full
_UNREACHABLE = ("08", "28", "57P", "3D000", "53300")  # connection, login, shutdown, no such database, too many clients


class PostgreSQL:
    """Records in a database that many processes and machines may write to at once.

    Parameters
    ----------
    address
        "postgresql://user@host/database", with or without "+psycopg".

    Raises
    ------
    UsageError
        The address cannot be read, or is of another kind of database.
    MissingExtra
        psycopg is not installed.
    """

    only_one_writes = False

    def __init__(self, address: str) -> None:
        url = _url(address)
        # Without the password, and without options, which may hold one too.
        shown = sa.URL.create("postgresql", url.username, None, url.host, url.port, url.database)
        self.name = f"the database {shown.render_as_string()}"
        try:
            self.engine = _connect(url, self.name)
        except ImportError as error:
            raise MissingExtra(
                "a store in PostgreSQL needs a library that is not installed", fix="pip install 'luthier[postgresql]'"
            ) from error
        # Each of our reads sees one moment, however many statements it takes.
        self.reader: sa.Engine = self.engine.execution_options(isolation_level="REPEATABLE READ")

    def migrating(self) -> AbstractContextManager[Any]:
        """Keep others from changing the form of the tables meanwhile."""
        return self._holding(_MIGRATION)

    def check_new(self) -> None:
        """Do nothing: predictions of a lost database are on other machines."""

    def lock(self, study: str) -> SessionLock:
        """Take the right to run a study."""
        return SessionLock(self.engine, _number(study), f"study {study}")

    def is_held(self, study: str) -> bool:
        """Whether some process, on any machine, runs the study."""
        held = sa.text(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = :kind AND objid = :number "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        with self.engine.connect() as connection:
            return connection.scalar(held, {"kind": _STUDY, "number": _number(study) & 0xFFFFFFFF}) is not None

    def forget_lock(self, study: str) -> None:
        """Do nothing: a lock leaves nothing behind."""

    def claim_objects(self, connection: sa.Connection, *, alone: bool) -> None:
        """Until the transaction ends, let nobody remove objects, or nobody add any when we are to be alone."""
        verb = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        connection.execute(sa.text(f"SELECT {verb}(:kind, 0)"), {"kind": _OBJECTS})

    @contextmanager
    def _holding(self, kind: int) -> Iterator[None]:
        with self.engine.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:kind, 0)"), {"kind": kind})
            yield


class SessionLock:
    """The right to run a study. The server gives it back when our connection ends, however our process dies.

    Raises
    ------
    StudyBusy
        When another process has it.
    """

    def __init__(self, engine: sa.Engine, number: int, subject: str) -> None:
        self._connection: sa.Connection | None = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        mine = self._connection.scalar(
            sa.text("SELECT pg_try_advisory_lock(:kind, :number)"), {"kind": _STUDY, "number": number}
        )
        if not mine:
            self.release()
            raise StudyBusy(
                f"{subject} is being run by another process",
                fix="wait until it is done, or stop that process: what it has finished is kept",
            )

    def release(self) -> None:
        """Let others have it. Releasing twice is no error."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.detach()  # the lock lives as long as the session: end it, instead of lending it to others
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def _number(study: str) -> int:
    """A study's number among advisory locks, which have 32 bits with a sign."""
    number = zlib.crc32(study.encode())
    return number - (1 << 32) if number >= 1 << 31 else number


def _url(address: str) -> sa.URL:
    try:
        url = sa.make_url(address)
    except sa.exc.ArgumentError:
        url = None
    if url is None or url.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        kind = address.partition("://")[0]
        raise UsageError(
            f"{kind}:// does not name a place for records: they live in a folder or in PostgreSQL",
            fix="write postgresql+psycopg://user@host/database, or the path of a folder "
            "(objects may live elsewhere: LUTHIER_OBJECTS=s3://bucket/prefix)",
        )
    return url.set(drivername="postgresql+psycopg")


def _connect(url: sa.URL, name: str) -> sa.Engine:
    engine = sa.create_engine(
        url, pool_pre_ping=True, connect_args={"connect_timeout": _CONNECT_S, "application_name": "luthier"}
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        connection.execute(f"SET lock_timeout = '{BUSY_S}s'")
        connection.commit()

    @event.listens_for(engine, "handle_error")
    def _translate(context: ExceptionContext) -> None:
        letter = None if context.is_pre_ping else _letter(context, name)
        if letter is not None:
            raise letter from context.original_exception

    return engine


def _letter(context: ExceptionContext, name: str) -> LuthierError | None:
    """What an error of the server means to the person; None when it is an ordinary one (a broken constraint)."""
    error = context.original_exception
    state: str | None = getattr(error, "sqlstate", None)
    said = str(error).strip().partition("\n")[0]
    lost = context.is_disconnect or (state is None and type(error).__name__ == "OperationalError")
    if lost or (state or "").startswith(_UNREACHABLE):
        return StoreUnreachable(
            f"{name} does not answer: {said}",
            fix="see to the server, the user and the password, or name another store with LUTHIER_STORE",
        )
    if state in _BUSY:
        return StudyBusy(
            f"another process has been writing to {name} for {BUSY_S} seconds",
            fix="wait until it is done, then try again",
        )
    if state in _REFUSED:
        return UnwritableFolder(
            f"{name} does not take changes: {said}",
            fix="see to the rights of the user and to room on the disk, or name another store with LUTHIER_STORE",
        )
    return None


APPEND_ONLY = (
    """
    CREATE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            -- When a whole study is removed its row goes first, so the events that follow it have no study any more.
            IF NOT EXISTS (SELECT 1 FROM studies WHERE id = OLD.study) THEN RETURN OLD; END IF;
        END IF;
        RAISE EXCEPTION 'events are append-only';
    END $$
    """,
    """
    CREATE TRIGGER events_are_never_changed BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_are_append_only()
    """,
    """
    CREATE TRIGGER events_are_never_emptied BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_are_append_only()
    """,
)
"""The guard of the record. Migration 0001 runs these very texts: never change them, add others in a new migration."""

MODEL_EVENTS_APPEND_ONLY = (
    """
    CREATE FUNCTION model_events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'events are append-only'; END $$
    """,
    """
    CREATE TRIGGER model_events_are_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON model_events
    FOR EACH STATEMENT EXECUTE FUNCTION model_events_are_append_only()
    """,
)
"""The same for registered models, which are retired but never removed. Migration 0002 runs these very texts."""
