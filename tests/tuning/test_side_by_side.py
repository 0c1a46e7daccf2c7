"""Strategies side by side: each in a time of its own, whatever runs when, and every fold fitted once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from luthier.evaluation import Trace, trace_of
from luthier.space import SearchSpace
from luthier.store import MemoryStudyLog, predictions_digest
from luthier.strategies import get_strategy
from luthier.tuning import (
    Budget,
    Drop,
    FoldResult,
    Job,
    Outcome,
    SideBySide,
    StudyPlan,
    Surroundings,
    Trial,
    check_chain,
)

SPACE = SearchSpace.parse({"x": [round(0.05 * k, 2) for k in range(20)]})
N_FOLDS, ROWS = 3, 2
START = {"x": 0.1}


def seconds_of(job: Job) -> float:
    return float(1.0 + job.config["x"] + 0.1 * job.fold)


@dataclass
class Workers:
    """An executor whose jobs take no time and say how long they took; the newest may come back first."""

    slots: int = 1
    newest_first: bool = False
    fits: Counter[tuple[float, int]] = field(default_factory=Counter)
    spent: float = 0.0
    stop_after: float = math.inf
    _queue: list[Job] = field(default_factory=list)
    _stopped: list[Outcome] = field(default_factory=list)

    def submit(self, job: Job) -> None:
        assert len(self._queue) < self.slots
        self._queue.append(job)

    def wait(self, timeout_s: float | None) -> list[Outcome]:
        if self._stopped or not self._queue:
            arrived, self._stopped = self._stopped, []
            return arrived
        if self.fits.total() >= self.stop_after:
            self.stop_after = math.inf
            raise KeyboardInterrupt
        job = self._queue.pop(-1 if self.newest_first else 0)
        self.fits[job.config["x"], job.fold] += 1
        seconds = seconds_of(job)
        if job.limit_s is not None and seconds > job.limit_s:
            self.spent += job.limit_s
            return [Outcome(job, "TIMEOUT", None, job.limit_s, "too long")]
        self.spent += seconds
        x = job.config["x"]
        rows = np.full((ROWS, 1), x, dtype=np.float32)
        # The score depends on the seed, so a seed that depended on who asks would show.
        return [Outcome(job, "DONE", FoldResult(rows, (x - 0.7) ** 2 + 1e-12 * job.seed, 0.0), seconds)]

    def stop(self, job_ids: Collection[int]) -> None:
        self._stopped += [Outcome(job, "STOPPED", None, 0.0, None) for job in self._queue]
        self._queue = []

    def running(self) -> tuple[int, ...]:
        return tuple(job.id for job in self._queue)

    def close(self) -> None:
        pass


@dataclass
class Thinking:
    """A CPU clock by which every look costs a hundredth of a second."""

    now: float = 0.0

    def __call__(self) -> float:
        self.now += 0.01
        return self.now


def a_plan(budget: str, **changes: Any) -> StudyPlan:
    plan = StudyPlan(
        question={"what": "bowl"},
        space=SPACE,
        starts=(START,),
        strategy="random",
        n_folds=N_FOLDS,
        greater_is_better=False,
        budget=Budget.parse(budget),
    )
    return replace(plan, **changes)


def a_log() -> MemoryStudyLog:
    return MemoryStudyLog("s", shape=(N_FOLDS * ROWS, 1))


ARMS = (("random", 0), ("sobol", 0), ("grid", 0), ("random", 1))


def table(workers: Workers, budget: str, log: MemoryStudyLog, arms: Any = ARMS, policy: Any = None) -> SideBySide:
    around = Surroundings(
        clock=lambda: 0.0,
        now_utc=lambda: "2026-01-01T00:00:00Z",
        predictions_digest=predictions_digest,
        pooled_score=lambda _trial, scores: float(np.mean(scores)),
    )
    made = SideBySide(a_plan(budget), log, workers, around, cpu_clock=Thinking())
    for name, seed in arms:
        plan = a_plan(budget, strategy=name, seed=seed)
        made.add(plan, get_strategy(name).for_study(SPACE, seed=seed, n_trials=plan.budget.trials), policy)
    made.open([fold * ROWS for fold in range(N_FOLDS)], {})
    return made


def run(workers: Workers, budget: str, log: MemoryStudyLog | None = None, **how: Any) -> SideBySide:
    made = table(workers, budget, log or a_log(), **how)
    made.run()
    return made


def traces(done: SideBySide, arms: Any = ARMS) -> dict[tuple[str, int], Trace]:
    return {arm: trace_of(study, *arm) for study, arm in zip(done.arms, arms, strict=True)}


@pytest.mark.parametrize("budget", ["30s", "7 trials", "20s, 5 trials"])
def test_the_order_in_which_arms_really_run_changes_nothing(budget: str) -> None:
    plain = traces(run(Workers(), budget))
    for workers in (Workers(slots=3), Workers(slots=2, newest_first=True)):
        assert traces(run(workers, budget)) == plain
    backwards = ARMS[::-1]
    assert traces(run(Workers(), budget, arms=backwards), backwards) == plain


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_finds_what_it_would_have_found_alone(arm: tuple[str, int]) -> None:
    alone = traces(run(Workers(), "25s", arms=[arm]), [arm])
    assert alone[arm] == traces(run(Workers(slots=2), "25s"))[arm]


def test_an_arm_is_charged_for_its_folds_and_its_thinking() -> None:
    done = run(Workers(), "4 trials", arms=[("random", 0)])
    (study,) = done.arms
    folds = [3 * (1.0 + t.config["x"]) + 0.3 for t in study.history.trials if t.state == "complete"]
    thinking = 0.01 * len(study.history.trials)
    assert study.clock_s == pytest.approx(sum(folds) + thinking)
    assert study.fits == 3 * len(folds) == 12


def test_every_fold_is_fitted_once_and_the_saving_is_what_was_not_fitted() -> None:
    workers = Workers(slots=2)
    done = run(workers, "8 trials")
    assert set(workers.fits.values()) == {1}
    asked = sum(study.fits for study in done.arms)
    assert asked == len(ARMS) * 8 * N_FOLDS
    charged = sum(
        seconds_of(Job(0, 0, fold, trial.config, 0))
        for study in done.arms
        for trial in study.history.trials
        if trial.state == "complete"
        for fold in range(N_FOLDS)
    )
    fits, seconds = done.saved
    assert fits == asked - workers.fits.total()
    assert seconds == pytest.approx(charged - workers.spent)
    assert fits >= (len(ARMS) - 1) * N_FOLDS  # the default at least is everybody's


def test_what_was_begun_and_cut_short_is_no_saving() -> None:
    # Under a budget of time folds are cut at an arm's deadline, and may be begun again for another with more left.
    workers = Workers()
    done = run(workers, "10s")
    assert done.cut_short_s > 0
    spent_apart = sum(study.fit_s for study in done.arms)
    assert done.saved[1] == pytest.approx(max(spent_apart - workers.spent, 0.0))


def test_no_clock_passes_its_budget_and_a_trial_cut_by_it_does_not_count() -> None:
    done = run(Workers(), "10s")
    for study in done.arms:
        assert (study.over, study.clock_s) == ("budget", 10.0)
        assert all(t.spent_s is not None and t.spent_s <= 10.0 for t in study.history.trials if t.state == "complete")
        assert [t.state for t in study.history.trials].count("running") <= 1


def test_with_more_time_a_fold_that_was_cut_short_is_fitted_to_its_end() -> None:
    log, first, second = a_log(), Workers(), Workers()
    run(first, "10s", log)
    cut = {(event.body["trial"], event.body["fold"]) for event in log.events() if event.kind == "fold.cut_short"}
    assert cut
    longer = run(second, "30s", log)
    assert all(longer.shared.trials[trial].folds[fold].state == "DONE" for trial, fold in cut)
    assert traces(longer) == traces(run(Workers(), "30s"))


@pytest.mark.parametrize("cut", [0, 1, 7, 20, 41])
def test_an_interrupted_comparison_goes_on_and_ends_as_if_never_interrupted(cut: int) -> None:
    whole, log = run(Workers(slots=2), "30s"), a_log()
    with pytest.raises(KeyboardInterrupt):
        run(Workers(slots=2, stop_after=cut), "30s", log)
    assert log.events()[-1].kind == "study.paused"
    workers = Workers(slots=2)
    resumed = run(workers, "30s", log)
    assert traces(resumed) == traces(whole)
    check_chain(log.events())
    again = {(e.body["trial"], e.body["fold"]) for e in log.events() if e.kind == "fold.finished"}
    assert len(again) == sum(e.kind == "fold.finished" for e in log.events())  # what was fitted is not fitted again


def test_a_fold_policy_drops_trials_here_as_in_a_study() -> None:
    class Impatient:
        name: ClassVar[str] = "impatient"

        def drop(self, trial: Trial, rivals: Sequence[Trial]) -> Drop | None:
            return Drop("worse than the best") if trial.fold_scores[0] > rivals[0].fold_scores[0] else None

        def horizon(self, trial: Trial, rivals: Sequence[Trial], n_folds: int) -> int:
            return n_folds

    done = run(Workers(), "10 trials", policy=Impatient())
    dropped = [t for study in done.arms for t in study.history.trials if t.state == "dropped"]
    assert dropped
    assert all(len(t.folds) == 1 for t in dropped)
    assert run(Workers(), "10 trials").shared.n_fold_fits > done.shared.n_fold_fits


def test_a_strategy_with_nothing_left_ends_and_keeps_what_it_has() -> None:
    done = run(Workers(), "50 trials", arms=[("grid", 0), ("random", 0)])
    for study in done.arms:
        assert study.over == "exhausted"
        assert study.history.n_evaluated == 20
        assert study.history.best is not None
        assert study.history.best.config["x"] == pytest.approx(0.7)
