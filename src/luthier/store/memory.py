"""One study's record in memory: the same promises as on disk, except that nothing outlives the process."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from luthier.errors import StoreDamaged
from luthier.store.chain import continuation, tip_of
from luthier.store.out_of_fold import Predictions, check_fits
from luthier.tuning.record import Event, check_chain


class MemoryStudyLog:
    """Meets `luthier.tuning.record.StudyLog` without touching a disk.

    Parameters
    ----------
    study
        What to call it.
    shape
        (m, k) of a slab of out-of-fold predictions; None for a study without any.
    """

    def __init__(self, study: str = "in-memory", shape: tuple[int, int] | None = None) -> None:
        self.study = study
        self.shape = shape
        self._events: list[Event] = []
        self._slabs: dict[int, Predictions] = {}
        self._objects: dict[str, bytes] = {}

    def events(self) -> list[Event]:
        """All events so far, in order."""
        check_chain(self._events)
        return list(self._events)

    def append(self, events: Sequence[Event]) -> None:
        """Add events, all or none; those that are already the newest of the record are passed over.

        Raises
        ------
        ValueError
            When they do not continue the chain.
        """
        self._events.extend(continuation(self.study, tip_of(self._events), events))

    def write_fold(self, trial: int, start: int, predictions: Predictions) -> None:
        """Put a fold's predictions at slab row `start` of a trial.

        Raises
        ------
        ValueError
            When they do not fit into the slab, or the study has none.
        """
        shape = self._shape()
        check_fits(shape, trial, start, predictions)
        slab = self._slabs.setdefault(trial, np.full(shape, np.nan, dtype=np.float32))
        slab[start : start + len(predictions)] = predictions

    def read_predictions(self, trials: Sequence[int]) -> Predictions:
        """(C, m, k) predictions of these trials, read-only, in slab order; NaN for rows nobody has predicted.

        Raises
        ------
        StoreDamaged
            When nothing was ever written for a trial or a later one.
        """
        shape = self._shape()
        if missing := [trial for trial in trials if not 0 <= trial <= max(self._slabs, default=-1)]:
            raise StoreDamaged(f"there are no predictions of trial {missing[0]}", fix="read finished trials only")
        table = np.full((len(trials), *shape), np.nan, dtype=np.float32)
        for row, trial in enumerate(trials):
            if trial in self._slabs:
                table[row] = self._slabs[trial]
        table.flags.writeable = False
        return table

    def keep(self, data: bytes) -> str:
        """Keep bytes with the study and return their digest."""
        digest = hashlib.sha256(data).hexdigest()
        self._objects[digest] = data
        return digest

    def kept(self, digest: str) -> bytes:
        """The bytes of that digest.

        Raises
        ------
        StoreDamaged
            When there are none.
        """
        if digest not in self._objects:
            raise StoreDamaged(f"no bytes of digest {digest} were kept", fix="keep them before reading them")
        return self._objects[digest]

    def _shape(self) -> tuple[int, int]:
        if self.shape is None:
            raise ValueError(f"study {self.study} was created without a shape, so it holds no predictions")
        return self.shape
