"""Run jobs in the calling process: for debugging, profiling, and benchmarks under another clock."""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Self

import numpy as np
from threadpoolctl import ThreadpoolController

from luthier.errors import UsageError
from luthier.executors.cores import share_cores
from luthier.executors.execution import carry_out
from luthier.tuning.jobs import Job, Outcome, Work


class InlineExecutor:
    """One job at a time, in this process and thread, when `wait` is called.

    Nothing can be interrupted here, so a job's `limit_s` and the memory limit are not enforced: a fold that overruns
    still counts as DONE, and budgets hold between folds. A crash of the work is a crash of the caller. Use the process
    executor for anything that matters.

    Parameters
    ----------
    work
        What to run. Not copied.
    threads
        Threads a job may use, by BLAS and OpenMP too; None leaves the libraries alone.

    Attributes
    ----------
    cpu_s
        CPU seconds spent in jobs so far.
    """

    name: ClassVar[str] = "inline"

    def __init__(self, work: Work, threads: int | None = None) -> None:
        self.slots = 1
        self.cpu_s = 0.0
        self._work = work
        self._threads = threads or share_cores(1)[1]
        self._pins = threads is not None
        self._queue: deque[Job] = deque()
        self._ended: list[Outcome] = []
        self._pools: ThreadpoolController | None = None
        self._modules = 0

    @classmethod
    def for_work(
        cls, work: Work, *, n_jobs: int | None = None, threads: int | None = None, memory_mb: float | None = None
    ) -> Self:
        """As `make_executor` calls it; `memory_mb` cannot be enforced here and is ignored.

        Raises
        ------
        UsageError
            More than one job at a time is asked for.
        """
        del memory_mb
        if n_jobs not in (None, 1):
            raise UsageError(
                f'executor="inline" runs one fold at a time, so n_jobs cannot be {n_jobs}',
                fix='use n_jobs=1, or executor="processes"',
            )
        return cls(work, threads or share_cores(1)[1])

    def submit(self, job: Job) -> None:
        """Queue a job for the next `wait`."""
        self._queue.append(job)

    def wait(self, timeout_s: float | None) -> list[Outcome]:
        """Run the next job and return its outcome, however long it takes; [] when none waits or `timeout_s` is 0.

        Raises
        ------
        KeyboardInterrupt
            Ctrl-C during the run: the job's outcome, STOPPED, comes with the next call.
        """
        if not self._ended and self._queue and (timeout_s is None or timeout_s > 0):
            self._ended.append(self._run(self._queue.popleft()))
        ended, self._ended = self._ended, []
        return ended

    def stop(self, job_ids: Collection[int]) -> None:
        """Take jobs out of the queue; their outcomes arrive as STOPPED."""
        self._ended += [Outcome(job, "STOPPED", None, 0.0, "stopped") for job in self._queue if job.id in job_ids]
        self._queue = deque(job for job in self._queue if job.id not in job_ids)

    def running(self) -> tuple[int, ...]:
        """Ids of the jobs submitted and not yet returned."""
        return tuple(outcome.job.id for outcome in self._ended) + tuple(job.id for job in self._queue)

    def close(self) -> None:
        """Forget what was queued."""
        self._queue.clear()
        self._ended.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, job: Job) -> Outcome:
        legacy, python = np.random.get_state(), random.getstate()  # noqa: NPY002  (the caller's, put back below)
        try:
            with self._pinned():
                finish = carry_out(self._work, job, self._threads)
        except KeyboardInterrupt:
            self._ended.append(Outcome(job, "STOPPED", None, 0.0, "stopped by Ctrl-C"))
            raise
        finally:
            np.random.set_state(legacy)  # noqa: NPY002
            random.setstate(python)
        self.cpu_s += finish.cpu_s
        return Outcome(job, finish.state, finish.result, finish.seconds, finish.error)

    def _pinned(self) -> AbstractContextManager[Any]:
        if not self._pins:
            return nullcontext()
        # Finding the thread pools takes 2 ms, setting them 0.02 ms: look again only when something was imported.
        if self._pools is None or self._modules != len(sys.modules):
            self._pools, self._modules = ThreadpoolController(), len(sys.modules)
        limited: AbstractContextManager[Any] = self._pools.limit(limits=self._threads)
        return limited
