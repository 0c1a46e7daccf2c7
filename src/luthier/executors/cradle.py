"""Where workers come from: the seam between the executor and the two ways of starting processes."""

from __future__ import annotations

import signal
import socket
from dataclasses import dataclass
from typing import Protocol

from luthier.executors.handoff import Handoff


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a worker.

    Attributes
    ----------
    number
        Which worker.
    exit_code
        Its exit status, or minus the number of the signal that killed it.
    cpu_s
        CPU seconds of its whole life, with those of its children it waited for; 0 where unknown.
    """

    number: int
    exit_code: int
    cpu_s: float

    @property
    def killed(self) -> bool:
        """Whether it was SIGKILL: by hand, or by the kernel for want of memory."""
        return self.exit_code == -9  # Windows has no name for it

    def __str__(self) -> str:
        if self.exit_code >= 0:
            return f"the worker process exited with status {self.exit_code}"
        try:
            return f"the worker process was killed by {signal.Signals(-self.exit_code).name}"
        except ValueError:  # real-time signals have no name
            return f"the worker process was killed by signal {-self.exit_code}"


class Cradle(Protocol):
    """Starts and ends worker processes. Workers are known by numbers, which are never used twice."""

    look_s: float | None
    """How often `deaths` must be asked; None where `channel` tells."""

    @property
    def channel(self) -> socket.socket | None:
        """Becomes readable when there is news of a death; None where there is no such thing (yet)."""
        ...

    def start(self, number: int, sock: socket.socket, handoff: Handoff, threads: int, memory_mb: float | None) -> None:
        """Start a worker that runs `worker.serve`; a start that fails is a death."""
        ...

    def kill(self, number: int) -> None:
        """Kill a worker and everything it started, at once; nothing happens if it is dead."""
        ...

    def deaths(self) -> list[Death]:
        """Workers that have died since the last call."""
        ...

    def close(self) -> None:
        """Kill all workers and wait until they are gone. A later `start` begins anew."""
        ...
