"""Run jobs in supervised worker processes: whatever happens to one, every other job goes on.

Each worker has a wire of its own and shares nothing with the others but read-only data. The executor is
single-threaded: it looks after its workers whenever the engine is in `submit`, `wait` or `stop`, nearly always.

Why not a process pool from a library: their workers share a queue and its locks, so a worker that is killed at the
wrong instant takes the pool along. concurrent.futures and joblib give up at the first death; pebble 5.2 gave up after
three to seven random `kill -9`, and at the first one that hits an idle worker ("All workers expired").
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
import weakref
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import psutil

from luthier.errors import LuthierError, UsageError
from luthier.executors.cores import share_cores
from luthier.executors.cradle import Cradle, Death
from luthier.executors.execution import Finish
from luthier.executors.handoff import Handoff
from luthier.executors.settings import Settings
from luthier.executors.spawned import Spawner
from luthier.executors.wire import Wire
from luthier.executors.worker import Ready, Unfit
from luthier.tuning.jobs import FoldState, Job, Outcome, Work

_START_S = 120.0  # for a worker to receive the work; a cold start from a network disk can take most of a minute
_STARTS = 10  # workers that may die one after the other before receiving the work: then it is not bad luck
_MEMORY_LOOK_S = 0.1  # between looks at the memory of workers where the kernel does not enforce the limit


@dataclass(slots=True)
class _Worker:
    number: int
    wire: Wire
    since: float  # of its start, then of its job: seconds on the monotonic clock
    ready: bool = False
    job: Job | None = None
    cpu_s: float = 0.0  # told by itself so far
    memory: psutil.Process | None = field(default=None, repr=False)  # where the engine has to watch it
    base_mb: float = 0.0  # held before its first job

    @property
    def deadline(self) -> float:
        if not self.ready:
            return self.since + _START_S
        if self.job is None or self.job.limit_s is None:
            return float("inf")
        return self.since + self.job.limit_s


class ProcessExecutor:
    """Supervised worker processes, one job at a time each.

    Parameters
    ----------
    work
        What to run; handed over once (see `handoff`), so that it may hold all the data.
    slots
        How many jobs run at the same time. More may be submitted; they wait, in order, and the clock of a job's
        `limit_s` starts when it does.
    threads
        Threads a job may use, by BLAS, OpenMP and joblib too; cores // slots by default.
    memory_mb
        What one job may allocate beyond the data everyone shares; None for no limit. On Linux the kernel refuses more
        and the job ends as OOM; elsewhere a worker that exceeds it is killed within about 0.1 s.
    start
        "forked" (Linux: fast, leaves nothing behind whatever happens) or "spawned"; by default what the system allows.

    Attributes
    ----------
    cpu_s
        CPU seconds of the workers so far: of finished jobs, and of the whole life of workers that ended.

    Raises
    ------
    UsageError
        The work cannot be pickled.
    UnwritableFolder
        There is no room for the data in the temporary folder.

    Notes
    -----
    How jobs end: an exception is FAILED; the limit is TIMEOUT, also in C code that never returns; memory is OOM,
    whether the library reports it, the worker aborts at it, or the kernel kills for it; any other death of the worker
    (crash, os._exit, kill -9) is LOST; `stop` is STOPPED. Only the worker concerned is replaced, in some milliseconds.

    An executor belongs to the thread that made it. Workers ignore Ctrl-C: what it means is the engine's decision.
    """

    name: ClassVar[str] = "processes"

    def __init__(
        self,
        work: Work,
        slots: int,
        *,
        threads: int | None = None,
        memory_mb: float | None = None,
        start: Literal["forked", "spawned"] | None = None,
    ) -> None:
        self.slots = slots
        self.cpu_s = 0.0
        self._threads = threads or share_cores(slots)[1]
        self._memory_mb = memory_mb
        self._queue: deque[Job] = deque()
        self._ended: list[Outcome] = []
        self._workers: dict[int, _Worker] = {}
        self._dismissed: dict[int, float] = {}  # number -> CPU seconds told, of workers we killed and have not seen die
        self._numbers = 0
        self._failed_starts = 0.0
        self._oom_kills = _oom_kills()
        self._selector = selectors.DefaultSelector()
        self._channel: socket.socket | None = None
        self._cradle = _cradle(start, work)  # before the data are written: it imports libraries meanwhile
        try:
            self._handoff = Handoff((Settings.here(), work))
        except BaseException:
            self._cradle.close()
            self._selector.close()
            raise
        self._watches_memory = memory_mb is not None and isinstance(self._cradle, Spawner)
        self._finalizer = weakref.finalize(
            self, _release, os.getpid(), self._cradle, self._handoff, self._selector, self._workers
        )
        self._staff()

    @classmethod
    def for_work(
        cls, work: Work, *, n_jobs: int | None = None, threads: int | None = None, memory_mb: float | None = None
    ) -> Self:
        """As `make_executor` calls it: `n_jobs` slots share the cores."""
        slots, share = share_cores(n_jobs)
        return cls(work, slots, threads=threads or share, memory_mb=memory_mb)

    def submit(self, job: Job) -> None:
        """Start a job, or queue it when every slot is taken."""
        self._queue.append(job)
        self._staff()

    def wait(self, timeout_s: float | None) -> list[Outcome]:
        """Outcomes that have arrived, at least one; [] when `timeout_s` passed first or nothing is running.

        Raises
        ------
        UsageError
            The workers cannot receive the work: it needs a module that only this process can import.
        LuthierError
            Workers die again and again before they can begin.
        """
        until = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self._staff()
            if not (self._ended or self._queue or any(worker.job for worker in self._workers.values())):
                self._listen(0.0)  # for deaths, and the CPU time they tell
                return []
            self._listen(0.0 if self._ended else until)
            self._enforce_limits()
            if self._ended or time.monotonic() >= until:
                self._staff()  # while the engine thinks about these, the others work
                ended, self._ended = self._ended, []
                return ended

    def stop(self, job_ids: Collection[int]) -> None:
        """End these jobs now, waiting or running; their outcomes arrive as STOPPED."""
        waiting = [job for job in self._queue if job.id in job_ids]
        self._queue = deque(job for job in self._queue if job.id not in job_ids)
        self._ended += [Outcome(job, "STOPPED", None, 0.0, "stopped before it began") for job in waiting]
        for worker in list(self._workers.values()):
            if worker.job is not None and worker.job.id in job_ids:
                self._end(worker, "STOPPED", "stopped")
                self._dismiss(worker)

    def running(self) -> tuple[int, ...]:
        """Ids of the jobs submitted and not yet returned: ended, running, waiting."""
        running = (worker.job.id for worker in self._workers.values() if worker.job is not None)
        return (*(outcome.job.id for outcome in self._ended), *running, *(job.id for job in self._queue))

    def close(self) -> None:
        """End everything, leaving no process behind. What was not returned is forgotten."""
        self._queue.clear()
        self._ended.clear()
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _staff(self) -> None:
        """See to it that there are as many workers as slots, and that no worker idles while a job waits."""
        if not self._finalizer.alive:
            raise RuntimeError("this executor has been closed")
        while len(self._workers) < self.slots:
            self._hire()
        for worker in list(self._workers.values()):
            if not self._queue:
                return
            if worker.ready and worker.job is None:
                worker.job, worker.since = self._queue.popleft(), time.monotonic()
                try:
                    worker.wire.send(worker.job)
                except OSError:  # it has died idle, and the news is on its way: the job was not even begun
                    self._queue.appendleft(worker.job)
                    worker.job = None
                    self._dismiss(worker)

    def _hire(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._numbers += 1
        worker = _Worker(self._numbers, Wire(ours), since=time.monotonic())
        self._workers[worker.number] = worker
        self._selector.register(ours, selectors.EVENT_READ, worker)
        with theirs:
            self._cradle.start(worker.number, theirs, self._handoff, self._threads, self._memory_mb)
        self._follow_channel()

    def _listen(self, until: float) -> None:
        """Wait for news, at most until then or until some limit runs out, and take all there are."""
        until = min([until, *(worker.deadline for worker in self._workers.values())])
        now = time.monotonic()
        if self._cradle.look_s is not None:
            until = min(until, now + self._cradle.look_s)
        if self._watches_memory:
            until = min(until, now + _MEMORY_LOOK_S)
        for key, _ in self._selector.select(None if until == float("inf") else max(0.0, until - now)):
            if isinstance(key.data, _Worker):
                self._hear(key.data)
        deaths = self._cradle.deaths()
        self._follow_channel()
        for death in deaths:
            self._bury(death)

    def _hear(self, worker: _Worker) -> None:
        try:
            messages = worker.wire.arrived()
        except Exception as error:  # noqa: BLE001  (whatever unpickling may raise: the worker's memory is not sound)
            self._end(worker, "LOST", f"the worker sent what cannot be read ({type(error).__name__})")
            self._dismiss(worker)
            return
        for message in messages:
            self._take(worker, message)
        if worker.wire.closed and worker.number in self._workers:
            # How it ended comes with the news of its death; until then it must not stay half alive.
            with contextlib.suppress(KeyError):
                self._selector.unregister(worker.wire.sock)
            self._cradle.kill(worker.number)

    def _take(self, worker: _Worker, message: Any) -> None:
        if isinstance(message, Unfit):
            raise UsageError(
                f"worker processes cannot receive this work ({message})",
                fix="define its classes in the script itself or in a module that `import` finds from there, "
                'or run with executor="inline"',
            )
        if isinstance(message, Ready):
            worker.ready, self._failed_starts = True, 0.0
            self._begin_to_watch(worker)
            return
        job_id, finish = message
        assert isinstance(finish, Finish)
        worker.cpu_s += finish.cpu_s
        self.cpu_s += finish.cpu_s
        if worker.job is not None and worker.job.id == job_id:
            self._ended.append(Outcome(worker.job, finish.state, finish.result, finish.seconds, finish.error))
            worker.job = None
        if finish.state == "OOM":  # what a library does after a failed allocation is anybody's guess
            self._dismiss(worker)

    def _bury(self, death: Death) -> None:
        worker = self._workers.get(death.number)
        told = self._dismissed.pop(death.number, 0.0) if worker is None else worker.cpu_s
        if worker is not None:
            self._hear(worker)  # its last words, if any, were sent before it died
            told = worker.cpu_s
            if worker.job is not None:
                state, why = self._explain(death)
                self._end(worker, state, why)
            self._drop(worker)
        self.cpu_s += max(0.0, death.cpu_s - told)
        if worker is not None and not worker.ready:
            # Somebody's kill -9 says nothing about the next start, though even that must not go on for ever.
            self._failed_starts += 0.1 if death.killed else 1.0
            if self._failed_starts >= _STARTS:
                raise LuthierError(
                    f"{_STARTS} or more workers in a row died before they could begin; of the last one, {death}",
                    fix='see above for what they printed; free some memory, or run with executor="inline"',
                )

    def _explain(self, death: Death) -> tuple[FoldState, str]:
        """Why a worker died in the middle of a job."""
        if death.exit_code == -signal.SIGABRT and self._memory_mb is not None:
            # C++ code that cannot allocate inside a parallel region has no way out but abort().
            return "OOM", f"{death} while its memory was limited to {self._memory_mb:.0f} MB"
        kills, before = _oom_kills(), self._oom_kills
        self._oom_kills = kills
        if death.killed and kills > before:
            return "OOM", f"{death}: the machine ran out of memory"
        return "LOST", str(death)

    def _enforce_limits(self) -> None:
        now = time.monotonic()
        for worker in list(self._workers.values()):
            if now >= worker.deadline:
                if worker.job is not None:
                    self._end(worker, "TIMEOUT", f"not done after its limit of {worker.job.limit_s:.3g} s")
                self._dismiss(worker)
            elif worker.memory is not None and worker.job is not None:
                with contextlib.suppress(psutil.Error):
                    used_mb = worker.memory.memory_info().rss / 1e6 - worker.base_mb
                    if self._memory_mb is not None and used_mb > self._memory_mb:
                        self._end(worker, "OOM", f"used {used_mb:.0f} MB, more than its limit of {self._memory_mb:.0f}")
                        self._dismiss(worker)

    def _begin_to_watch(self, worker: _Worker) -> None:
        pid = self._cradle.pid(worker.number) if self._watches_memory and isinstance(self._cradle, Spawner) else None
        if pid is not None:
            with contextlib.suppress(psutil.Error):
                worker.memory = psutil.Process(pid)
                # Pages of the shared data count as its own once it has touched them.
                worker.base_mb = (worker.memory.memory_info().rss + self._handoff.size) / 1e6

    def _end(self, worker: _Worker, state: FoldState, error: str) -> None:
        if worker.job is not None:
            self._ended.append(Outcome(worker.job, state, None, time.monotonic() - worker.since, error))
            worker.job = None

    def _dismiss(self, worker: _Worker) -> None:
        """Kill a worker and forget it; its death will be heard of but changes nothing any more."""
        self._cradle.kill(worker.number)
        self._dismissed[worker.number] = worker.cpu_s
        self._drop(worker)

    def _drop(self, worker: _Worker) -> None:
        if self._workers.pop(worker.number, None) is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(worker.wire.sock)
            worker.wire.close()

    def _follow_channel(self) -> None:
        """Listen to the cradle, which has a new channel after it had to be replaced."""
        channel = self._cradle.channel
        if channel is not self._channel:
            if self._channel is not None:
                self._forget_channel(self._channel)
            if channel is not None:
                self._selector.register(channel, selectors.EVENT_READ)
            self._channel = channel

    def _forget_channel(self, channel: socket.socket) -> None:
        # It is closed already, so the selector must be told by the key it kept.
        for fd, key in list(self._selector.get_map().items()):
            if key.fileobj is channel:
                self._selector.unregister(fd)


def _cradle(start: Literal["forked", "spawned"] | None, work: Work) -> Cradle:
    if start == "spawned" or (start is None and sys.platform != "linux"):
        return Spawner()
    from luthier.executors.nursery import PRELOAD, Nursery  # needs fork, which other systems lack

    return Nursery(PRELOAD if getattr(work, "fits_models", False) else ())


def _release(
    owner: int,
    cradle: Cradle,
    handoff: Handoff,
    selector: selectors.BaseSelector,
    workers: dict[int, _Worker],
) -> None:
    if os.getpid() != owner:  # a fork of the engine comes to its end: none of this is its own
        return
    selector.close()
    for worker in workers.values():
        worker.wire.close()
    workers.clear()
    cradle.close()
    handoff.close()


def _oom_kills() -> int:
    """How many processes this machine's kernel has killed for want of memory; 0 where it does not say."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
