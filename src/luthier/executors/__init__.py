"""Where trials run: in the calling process, or in supervised processes on this machine.

An executor meets `luthier.tuning.jobs.Executor` and is made by its class method `for_work`. To add one, write its file
and list it here.
"""

from __future__ import annotations

from typing import Protocol

from luthier.errors import UnknownChoice
from luthier.executors.inline import InlineExecutor
from luthier.executors.processes import ProcessExecutor
from luthier.tuning.jobs import Executor, Work

__all__ = ["EXECUTORS", "InlineExecutor", "ProcessExecutor", "make_executor"]


class _Maker(Protocol):
    def __call__(
        self, work: Work, *, n_jobs: int | None = None, threads: int | None = None, memory_mb: float | None = None
    ) -> Executor: ...


EXECUTORS: dict[str, _Maker] = {kind.name: kind.for_work for kind in (InlineExecutor, ProcessExecutor)}


def make_executor(
    name: str,
    work: Work,
    *,
    n_jobs: int | None = None,
    threads: int | None = None,
    memory_mb: float | None = None,
) -> Executor:
    """An executor by its name.

    Parameters
    ----------
    name
        One of `EXECUTORS`, or "auto": processes, even for one job at a time, since only they can enforce limits.
    work
        What the jobs are jobs of.
    n_jobs
        How many at a time; -1 or None for one per core.
    threads
        Threads a job may use; by default the cores are shared evenly. Name it where results must not depend on
        `n_jobs`: some libraries round differently with another number of threads.
    memory_mb
        What one job may allocate; None for no limit.

    Raises
    ------
    UnknownChoice
        There is no executor of that name.
    UsageError
        `n_jobs` does not fit the executor, or the work cannot be handed to worker processes.
    """
    maker = EXECUTORS.get("processes" if name == "auto" else name)
    if maker is None:
        raise UnknownChoice(f"there is no executor {name!r}", fix=f"use one of {', '.join(sorted(EXECUTORS))}, or auto")
    return maker(work, n_jobs=n_jobs, threads=threads, memory_mb=memory_mb)
