"""The store of one project: its studies, opened, found, listed and removed."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from luthier.canonical import canonical_json
from luthier.errors import UnknownStudy, UsageError
from luthier.store.atomic import unwritable, write_text_atomic
from luthier.store.database import Database
from luthier.store.listing import StudyRow, interrupted, list_studies
from luthier.store.locks import StudyLock, is_held
from luthier.store.log import StoredStudyLog, StudyPlaces
from luthier.store.objects import Objects
from luthier.store.registered import RegisteredModels
from luthier.store.study_ids import new_study_id
from luthier.store.tables import KEPT, RELEASED, STUDIES

DEFAULT = ".luthier"
VARIABLE = "LUTHIER_STORE"

_GITIGNORE = "# Records and predictions of this machine's studies: nothing to commit.\n*\n"


class Store:
    """A folder of studies. Open it with `Store.open`; it is a context manager.

    Attributes
    ----------
    folder
        Where it lives.
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

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._database = Database(folder / "meta.db")
        self._objects = Objects(folder / "objects")
        self.models = RegisteredModels(self._database, self._objects)

    @classmethod
    def open(cls, location: str | Path | None = None, *, create: bool = True) -> Self:
        """Open the store at a folder, making it when there is none.

        Parameters
        ----------
        location
            The folder; None for what `LUTHIER_STORE` names, else `.luthier` in the current folder.
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
        UnknownStudy
            When there is no store and `create` is False.
        UsageError
            When the location is not a folder's.
        """
        folder = _folder(location)
        if not (folder / "meta.db").exists():
            if not create:
                raise UnknownStudy(
                    f"there are no studies here: {folder} does not exist or holds none",
                    fix=f"run `luthier tune` first, or name the folder of an existing store with {VARIABLE}",
                )
            _prepare(folder)
        return cls(folder)

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
            return list_studies(connection, lambda study: is_held(self._lock_path(study)))

    def lock(self, study: str) -> StudyLock:
        """Take the right to run a study; `study` as for `load`. The kernel gives it back when the process dies.

        Raises
        ------
        StudyBusy
            When another process has it, naming that process.
        """
        study = self._found(study)
        return StudyLock(self._lock_path(study), f"study {study}")

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
        try:
            with self.lock(study), self._database.writing() as connection:
                # Files go before the rows that name them: a removal that is cut short can be said again.
                for digest in connection.scalars(mine.where(KEPT.c.digest.not_in(others))).all():
                    self._objects.remove(digest)
                self._table_path(study).unlink(missing_ok=True)
                connection.execute(STUDIES.delete().where(STUDIES.c.id == study))
            self._lock_path(study).unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    # --- small parts --------------------------------------------------------------------------------------------------

    def _log(self, study: str, shape: tuple[int, int] | None) -> StoredStudyLog:
        return StoredStudyLog(study, StudyPlaces(self._database, self._table_path(study), self._objects), shape)

    def _table_path(self, study: str) -> Path:
        return self.folder / "tables" / f"{study}.oof"

    def _lock_path(self, study: str) -> Path:
        return self.folder / "locks" / f"{study}.lock"

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
            f"there is no study {wanted!r} in {self.folder}",
            fix=f"did you mean {', '.join(close)}?" if close else "list the studies with `luthier runs list`",
        )


def _folder(location: str | Path | None) -> Path:
    place = location or os.environ.get(VARIABLE) or DEFAULT
    if "://" in str(place):
        raise UsageError(
            f"{place} is not a folder, and this version keeps its records in folders only",
            fix=f"give the path of a folder, or unset {VARIABLE}",
        )
    return Path(place).expanduser()


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
