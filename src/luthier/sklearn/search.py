"""Run a study of one estimator in memory: the engine of `luthier.tune`, without a store, a report or a final fit."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from joblib import effective_n_jobs

from luthier.errors import NoModel, UsageError
from luthier.executors import InlineExecutor, make_executor
from luthier.executors.steering import steering_on_one_thread
from luthier.sklearn.errors import FitsFailed
from luthier.sklearn.fold_work import EstimatorWork, MeasuredFold
from luthier.store import MemoryStudyLog
from luthier.strategies import get_strategy
from luthier.tuning import Engine, Executor, Job, Outcome, StudyPlan, Surroundings, Trial

Watch = Callable[[Trial], None]


@dataclass(slots=True)
class Attentive:
    """An executor that keeps what the engine's record has no room for: every score, every answer.

    Meets `luthier.tuning.Executor`, and passes everything on to another one.

    Parameters
    ----------
    inner
        Where the folds run.
    raises
        Whether the first failed fold ends everything, with its exception.
    """

    inner: Executor
    raises: bool
    folds: dict[tuple[int, int], MeasuredFold] = field(default_factory=dict)
    failed: dict[tuple[int, int], Outcome] = field(default_factory=dict)

    @property
    def slots(self) -> int:
        """Folds at the same time."""
        return self.inner.slots

    @slots.setter
    def slots(self, number: int) -> None:
        self.inner.slots = number

    def submit(self, job: Job) -> None:
        """Pass a job on."""
        self.inner.submit(job)

    def wait(self, timeout_s: float | None) -> list[Outcome]:
        """Outcomes that have arrived, looked through.

        Raises
        ------
        Exception
            What a fold failed with, where failures are to be raised.
        """
        arrived = self.inner.wait(timeout_s)
        for outcome in arrived:
            place = outcome.job.trial, outcome.job.fold
            if isinstance(outcome.result, MeasuredFold):
                if outcome.result.failure is not None:
                    raise outcome.result.failure
                self.folds[place] = outcome.result
            elif outcome.state != "STOPPED":
                self.failed[place] = outcome
                if self.raises:
                    raise FitsFailed(
                        f"a fit ended as {outcome.state}: {outcome.error}", fix='leave out error_score="raise" to go on'
                    )
        return arrived

    def stop(self, job_ids: Collection[int]) -> None:
        """Pass on."""
        self.inner.stop(job_ids)

    def running(self) -> tuple[int, ...]:
        """As the executor behind it."""
        return self.inner.running()

    def close(self) -> None:
        """Pass on."""
        self.inner.close()


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a search found.

    Attributes
    ----------
    trials
        Configurations with fits of their own, in the order of their evaluation; those that the budget cut short are
        left out, unless none was finished.
    folds
        By trial and fold, what was measured.
    failed
        By trial and fold, how a fit ended that gave no result.
    ending
        Why the search ended.
    """

    trials: tuple[Trial, ...]
    folds: Mapping[tuple[int, int], MeasuredFold]
    failed: Mapping[tuple[int, int], Outcome]
    ending: str


def search(
    work: EstimatorWork,
    plan: StudyPlan,
    *,
    executor: str,
    n_jobs: int | None,
    started: float,
    finish_s: Callable[[int, float], float],
    watch: Watch,
) -> Found:
    """Evaluate configurations until the budget is spent.

    Parameters
    ----------
    work
        What a fold is.
    plan
        Space, starts, strategy, budget and seed.
    executor, n_jobs
        As `TuneCV` takes them.
    started
        Monotonic seconds at which the budget began to run.
    finish_s
        Seconds that judging and the final fit will take, from the number of complete configurations and the predicted
        seconds of one fold's fit.
    watch
        Told of every configuration as it is settled.

    Raises
    ------
    FitsFailed
        No fit succeeded.
    UsageError
        The budget, the strategy or the executor does not fit.
    """
    strategy = get_strategy(plan.strategy).for_study(plan.space, seed=plan.seed, n_trials=plan.budget.trials)
    bare = _executor(executor, work, n_jobs, plan)
    runner = Attentive(bare, raises=work.error_score == "raise")
    told = 0

    def show(progress: Any) -> None:
        nonlocal told
        trials = progress.history.trials
        while told < len(trials) and trials[told].state != "running":
            watch(trials[told])
            told += 1

    around = Surroundings(
        clock=time.monotonic,
        now_utc=lambda: datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        predictions_digest=lambda _: "",  # the table is not in the record: see Attentive
        # As GridSearchCV ranks: the mean over folds, and none at all when a fold has none.
        pooled_score=lambda _, scores: float(np.mean(scores)) if len(scores) == plan.n_folds else math.nan,
        reserve_s=lambda history, fit_s: finish_s(len(history.complete), fit_s),
        on_progress=show,
    )
    with contextlib.closing(runner):
        engine = Engine(plan, strategy, MemoryStudyLog(), runner, around, started=started)
        engine.open([], {"slots": runner.slots, "executor": executor})
        try:
            with steering_on_one_thread(bare):
                ending = engine.search()
        except NoModel as error:
            raise FitsFailed(_all_failed(runner.failed), fix='debug the estimator with error_score="raise"') from error
        engine.show("judging")
    return Found(_presentable(engine.history.trials), runner.folds, runner.failed, ending)


def _executor(name: str, work: EstimatorWork, n_jobs: int | None, plan: StudyPlan) -> Executor:
    """The calling process for one job at a time, unless told otherwise: as in scikit-learn, and nobody waits."""
    slots = effective_n_jobs(n_jobs)
    if name == "auto":
        name = "inline" if slots == 1 and plan.fold_limit_s is None else "processes"
    if name == "inline" and slots > 1:
        raise UsageError(
            f'executor="inline" runs one fold at a time, so n_jobs cannot be {n_jobs}',
            fix='use n_jobs=1, or executor="processes"',
        )
    # Built here rather than by name, to leave the threads of numeric libraries as the caller has set them.
    return InlineExecutor(work) if name == "inline" else make_executor(name, work, n_jobs=slots)


def _presentable(trials: list[Trial]) -> tuple[Trial, ...]:
    """Whatever was decided, and where nothing was, the trial that came furthest."""
    settled = [trial for trial in trials if trial.state in ("complete", "failed")]
    started = [trial for trial in trials if trial.fold_scores]
    if settled or not started:
        return tuple(settled)
    return (max(started, key=lambda trial: len(trial.fold_scores)),)


def _all_failed(failed: Mapping[tuple[int, int], Outcome]) -> str:
    errors = list(dict.fromkeys(outcome.error or outcome.state for outcome in failed.values()))
    return f"All the {len(failed)} fits failed.\n" + "\n".join(errors[:3])
