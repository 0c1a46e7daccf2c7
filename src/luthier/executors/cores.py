"""How many cores there are, how to share them, and how to hold a process to its share."""

from __future__ import annotations

import os

import joblib
from threadpoolctl import threadpool_limits

from luthier.errors import UsageError

_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "LOKY_MAX_CPU_COUNT",  # what joblib takes n_jobs=-1 for
)


def share_cores(n_jobs: int | None) -> tuple[int, int]:
    """How many jobs at a time, and how many threads for each.

    Parameters
    ----------
    n_jobs
        As in scikit-learn: a number of jobs, or -1 for one per core, -2 for one fewer; None as -1.

    Returns
    -------
    tuple of int
        (slots, threads per slot), slots * threads <= cores where slots <= cores.

    Raises
    ------
    UsageError
        `n_jobs` is 0.

    Notes
    -----
    Cores are those this process may use: affinity and container quota are counted (joblib.cpu_count).
    """
    cores = joblib.cpu_count()
    if n_jobs == 0:
        raise UsageError("n_jobs is 0, which leaves nobody to do the work", fix="use n_jobs=1, or -1 for every core")
    n_jobs = -1 if n_jobs is None else n_jobs
    slots = n_jobs if n_jobs > 0 else max(1, cores + 1 + n_jobs)
    return slots, max(1, cores // slots)


def threads_environment(threads: int) -> dict[str, str]:
    """The environment variables that hold numeric libraries loaded from now on to so many threads."""
    return dict.fromkeys(_VARIABLES, str(threads))


def hold_threads(threads: int) -> None:
    """Hold this process to so many threads: libraries already loaded, and those still to come."""
    os.environ.update(threads_environment(threads))
    threadpool_limits(limits=threads)
