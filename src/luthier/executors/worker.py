"""What a worker process does: receive the work once, then run job after job until the engine hangs up."""

from __future__ import annotations

import contextlib
import pickle
import socket
import sys
from pathlib import Path

from luthier.executors.cores import hold_threads
from luthier.executors.execution import Finish, carry_out, out_of_memory
from luthier.executors.handoff import receive
from luthier.executors.wire import Wire
from luthier.tuning.jobs import FoldState, error_line

# Messages to the engine: Ready or Unfit once, then for every job a (job id, Finish).


class Ready:
    """The work has been received; jobs may come."""


class Unfit(str):
    """The work could not be received; the text says why."""

    __slots__ = ()


def serve(sock: socket.socket, source: int | tuple[str, int], threads: int, memory_mb: float | None) -> None:
    """Work until the engine hangs up.

    Parameters
    ----------
    sock
        This worker's end of its wire.
    source
        Where the handoff is: see `handoff.receive`.
    threads
        Threads a job may use.
    memory_mb
        What a job may allocate beyond what this process holds before its first one; None for no limit. Enforced by the
        kernel on Linux; elsewhere the engine watches.
    """
    wire = Wire(sock)
    try:
        hold_threads(threads)
        settings, work = receive(source)
        settings.adopt()
    except Exception as error:  # noqa: BLE001  (a user's class may do anything while it is unpickled; the engine reports it)
        wire.send(Unfit(error_line(error)))
        return
    if memory_mb is not None and sys.platform == "linux":
        limit_memory(memory_mb)
    wire.send(Ready())
    while True:
        try:
            job = wire.receive()
        except EOFError:
            return
        finish = carry_out(work, job, threads)
        with contextlib.suppress(OSError):  # what a job printed must not die with the worker, which may be killed next
            sys.stdout.flush()
        try:
            wire.send((job.id, finish))
        except (MemoryError, pickle.PicklingError, TypeError, AttributeError) as error:
            state: FoldState = "OOM" if out_of_memory(error) else "FAILED"
            wire.send((job.id, Finish(state, None, error_line(error), finish.seconds, finish.cpu_s)))


def limit_memory(memory_mb: float) -> None:
    """Let this process allocate so much more than it has now, and not a byte beyond (Linux).

    Notes
    -----
    RLIMIT_DATA counts private writable memory: the heap, anonymous mappings, thread stacks. Unlike RLIMIT_AS it does
    not count the shared data that came by `handoff`, nor the libraries. An allocation beyond it fails at once, so the
    fold ends with a MemoryError (or std::bad_alloc) instead of the machine beginning to swap.
    """
    import resource

    used_kb = next(
        int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData")
    )
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = used_kb * 1024 + int(memory_mb * 1e6)
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
