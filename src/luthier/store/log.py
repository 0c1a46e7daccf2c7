"""One study's record on disk: events in the database, predictions in its out-of-fold file, bytes among the objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from luthier.errors import StoreDamaged, StudyBusy, UnknownStudy
from luthier.store.chain import Tip, continuation, tip_of
from luthier.store.chains import Chains
from luthier.store.database import Database
from luthier.store.objects import Objects
from luthier.store.out_of_fold import OutOfFoldFile, Predictions, predictions_digest
from luthier.store.tables import EVENTS, KEPT, STUDIES
from luthier.tuning.record import Event


@dataclass(frozen=True, slots=True)
class StudyPlaces:
    """Where the parts of one study live: the database, its out-of-fold file, and the store's objects."""

    database: Database
    table: Path
    objects: Objects


class StoredStudyLog:
    """Meets `luthier.tuning.record.StudyLog`. Made by `Store.create_study` and `Store.load`.

    Parameters
    ----------
    study
        Id of the study.
    places
        Where its parts live.
    shape
        (m, k) of a slab of out-of-fold predictions; None for a study without any.

    Attributes
    ----------
    study, shape
        As given.
    """

    def __init__(self, study: str, places: StudyPlaces, shape: tuple[int, int] | None) -> None:
        self.study = study
        self.shape = shape
        self._database = places.database
        self._objects = places.objects
        self._table = None if shape is None else OutOfFoldFile(places.table, shape)
        self._chains = Chains(places.database, EVENTS)
        self._tip: Tip | None = None

    # --- events -------------------------------------------------------------------------------------------------------

    def events(self) -> list[Event]:
        """All events so far, in order, every seal recomputed.

        Raises
        ------
        StoreDamaged
            Naming the first event that was changed, torn or lost.
        """
        with self._database.reading() as connection:
            events = self._chains.read(self.study, connection)
        self._tip = tip_of(events)
        return events

    def append(self, events: Sequence[Event]) -> None:
        """Write events as one durable transaction: when this returns they are on disk, and if it raises none is.

        Saying again what is already the newest of the record is no error, so an interrupted call can be repeated.

        Raises
        ------
        ValueError
            When they do not continue the chain.
        StudyBusy
            When another process has continued it meanwhile.
        UnknownStudy
            When the study has been removed meanwhile.
        """
        fresh = continuation(self.study, self._tip or self._newest(), events)
        if not fresh:
            return
        self._tip = None  # unknown until the commit is: an interrupt may strike on either side of it
        try:
            with self._database.writing() as connection:
                self._chains.insert(self.study, fresh, connection)
        except sa.exc.IntegrityError as error:
            raise self._conflict() from error
        self._tip = tip_of(fresh)

    def _newest(self) -> Tip:
        with self._database.reading() as connection:
            return self._chains.newest(self.study, connection)

    def _conflict(self) -> StudyBusy | UnknownStudy:
        """Why the database refused events that continue the chain as we knew it."""
        with self._database.reading() as connection:
            there = connection.scalar(sa.select(STUDIES.c.id).where(STUDIES.c.id == self.study))
        if there is None:
            return UnknownStudy(f"study {self.study} was removed while it ran", fix="tune again")
        return StudyBusy(
            f"another process has continued study {self.study}", fix="let it finish, or stop it and run this again"
        )

    # --- predictions --------------------------------------------------------------------------------------------------

    def write_fold(self, trial: int, start: int, predictions: Predictions) -> None:
        """Put a fold's predictions at slab row `start` of a trial; on return the disk has them.

        Raises
        ------
        ValueError
            When they do not fit into the slab, or the study has none.
        UnwritableFolder
            When the disk does not take them.
        """
        self._slabs().write(trial, start, predictions)

    def read_predictions(self, trials: Sequence[int]) -> Predictions:
        """(C, m, k) predictions of these trials, read-only, in slab order; NaN for rows nobody has predicted.

        Raises
        ------
        StoreDamaged
            When the file is missing, another study's, or too short.
        """
        return self._slabs().read(trials)

    def read_fold(self, trial: int, start: int, n_rows: int, digest: str | None = None) -> Predictions:
        """(n_rows, k) predictions of one fold, verified against the digest its event carries when that is given.

        Raises
        ------
        StoreDamaged
            When they are not what was acknowledged.
        """
        predictions: Predictions = self.read_predictions([trial])[0, start : start + n_rows]
        if digest is not None:
            self._verify(predictions, trial, start, digest)
        return predictions

    def check_predictions(self, events: Iterable[Event], starts: Sequence[int]) -> int:
        """Verify every acknowledged fold against the digest in its event.

        Parameters
        ----------
        events
            The record; `fold.finished` events carry `trial`, `fold` and the digest under `predictions`.
        starts
            First slab row of every fold.

        Returns
        -------
        int
            How many folds were verified.

        Raises
        ------
        StoreDamaged
            Naming the first trial whose predictions are missing or changed.
        """
        if self.shape is None:
            return 0
        # A fold that was run again was overwritten: its latest acknowledgement counts.
        sealed: dict[tuple[int, int], str] = {}
        for event in events:
            if event.kind == "fold.finished" and event.body.get("predictions"):
                sealed[event.body["trial"], event.body["fold"]] = event.body["predictions"]
            elif event.kind == "trial.proposed" and event.body.get("continues") is not None:
                earlier = event.body["continues"]
                inherited = {fold: seal for (trial, fold), seal in sealed.items() if trial == earlier}
                sealed |= {(event.body["trial"], fold): seal for fold, seal in inherited.items()}
        if not sealed:
            return 0
        ends = [*starts[1:], self.shape[0]]
        table = self.read_predictions(range(max(trial for trial, _ in sealed) + 1))
        for (trial, fold), digest in sealed.items():
            self._verify(table[trial, starts[fold] : ends[fold]], trial, starts[fold], digest)
        return len(sealed)

    def _verify(self, predictions: Predictions, trial: int, start: int, digest: str) -> None:
        if predictions_digest(predictions) != digest:
            raise StoreDamaged(
                f"the predictions of trial {trial} from row {start} on are not what study {self.study} recorded",
                fix="the file was changed after it was written: restore it from a copy, or tune again",
            )

    def _slabs(self) -> OutOfFoldFile:
        if self._table is None:
            raise ValueError(f"study {self.study} was created without a shape, so it holds no predictions")
        return self._table

    # --- objects ------------------------------------------------------------------------------------------------------

    def keep(self, data: bytes) -> str:
        """Keep bytes (a fitted model) with the study and return the digest to write into the record.

        Raises
        ------
        UnwritableFolder
            When the disk does not take them.
        """
        # Inside the transaction, so that a removal elsewhere cannot take the bytes between writing and claiming them.
        with self._database.writing() as connection:
            self._database.server.claim_objects(connection, alone=False)
            digest = self._objects.put(data)
            claim = {"study": self.study, "digest": digest}
            claimed = sa.select(KEPT.c.digest).where(KEPT.c.study == self.study, KEPT.c.digest == digest)
            if connection.scalar(claimed) is None:
                connection.execute(KEPT.insert(), {**claim, "n_bytes": len(data)})
        return digest

    def kept(self, digest: str) -> bytes:
        """The bytes of that digest, verified.

        Raises
        ------
        StoreDamaged
            When they are missing or changed.
        """
        return self._objects.get(digest)
