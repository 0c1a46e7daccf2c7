"""Carry out one job: the part that is the same in the calling process and in a worker."""

from __future__ import annotations

import errno
import random
import time
from dataclasses import dataclass

import numpy as np

from luthier.tuning.jobs import FoldResult, FoldState, Job, Work, error_line


@dataclass(frozen=True, slots=True)
class Finish:
    """What became of a job, as seen from where it ran.

    Attributes
    ----------
    seconds
        Wall time around the run.
    cpu_s
        CPU seconds of this process over the run, all threads.
    """

    state: FoldState
    result: FoldResult | None
    error: str | None
    seconds: float
    cpu_s: float


def carry_out(work: Work, job: Job, threads: int) -> Finish:
    """Run a job and tell how it ended; only KeyboardInterrupt gets out.

    The global generators of `random` and NumPy are seeded from the job, so that an estimator whose author forgot
    `random_state` still gives the same fold on any worker, in any order, and in a resumed study. The caller restores
    them where they are somebody's.
    """
    random.seed(job.seed)
    np.random.seed(job.seed % 2**32)  # noqa: NPY002  (the legacy generator is the one that careless code draws from)
    wall, cpu = time.perf_counter(), time.process_time()

    def finish(state: FoldState, result: FoldResult | None = None, error: str | None = None) -> Finish:
        return Finish(state, result, error, time.perf_counter() - wall, time.process_time() - cpu)

    try:
        result = work.run(job, threads)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (whatever user code raises, SystemExit too, is data about one fold)
        return finish("OOM" if out_of_memory(error) else "FAILED", error=error_line(error))
    return finish("DONE", result)


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, in Python's words or in those of a C++ library."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    text = str(error).lower()
    return any(sign in text for sign in ("bad_alloc", "cannot allocate memory", "out of memory", "unable to allocate"))
