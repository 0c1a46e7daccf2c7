"""The store of one project: its studies, opened, found, listed and removed; its objects, kept and collected."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from luthier.canonical import canonical_json
from luthier.errors import UnknownStudy
from luthier.store.atomic import unwritable, write_text_atomic
from luthier.store.database import Database, Lock, Server, nothing_yet
from luthier.store.listing import StudyRow, interrupted, list_studies
from luthier.store.log import StoredStudyLog, StudyPlaces
from luthier.store.objects import FolderObjects, Objects
from luthier.store.registered import RegisteredModels
from luthier.store.sqlite import SQLite
from luthier.store.study_ids import new_study_id
from luthier.store.tables import KEPT, RELEASED, STUDIES

DEFAULT = ".luthier"
VARIABLE = "LUTHIER_STORE"
OBJECTS = "LUTHIER_OBJECTS"
"""Names another place for objects than the store's own folder."""

_GITIGNORE = "# Records and predictions of this machine's studies: nothing to commit.\n*\n"


@dataclass(frozen=True, slots=True)
class Collected:
    """Objects that no study and no release refers to: how many, and their size in bytes."""

    n_objects: int
    n_bytes: int


class Store:
    """Studies, registered models and the objects of both. Open it with `Store.open`; it is a context manager.

    Attributes
    ----------
    location
        What opens it again: a folder, or the address of a database.
    folder
        Where its files on this machine live.
    models
        The registered models and their releases.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Store.open(folder) as store:
    ...     log = store.create_study({"question": {"dataset": "churn"}}, question="7c1f", shape=(1000, 1))
    ...     store.find_open("7c1f") == log.study
    True
    """

    def __init__(self, location: Path | str, folder: Path, database: Database, objects: Objects) -> None:
        self.location = location
        self.folder = folder
        self._database = database
        self._objects = objects
        self.models = RegisteredModels(database, objects)

    @classmethod
    def open(cls, location: str | os.PathLike[str] | None = None, *, create: bool = True) -> Self:
        """Open the store at a place, making it when there is none.

        Parameters
        ----------
        location
            A folder, or "postgresql+psycopg://user@host/database": then the records are there, and what stays on this
            machine (out-of-fold predictions, copies of models) in `.luthier` in the current folder. None for what
            `LUTHIER_STORE` names, else that folder. `LUTHIER_OBJECTS` names another place for objects, as
            "s3://bucket/prefix".
        create
            Whether to make a store that is not there; reading commands say False and leave no trace.

        Raises
        ------
        UnwritableFolder
            When the folder cannot be made or written.
        StoreTooNew
            When a newer Luthier wrote it.
        StoreDamaged
            When its database is unreadable.
        StoreUnreachable
            When its server does not answer.
        UnknownStudy
            When there is no store and `create` is False.
        UsageError
            When the location cannot be read.
        """
        place = location or os.environ.get(VARIABLE) or DEFAULT
        address = place if isinstance(place, str) and "://" in place else None
        folder = Path(DEFAULT if address else place).expanduser()
        server: Server
        if address is not None:
            from luthier.store.postgresql import PostgreSQL

            server = PostgreSQL(address)
        else:
            if not (folder / "meta.db").exists():
                if not create:
                    raise nothing_yet(str(folder))
                _prepare(folder)
            server = SQLite(folder)
        objects = _objects(folder)
        database = Database(server, create=create)
        if not folder.exists():
            _prepare(folder)
        return cls(address or folder, folder, database, objects)

    @property
    def releases(self) -> Path:
        """Folder of the copies of released models."""
        return self.folder / "releases"

    def close(self) -> None:
        """Let go of the files. Closing twice is no error."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # --- studies ------------------------------------------------------------------------------------------------------

    def create_study(
        self,
        plan: Mapping[str, Any],
        question: str,
        name: str | None = None,
        *,
        shape: tuple[int, int] | None = None,
    ) -> StoredStudyLog:
        """Begin a study.

        Parameters
        ----------
        plan
            What it sets out to do, as JSON values.
        question
            Digest that two runs share exactly when one may continue the other.
        name
            What the user calls it; need not be unique.
        shape
            (m, k) of a slab of out-of-fold predictions; None for a study without any.
        """
        row = {
            "name": name,
            "question": question,
            "n_rows": None if shape is None else shape[0],
            "n_outputs": None if shape is None else shape[1],
            "plan": canonical_json(plan).decode(),
        }
        for tries_left in reversed(range(5)):
            now = datetime.now(UTC)
            study = new_study_id(now)
            created_at = now.isoformat(timespec="microseconds").replace("+00:00", "Z")
            try:
                with self._database.writing() as connection:
                    connection.execute(STUDIES.insert(), {**row, "id": study, "created_at": created_at})
                break
            except sa.exc.IntegrityError:
                # Two studies born in the same second meet once in a million: take another name.
                if not tries_left:
                    raise
        return self._log(study, shape)

    def find_open(self, question: str) -> str | None:
        """The newest study of the same question that has not ended, whether interrupted or still running elsewhere."""
        with self._database.reading() as connection:
            return interrupted(connection, question)

    def load(self, study: str) -> StoredStudyLog:
        """The log of a study.

        Parameters
        ----------
        study
            Its id, its name, or the beginning or the last four letters of its id, as long as only one study is meant.

        Raises
        ------
        UnknownStudy
            When none or several are meant; the message lists what comes close.
        """
        study = self._found(study)
        with self._database.reading() as connection:
            shape = connection.execute(sa.select(STUDIES).where(STUDIES.c.id == study)).one()
        return self._log(study, None if shape.n_rows is None else (shape.n_rows, shape.n_outputs))

    def plan_of(self, study: str) -> dict[str, Any]:
        """The plan a study was created with; `study` as for `load`."""
        with self._database.reading() as connection:
            text = connection.scalar(sa.select(STUDIES.c.plan).where(STUDIES.c.id == self._found(study)))
        plan: dict[str, Any] = json.loads(text or "{}")
        return plan

    def list_studies(self) -> list[StudyRow]:
        """Every study, oldest first."""
        with self._database.reading() as connection:
            return list_studies(connection, self._database.server.is_held)

    def lock(self, study: str) -> Lock:
        """Take the right to run a study; `study` as for `load`. It is given back when the process dies, however.

        Raises
        ------
        StudyBusy
            When another process has it.
        """
        return self._database.server.lock(self._found(study))

    def remove(self, study: str) -> None:
        """Remove a study: its record, its predictions, and the objects nobody else keeps; `study` as for `load`.

        Raises
        ------
        StudyBusy
            When it is running.
        UnknownStudy
            When there is none of that name.
        UnwritableFolder
            When its files may not be deleted.
        """
        study = self._found(study)
        mine = sa.select(KEPT.c.digest).where(KEPT.c.study == study)
        others = sa.select(KEPT.c.digest).where(KEPT.c.study != study).union(sa.select(RELEASED.c.digest))
        server = self._database.server
        try:
            with self.lock(study), self._database.writing() as connection:
                server.claim_objects(connection, alone=True)
                # Files go before the rows that name them: a removal that is cut short can be said again.
                for digest in connection.scalars(mine.where(KEPT.c.digest.not_in(others))).all():
                    self._objects.remove(digest)
                self._table_path(study).unlink(missing_ok=True)
                connection.execute(STUDIES.delete().where(STUDIES.c.id == study))
            server.forget_lock(study)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def collect(self, *, dry_run: bool = False) -> Collected:
        """Remove the objects that no study and no release refers to, such as those of a release that was cut short.

        Nothing else ever does: an object is kept until somebody asks for this, or removes the study it belongs to.

        Parameters
        ----------
        dry_run
            Only count them.
        """
        known = sa.select(KEPT.c.digest).union(sa.select(RELEASED.c.digest))
        with self._database.writing() as connection:
            self._database.server.claim_objects(connection, alone=True)
            wanted = set(connection.scalars(known))
            unwanted = {digest: size for digest, size in self._objects.sizes().items() if digest not in wanted}
            if not dry_run:
                for digest in unwanted:
                    self._objects.remove(digest)
                self._objects.sweep()
        return Collected(len(unwanted), sum(unwanted.values()))

    # --- small parts --------------------------------------------------------------------------------------------------

    def _log(self, study: str, shape: tuple[int, int] | None) -> StoredStudyLog:
        return StoredStudyLog(study, StudyPlaces(self._database, self._table_path(study), self._objects), shape)

    def _table_path(self, study: str) -> Path:
        return self.folder / "tables" / f"{study}.oof"

    def _found(self, wanted: str) -> str:
        """The id of the one study that is meant."""
        with self._database.reading() as connection:
            studies = connection.execute(sa.select(STUDIES.c.id, STUDIES.c.name).order_by(STUDIES.c.id)).all()
        readings: tuple[list[str], ...] = (
            [study for study, _ in studies if study == wanted],
            [study for study, name in studies if name == wanted],
            [study for study, _ in studies if wanted and (study.startswith(wanted) or study[-4:] == wanted)],
        )
        for meant in readings:
            if len(meant) == 1:
                return meant[0]
            if meant:
                raise UnknownStudy(
                    f"{wanted!r} may mean {len(meant)} studies: {', '.join(meant[:5])}", fix="give the whole id of one"
                )
        known = [word for study, name in studies for word in (study, name) if word]
        close = difflib.get_close_matches(wanted, known, n=3, cutoff=0.4)
        raise UnknownStudy(
            f"there is no study {wanted!r} in {self._database.server.name}",
            fix=f"did you mean {', '.join(close)}?" if close else "list the studies with `luthier runs list`",
        )


def _objects(folder: Path) -> Objects:
    place = os.environ.get(OBJECTS)
    if not place:
        return FolderObjects(folder / "objects")
    if "://" not in place:
        return FolderObjects(Path(place).expanduser())
    from luthier.store.remote_objects import RemoteObjects

    return RemoteObjects(place)


def _prepare(folder: Path) -> None:
    """Make a new store's folders, for the eyes of their owner only."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        for part in ("tables", "objects", "locks"):
            (folder / part).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    write_text_atomic(folder / ".gitignore", _GITIGNORE)
