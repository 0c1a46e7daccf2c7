"""Workers as fresh interpreters, for systems without a `nursery`: slower to start, with less help from the kernel."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.process
import os
import signal
import socket
import sys
import threading
import types
from collections.abc import Iterator
from multiprocessing.context import SpawnProcess
from multiprocessing.reduction import DupFd
from typing import Any

from luthier.executors.cradle import Death
from luthier.executors.handoff import Handoff
from luthier.executors.worker import serve


class Spawner:
    """A `Cradle` on multiprocessing's spawn method (macOS, Windows).

    Notes
    -----
    Forking a process that has loaded Apple's frameworks is unsound, and Windows cannot fork, so every worker imports
    its libraries itself. A worker whose engine was killed ends by a thread of its own, which needs Python's lock: one
    that hangs in C code while holding that lock stays until it lets go.
    """

    look_s: float | None = 0.1
    channel: socket.socket | None = None

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._workers: dict[int, SpawnProcess] = {}
        self._stillborn: list[Death] = []

    def start(self, number: int, sock: socket.socket, handoff: Handoff, threads: int, memory_mb: float | None) -> None:
        """Start a worker; it speaks for itself through `sock`."""
        source: Any = handoff.name if sys.platform == "win32" else DupFd(handoff.descriptor)
        process = self._context.Process(
            target=_live, args=(sock, source, threads, memory_mb), name=f"luthier worker {number}"
        )
        try:
            with _without_main():
                process.start()
        except OSError:
            self._stillborn.append(Death(number, 1, 0.0))
        else:
            self._workers[number] = process

    def kill(self, number: int) -> None:
        """Kill a worker and, where process groups exist, everything it started."""
        process = self._workers.get(number)
        if process is None or process.pid is None:
            return
        if sys.platform != "win32":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()

    def deaths(self) -> list[Death]:
        """Workers that have died since the last call."""
        dead, self._stillborn = self._stillborn, []
        for number, process in list(self._workers.items()):
            if (code := process.exitcode) is not None:
                del self._workers[number]
                process.close()
                dead.append(Death(number, code, 0.0))
        return dead

    def pid(self, number: int) -> int | None:
        """The process id of a living worker."""
        process = self._workers.get(number)
        return process.pid if process else None

    def close(self) -> None:
        """Kill all workers and wait until they are gone."""
        for number in self._workers:
            self.kill(number)
        for process in self._workers.values():
            process.join()
            process.close()
        self._workers.clear()


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hide the user's script from multiprocessing, which would have every worker run it again.

    The work travels by value, so workers have no use for it; and a script without `if __name__ == "__main__"` would
    start the whole study anew in each of them. multiprocessing learns of the script from `sys.modules["__main__"]`.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _live(sock: socket.socket, source: Any, threads: int, memory_mb: float | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the engine to decide on
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if sys.platform != "win32":
        os.setpgid(0, 0)
        os.dup2(2, 1)  # what a library prints must not mix with what we print
    with contextlib.suppress(BrokenPipeError, ConnectionResetError), sock:  # the engine hung up
        serve(sock, source if sys.platform == "win32" else source.detach(), threads, memory_mb)


def _die_with_parent() -> None:
    parent = multiprocessing.process.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
