"""Lines that are appended while others wait for answers: written in batches by a thread of their own, acknowledged when
they are as safe as was promised, and packed into Parquet once their file is complete.

    <folder>/<day>/<segment>.jsonl      being written, or left by a process that was killed
    <folder>/<day>/<segment>.parquet    the same lines, packed
    <folder>/locks/<segment>.lock       held by the process that writes the segment

A line is complete when its newline is there: what a killed process left torn was never acknowledged, and is left out.
Where a segment lies in both forms, the packed one counts, so that a line is read exactly once whatever instant the
packing stopped at.
"""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from luthier.errors import JournalBehind, StudyBusy, UnwritableFolder
from luthier.store.atomic import sync_folder, unwritable
from luthier.store.locks import StudyLock, is_held

# ruff: noqa: S608 - queries hold nothing of a user's but file names, quoted by `_quoted`

Promise = Literal["queued", "written", "synced"]
"""What an acknowledgement means: nothing yet, or that the lines survive the death of this process (the operating system
has them), or also a power cut (the disk has them)."""

SEGMENT_BYTES = 64 << 20
_LINGER_S = 0.05
_LINE, _PACKED = ".jsonl", ".parquet"


class Journal:
    """An append-only log of lines with one writer thread.

    Parameters
    ----------
    folder
        Where its days lie; made when need be.
    columns
        Name -> DuckDB type of what a line holds, for the packed form.
    promise
        What has happened to lines when they are acknowledged.
    on_kept
        Called in the writer thread with the tickets of lines that are now as safe as promised, and None; or with the
        error that kept them from being written: then none of them is in the log. Not called where nothing is promised.
    capacity
        Lines that may wait; a thread that cannot keep up must slow down those who ask, not eat the memory.
    segment_bytes
        A file that has grown so large is packed and a new one begun; so it is when a new day begins (UTC).
    keep_days
        Older days are removed; None keeps all.

    Raises
    ------
    UnwritableFolder
        The folder does not take files.
    """

    def __init__(
        self,
        folder: Path,
        columns: Mapping[str, str],
        *,
        promise: Promise = "written",
        on_kept: Callable[[list[Any], OSError | None], None] | None = None,
        capacity: int = 20_000,
        segment_bytes: int = SEGMENT_BYTES,
        keep_days: int | None = None,
    ) -> None:
        self.folder, self.promise, self.capacity = folder, promise, capacity
        self._columns, self._on_kept = columns, on_kept
        self._segment_bytes, self._keep_days = segment_bytes, keep_days
        self._waiting: deque[tuple[bytes, int, Any]] = deque()
        self._n_waiting = 0
        self._changed = threading.Condition()
        self._closing = False
        self.lost: OSError | None = None
        """Why the latest lines could not be written, until lines can be written again."""
        self._segment = _Segment(folder)
        self._thread = threading.Thread(target=self._run, name=f"journal {folder.name}", daemon=True)
        self._thread.start()

    @property
    def n_waiting(self) -> int:
        """Lines that are not written yet."""
        return self._n_waiting

    def append(self, lines: bytes, n_lines: int, ticket: Any = None) -> None:
        """Hand over whole lines, each with its newline.

        Raises
        ------
        JournalBehind
            Too many lines wait already; these were not taken.
        """
        with self._changed:
            if self._closing or self._n_waiting + n_lines > max(self.capacity, n_lines):
                raise JournalBehind(
                    f"the log in {self.folder} is {self._n_waiting:,} lines behind", fix="try again in a second"
                )
            self._waiting.append((lines, n_lines, ticket))
            self._n_waiting += n_lines
            self._changed.notify()

    def close(self) -> None:
        """Write what waits, and pack the file. Closing twice is no error."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    # --- the writer's thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        _tidy(self.folder, self._columns, self._keep_days)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    break
                linger = self.promise == "queued" and not self._closing
            if linger:  # nobody waits for these lines: fewer, larger writes
                threading.Event().wait(_LINGER_S)
            with self._changed:
                batch = list(self._waiting)
                self._waiting.clear()
            self._write(batch)
        self._segment.finish(self._columns)

    def _write(self, batch: list[tuple[bytes, int, Any]]) -> None:
        self.lost = None
        try:
            if self._segment.is_over(self._segment_bytes):
                full, self._segment = self._segment, _Segment(self.folder)
                full.finish(self._columns)
                _remove_old(self.folder, self._keep_days)
            self._segment.write(b"".join(lines for lines, _, _ in batch), sync=self.promise == "synced")
        except (OSError, UnwritableFolder) as error:
            self.lost = error if isinstance(error, OSError) else OSError(error.what)
        with self._changed:
            self._n_waiting -= sum(n for _, n, _ in batch)
        if self._on_kept is not None and self.promise != "queued":
            self._on_kept([ticket for _, _, ticket in batch], self.lost)


class _Segment:
    """One file of lines, and the lock that says it is being written."""

    def __init__(self, folder: Path) -> None:
        now = datetime.now(UTC)
        self.day = now.date()
        name = f"{now:%H%M%S}-{secrets.token_hex(6)}"
        self.path = folder / self.day.isoformat() / f"{name}{_LINE}"
        try:
            for made in (self.path.parent, folder / "locks"):
                made.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = StudyLock(_lock_path(self.path), f"the log {self.path}")
            self._handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            sync_folder(self.path.parent)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self._n_bytes = 0

    def is_over(self, most_bytes: int) -> bool:
        return self._n_bytes >= most_bytes or datetime.now(UTC).date() != self.day

    def write(self, data: bytes, *, sync: bool) -> None:
        """Write all of it or nothing."""
        written = 0
        try:
            while written < len(data):
                written += os.write(self._handle, data[written:])
            if sync:
                os.fdatasync(self._handle) if hasattr(os, "fdatasync") else os.fsync(self._handle)
        except OSError:
            # A full disk takes a part. Whoever reads must not find lines that were reported as lost.
            os.ftruncate(self._handle, self._n_bytes)
            raise
        self._n_bytes += len(data)

    def finish(self, columns: Mapping[str, str]) -> None:
        """Close the file and pack it."""
        os.close(self._handle)
        try:
            pack_segment(self.path, columns)
        finally:
            self._lock.release()
            _lock_path(self.path).unlink(missing_ok=True)


def _lock_path(segment: Path) -> Path:
    return segment.parent.parent / "locks" / f"{segment.stem}.lock"


def _tidy(folder: Path, columns: Mapping[str, str], keep_days: int | None) -> None:
    """Pack what killed processes left, and remove days that are too old."""
    for segment in sorted(folder.glob(f"*/*{_LINE}")):
        lock = _lock_path(segment)
        if is_held(lock):
            continue
        with suppress(StudyBusy), StudyLock(lock, f"the log {segment}", wait_s=0):
            pack_segment(segment, columns)
            lock.unlink(missing_ok=True)
    _remove_old(folder, keep_days)


def _remove_old(folder: Path, keep_days: int | None) -> None:
    if keep_days is None:
        return
    first = datetime.now(UTC).date() - timedelta(days=keep_days)
    for path in days_of(folder):
        if date.fromisoformat(path.name) < first:
            shutil.rmtree(path)


def days_of(folder: Path) -> list[Path]:
    """The folders of the days, in order."""
    return sorted(path for path in folder.glob("????-??-??") if path.is_dir())


def pack_segment(segment: Path, columns: Mapping[str, str]) -> None:
    """Turn a complete file of lines into Parquet. Where the disk does not take it, the lines stay and are read."""
    packed = segment.with_suffix(_PACKED)
    if segment.exists() and (packed.exists() or _packed(segment, packed, columns)):
        segment.unlink()


def _packed(segment: Path, packed: Path, columns: Mapping[str, str]) -> bool:
    import duckdb

    draft = segment.with_suffix(".draft")
    try:
        _drop_torn_line(segment)
        if segment.stat().st_size:
            with duckdb.connect() as connection:
                connection.execute("SET threads = 1")
                connection.execute(
                    f"COPY ({_select_lines([segment], columns)}) TO {_quoted(str(draft))} (FORMAT parquet)"
                )
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(packed)
            sync_folder(packed.parent)
    except (OSError, duckdb.Error):
        draft.unlink(missing_ok=True)
        return False
    return True


def _drop_torn_line(segment: Path) -> None:
    data = segment.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(segment, whole)


def select_all(columns: Mapping[str, str], days: Sequence[Path]) -> str | None:
    """SQL that reads every line of these days once, in both forms; None where there is none."""
    packed = {path for day in days for path in day.glob(f"*{_PACKED}")}
    names = {(path.parent, path.stem) for path in packed}
    open_ones = [
        path for day in days for path in sorted(day.glob(f"*{_LINE}")) if (path.parent, path.stem) not in names
    ]
    parts = []
    if packed:
        listed = ", ".join(_quoted(str(path)) for path in sorted(packed))
        parts.append(f"SELECT {_names(columns)} FROM read_parquet([{listed}])")
    lines = [path for path in open_ones if path.stat().st_size]
    if lines:
        parts.append(_select_lines(lines, columns))
    return " UNION ALL ".join(parts) or None


def _select_lines(paths: Sequence[Path], columns: Mapping[str, str]) -> str:
    listed = ", ".join(_quoted(str(path)) for path in paths)
    # A line that is being written at this instant has no newline yet and cannot be parsed: it is not there yet.
    types = ", ".join(f"{_quoted(name)}: {_quoted(kind)}" for name, kind in columns.items())
    return (
        f"SELECT {_names(columns)} FROM read_json([{listed}], format = 'newline_delimited', "
        f"columns = {{{types}}}, ignore_errors = true, maximum_object_size = {SEGMENT_BYTES}) "
        f'WHERE "{next(iter(columns))}" IS NOT NULL'
    )


def _names(columns: Mapping[str, str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
