"""What the process executor costs and gains.

    python benchmarks/two_workers.py [repeats]

- Two workers against one on CPU-bound fits (bar: 1.8x the fits). Wall time is what users see, and what other load on
  the machine spoils; so the CPU seconds of a fit with one and with two workers, and the share of the time in which
  workers had a job, are told beside it: their product is the ratio on a quiet machine.
- Handing 200 MB to a worker (bar: 0.2 s), and replacing a worker that died.
- The engine's own CPU time per job with nothing in it (the whole engine has 2 ms per trial).
"""

from __future__ import annotations

import os
import statistics
import sys
import time

import lightgbm
import numpy as np
import pandas as pd
import sklearn.ensemble

from luthier.executors import ProcessExecutor
from luthier.executors.handoff import Handoff, receive
from luthier.tuning.jobs import FoldResult, Job

FITS = 24


class Fits:
    """LightGBM and a forest on made data, about 0.3 s each on one core."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.X = rng.normal(size=(8000, 20))
        self.y = (self.X[:, 0] * self.X[:, 1] + rng.normal(size=8000) > 0).astype(int)

    def run(self, job: Job, threads: int) -> FoldResult:
        began = time.perf_counter()
        if job.id % 2:
            model = lightgbm.LGBMClassifier(n_estimators=100, n_jobs=threads, verbosity=-1, random_state=job.seed)
        else:
            model = sklearn.ensemble.ExtraTreesClassifier(n_estimators=45, n_jobs=threads, random_state=job.seed)
        model.fit(self.X, self.y)
        p = np.asarray(model.predict_proba(self.X))[:, 1:].astype(np.float32)
        return FoldResult(p, float(p.mean()), time.perf_counter() - began)


class Ballast:
    """Data to hand over, and jobs that do nothing or die."""

    def __init__(self, mb: float) -> None:
        rows = int(mb * 1e6 / 8 / 25)
        self.X = np.random.default_rng(0).normal(size=(rows, 20))
        self.frame = pd.DataFrame({f"x{i}": self.X[:, i] for i in range(5)})

    def run(self, job: Job, threads: int) -> FoldResult:  # noqa: ARG002  (the protocol's)
        if job.config.get("die"):
            os._exit(1)
        return FoldResult(None, 0.0, 0.0)


def jobs(n: int, **config: object) -> list[Job]:
    return [Job(i, i, 0, config, i) for i in range(n)]


def all_done(executor: ProcessExecutor, todo: list[Job]) -> float:
    began = time.perf_counter()
    for job in todo:
        executor.submit(job)
    while executor.running():
        executor.wait(None)
    return time.perf_counter() - began


def fits(executor: ProcessExecutor) -> tuple[float, float, float]:
    """Wall seconds of FITS fits, CPU seconds of one fit, share of the slots' time with a job."""
    began, cpu, busy = time.perf_counter(), executor.cpu_s, 0.0
    for job in jobs(FITS):
        executor.submit(job)
    while executor.running():
        for outcome in executor.wait(None):
            assert outcome.state == "DONE", outcome.error
            busy += outcome.seconds
    wall = time.perf_counter() - began
    return wall, (executor.cpu_s - cpu) / FITS, busy / (wall * executor.slots)


def scaling(repeats: int) -> None:
    work = Fits()
    ratios, quiet = [], []
    with ProcessExecutor(work, 1, threads=1) as one, ProcessExecutor(work, 2, threads=1) as two:
        all_done(one, jobs(2))
        all_done(two, jobs(4))
        for _ in range(repeats):
            wall_1, cpu_1, busy_1 = fits(one)
            wall_2, cpu_2, busy_2 = fits(two)
            ratios.append(wall_1 / wall_2)
            quiet.append(2 * (cpu_1 / cpu_2) * (busy_2 / busy_1))
            print(
                f"  {FITS} fits: one worker {wall_1:5.2f} s ({cpu_1:.3f} s CPU a fit, busy {busy_1:.1%}), "
                f"two {wall_2:5.2f} s ({cpu_2:.3f} s, {busy_2:.1%}): {ratios[-1]:.2f}x; by CPU {quiet[-1]:.2f}x"
            )
    print(
        f"two workers against one: {statistics.median(ratios):.2f}x by wall time (best {max(ratios):.2f}), "
        f"{statistics.median(quiet):.2f}x by CPU time   [bar: 1.8x]"
    )


def handoff(repeats: int) -> None:
    work = Ballast(200.0)
    began = time.perf_counter()
    handoff = Handoff(work)
    written = time.perf_counter() - began
    received = []
    for _ in range(repeats):
        began = time.perf_counter()
        receive(handoff.descriptor)
        received.append(time.perf_counter() - began)
    handoff.close()
    print(
        f"200 MB: written once in {written:.2f} s, received in {statistics.median(received) * 1e3:.2f} ms  [bar: 200]"
    )
    for mb in (0.001, 200.0):
        with ProcessExecutor(Ballast(mb), 1, threads=1) as executor:
            all_done(executor, jobs(1))
            replaced = [all_done(executor, [*jobs(1, die=True), Job(1, 1, 0, {}, 1)]) for _ in range(repeats)]
        print(
            f"  with {mb:.0f} MB, from a job that kills its worker to the next one done: "
            f"{statistics.median(replaced) * 1e3:.0f} ms"
        )


def overhead() -> None:
    config = {f"x{i}": i / 7 for i in range(10)}
    with ProcessExecutor(Ballast(0.001), 2, threads=1) as executor:
        all_done(executor, jobs(10))
        for n_at_once in (1, 2):
            cpu, wall, n = time.process_time(), time.perf_counter(), 2000
            for i in range(0, n, n_at_once):
                all_done(executor, [Job(i + k, i, 0, config, i) for k in range(n_at_once)])
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            print(
                f"an empty job, {n_at_once} at once: {cpu / n * 1e3:.3f} ms CPU of the engine, "
                f"{wall / n * 1e3:.3f} ms wall"
            )


def start() -> None:
    began = time.perf_counter()
    with ProcessExecutor(Ballast(0.001), 2, threads=1) as executor:
        made = time.perf_counter() - began
        all_done(executor, jobs(1))
        first = time.perf_counter() - began
        closing = time.perf_counter()
    print(
        f"start: constructor {made * 1e3:.0f} ms, first outcome after {first:.2f} s (imports in the nursery); "
        f"close {(time.perf_counter() - closing) * 1e3:.0f} ms"
    )


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    start()
    overhead()
    handoff(max(n, 5))
    scaling(n)
