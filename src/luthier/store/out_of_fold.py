"""The out-of-fold file: every validation prediction of a study, one slab per trial, ready to be memory-mapped.

The layout is a page of header, then for trial t at `HEADER + t * m * k * 4` its (m, k) float32 predictions in slab
order, row by row. Rows nobody has predicted yet are NaN. A fold is acknowledged by its event in the record, which is
written after the fold is on disk, so whatever a crash leaves behind beyond that has never been promised to anyone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from luthier.errors import StoreDamaged, StoreTooNew
from luthier.store.atomic import unwritable, write_bytes_atomic

Predictions = NDArray[np.float32]

FORMAT = "luthier out-of-fold predictions"
VERSION = 1
HEADER = 4096
"""Bytes before the first slab: a page, so that slabs can be mapped from there on any machine."""

_DTYPE = np.dtype("<f4")
_FILL = 1 << 18  # values per write when rows nobody has predicted are filled

# macOS and Windows have no fdatasync; fsync writes a little more and promises the same.
_sync = getattr(os, "fdatasync", os.fsync)


def predictions_digest(predictions: Predictions) -> str:
    """SHA-256 of a fold's predictions as the file holds them: little-endian float32, row by row.

    >>> predictions_digest(np.array([[0.5]], dtype=np.float32))[:16]
    'd99e58435243d9fe'
    """
    return hashlib.sha256(_bytes_of(predictions)).hexdigest()


def check_fits(shape: tuple[int, int], trial: int, start: int, predictions: Predictions) -> None:
    """Refuse predictions that do not lie within one slab.

    Raises
    ------
    ValueError
        Always our own mistake: the engine writes whole folds of the splits.
    """
    m, k = shape
    if predictions.ndim != 2 or predictions.shape[1] != k or not 0 <= start <= m - len(predictions) or trial < 0:
        raise ValueError(f"predictions {predictions.shape} at row {start} of trial {trial} do not fit slabs of {shape}")


class OutOfFoldFile:
    """One study's predictions.

    Parameters
    ----------
    path
        The file; it is made when the first fold is written.
    shape
        (m, k): rows of a slab, and outputs per row.
    """

    def __init__(self, path: Path, shape: tuple[int, int]) -> None:
        if min(shape) < 1:
            raise ValueError(f"a slab has at least one row and one output, not {shape}")
        self.path = path
        self.shape = shape
        self._slab_bytes = shape[0] * shape[1] * _DTYPE.itemsize
        self._ready = False

    def write(self, trial: int, start: int, predictions: Predictions) -> None:
        """Put predictions at slab row `start` of a trial; on return the disk has them.

        Raises
        ------
        ValueError
            When they do not fit into the slab.
        UnwritableFolder
            When the disk does not take them.
        StoreDamaged, StoreTooNew
            When the file is not this study's.
        """
        check_fits(self.shape, trial, start, predictions)
        try:
            if not self._ready:
                self._prepare()
            file = os.open(self.path, os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
            try:
                self._fill_through(file, trial)
                _write_at(file, self._offset(trial) + start * self.shape[1] * _DTYPE.itemsize, _bytes_of(predictions))
                _sync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def read(self, trials: Sequence[int]) -> Predictions:
        """(C, m, k) predictions of these trials, read-only, NaN where nothing was written.

        Consecutive trials come as a view of the mapped file, which costs no memory until it is looked at.

        Raises
        ------
        StoreDamaged
            When the file is missing, is another study's, or ends before a trial's slab does.
        """
        trials = list(trials)
        if not trials:
            return np.empty((0, *self.shape), dtype=np.float32)
        self._check_header()
        n_slabs = (self.path.stat().st_size - HEADER) // self._slab_bytes
        if max(trials) >= n_slabs or min(trials) < 0:
            raise StoreDamaged(
                f"{self.path} is too short: it ends before the predictions of trial {max(trials)}",
                fix="the file was cut after it was written: restore it from a copy, or tune again",
            )
        table = np.memmap(self.path, dtype=_DTYPE, mode="r", offset=HEADER, shape=(n_slabs, *self.shape))
        first = trials[0]
        if trials == list(range(first, first + len(trials))):
            return np.asarray(table[first : first + len(trials)])
        picked = np.asarray(table[trials])
        picked.flags.writeable = False
        return picked

    def _offset(self, trial: int) -> int:
        return HEADER + trial * self._slab_bytes

    def _prepare(self) -> None:
        """Make the file, or see that the one that is there is ours."""
        if self.path.exists():
            self._check_header()
        else:
            write_bytes_atomic(self.path, self._header())
        self._ready = True

    def _header(self) -> bytes:
        facts = {"format": FORMAT, "version": VERSION, "rows": self.shape[0], "outputs": self.shape[1], "dtype": "<f4"}
        return json.dumps(facts).encode().ljust(HEADER - 1) + b"\n"

    def _check_header(self) -> None:
        try:
            with self.path.open("rb") as file:
                header = file.read(HEADER)
        except OSError as error:
            raise StoreDamaged(
                f"cannot read the predictions of the study from {self.path}: {error.strerror or error}",
                fix="restore the file from a copy, or tune again",
            ) from error
        if header == self._header():
            return
        try:
            facts = json.loads(header)
            newer = facts["format"] == FORMAT and facts["version"] > VERSION
        except (ValueError, KeyError, TypeError):
            newer = False
        if newer:
            raise StoreTooNew(
                f"{self.path} was written by a newer Luthier (format {facts['version']}, this one reads {VERSION})",
                fix="upgrade with `pip install --upgrade luthier`",
            )
        raise StoreDamaged(
            f"{self.path} does not hold the predictions of this study ({self.shape[0]} rows, {self.shape[1]} outputs)",
            fix="restore the file from a copy, or tune again",
        )

    def _fill_through(self, file: int, trial: int) -> None:
        """Extend the file with NaN until it holds a trial's whole slab, so that no gap can pass for predictions."""
        size, wanted = os.fstat(file).st_size, self._offset(trial + 1)
        # A killed process may have left a torn fill behind: go on from the last whole value.
        at = HEADER + (size - HEADER) // _DTYPE.itemsize * _DTYPE.itemsize
        while at < wanted:
            n = min(_FILL, (wanted - at) // _DTYPE.itemsize)
            _write_at(file, at, np.full(n, np.nan, dtype=_DTYPE).tobytes())
            at += n * _DTYPE.itemsize


def _bytes_of(predictions: Predictions) -> bytes:
    return np.ascontiguousarray(predictions, dtype=_DTYPE).tobytes()


def _write_at(file: int, offset: int, data: bytes) -> None:
    """All the bytes, even when the system takes them in parts."""
    view = memoryview(data)
    # One writer owns the file, so seek-then-write is as safe as pwrite, which Windows does not have.
    os.lseek(file, offset, os.SEEK_SET)
    while view:
        view = view[os.write(file, view) :]
