"""Locks that the kernel releases when their holder dies, so that no crash leaves a study locked."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from luthier.errors import StudyBusy
from luthier.store.atomic import unwritable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_RETRY_S = 0.01
_PATIENCE_S = 0.25
"""Looking whether a study runs holds its lock for an instant; whoever wants to run it then must not give up at once."""


class StudyLock:
    """The right to run a study, held from creation until `release` or the end of the process.

    Parameters
    ----------
    path
        The lock's file. It holds the number of the latest holder and outlives the lock, which is the kernel's.
    subject
        What is locked, for the message.
    wait_s
        How long to wait for another holder.

    Raises
    ------
    StudyBusy
        When another holder keeps it longer than that; the message names its process.
    UnwritableFolder
        When the lock's file cannot be made, or its disk knows no locks.

    Notes
    -----
    `flock` on POSIX (a lock of the open file, so two logs in one process exclude each other too), `msvcrt.locking` on
    Windows. Programs started by the holder do not inherit it; a bare `os.fork` without exec would.
    """

    def __init__(self, path: Path, subject: str, wait_s: float = _PATIENCE_S) -> None:
        self._handle: int | None = None
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
            mine = _wait_for(self._handle, wait_s)
            if mine:
                os.ftruncate(self._handle, 0)
                os.lseek(self._handle, 0, os.SEEK_SET)
                os.write(self._handle, f"{os.getpid()}\n".encode())
        except OSError as error:
            self.release()
            raise unwritable(path, error) from error
        if not mine:
            self.release()
            raise StudyBusy(
                f"{subject} is being run by {_holder(path)}",
                fix="wait until it is done, or stop that process: what it has finished is kept",
            )

    def release(self) -> None:
        """Let others have it. Releasing twice is no error."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            os.close(handle)  # releases the lock: nobody else has this open file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


def _wait_for(handle: int, wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while not _try_lock(handle):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_RETRY_S)
    return True


def is_held(path: Path) -> bool:
    """Whether some process holds the lock at this moment."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return False  # a store we may only read: nobody who could run studies there is us
    try:
        return not _try_lock(handle)
    finally:
        os.close(handle)


def _holder(path: Path) -> str:
    """The process that holds the lock, as far as its file tells."""
    try:
        number = path.read_text().strip()
    except OSError:
        number = ""
    return f"process {number}" if number.isdigit() else "another process"


if sys.platform == "win32":
    _FAR_AWAY = 1 << 30  # the locked byte lies beyond the text, because Windows locks forbid reading

    def _try_lock(handle: int) -> bool:
        os.lseek(handle, _FAR_AWAY, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
