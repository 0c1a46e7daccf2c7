from __future__ import annotations

import math
import random
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
import pytest

from luthier.errors import BudgetTooSmall, NoModel
from luthier.executors import InlineExecutor, ProcessExecutor
from luthier.space import SearchSpace
from luthier.store import MemoryStudyLog, predictions_digest
from luthier.strategies import STRATEGIES, Observation, Suggestion, get_strategy
from luthier.tuning import (
    ALL_ROWS,
    Budget,
    Drop,
    Engine,
    FoldResult,
    History,
    Job,
    Outcome,
    StudyPlan,
    Surroundings,
    Trial,
    check_chain,
)

SPACE = SearchSpace.parse({"x": (0.0, 1.0), "kind": ["good", "bad"]})
N_FOLDS, ROWS_A_FOLD = 3, 4
EVERY_STRATEGY = (*STRATEGIES, "optuna:TPESampler", "optuna:CmaEsSampler")


@dataclass(frozen=True)
class Bowl:
    """A fold is a deterministic function of its job: (x - 0.7)^2, a little apart between folds."""

    def run(self, job: Job, threads: int) -> FoldResult:
        x = job.config["x"]
        if job.config["kind"] == "bad":
            raise ValueError("this kind never works")
        score = (x - 0.7) ** 2 + 0.001 * job.fold
        return FoldResult(
            np.full((ROWS_A_FOLD, 1), x, dtype=np.float32), score, 0.0, {"m": b"m"} if job.keep_model else None
        )


@dataclass
class Clock:
    """Time passes only when somebody spends it."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Slow:
    """Every fold takes so many seconds of the test's own clock."""

    clock: Clock
    seconds: float

    def run(self, job: Job, threads: int) -> FoldResult:
        self.clock.now += self.seconds
        return Bowl().run(job, threads)


def a_plan(budget: str = "12 trials", **changes: Any) -> StudyPlan:
    plan = StudyPlan(
        question={"what": "bowl"},
        space=SPACE,
        starts=({"x": 0.1, "kind": "good"},),
        strategy="random",
        n_folds=N_FOLDS,
        greater_is_better=False,
        budget=Budget.parse(budget),
    )
    return replace(plan, **changes)


def around(**changes: Any) -> Surroundings:
    base = Surroundings(
        clock=Clock(),
        now_utc=lambda: datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        predictions_digest=predictions_digest,
        pooled_score=lambda _trial, scores: float(np.mean(scores)),
        work_hint=lambda _: 0.01,
        kind_of=lambda config: str(config["kind"]),
    )
    return replace(base, **changes)


def a_log() -> MemoryStudyLog:
    return MemoryStudyLog("s", shape=(N_FOLDS * ROWS_A_FOLD, 1))


def run(plan: StudyPlan, log: MemoryStudyLog, executor: Any, **changes: Any) -> Engine:
    strategy = changes.pop("strategy", None) or get_strategy(plan.strategy).for_study(
        plan.space, seed=plan.seed, n_trials=plan.budget.trials
    )
    with closing(executor):
        engine = Engine(plan, strategy, log, executor, around(**changes))
        engine.open([fold * ROWS_A_FOLD for fold in range(N_FOLDS)], {})
        engine.search()
    return engine


def trials_of(history: History) -> list[tuple[Any, ...]]:
    return [(t.number, dict(t.config), t.state, t.score, t.fold_scores) for t in history.trials]


@dataclass(frozen=True)
class SlowFor:
    """The bowl, with a value of x that takes its time."""

    clock: Clock
    x: float

    def run(self, job: Job, threads: int) -> FoldResult:
        self.clock.now += 10.0 if job.config["x"] == self.x else 1.0
        return Bowl().run(job, threads)


class Told(InlineExecutor):
    """Says that a fold took what the test's clock says."""

    def wait(self, timeout_s: float | None) -> list[Outcome]:
        assert isinstance(self._work, SlowFor)
        begun = self._work.clock.now
        return [replace(one, seconds=self._work.clock.now - begun) for one in super().wait(timeout_s)]


@pytest.mark.parametrize(("x", "state"), [(0.0, "dropped"), (0.7, "complete")])
def test_a_trial_much_slower_than_thought_goes_on_only_while_it_is_ahead(x: float, state: str) -> None:
    clock = Clock()
    queue = (Suggestion({"x": x, "kind": "good"}, "prior", "did well elsewhere"),)
    history = run(a_plan("60s", queue=queue), a_log(), Told(SlowFor(clock, x)), clock=clock).history
    assert history.trials[1].state == state
    assert len(history.trials[1].folds) == (1 if state == "dropped" else N_FOLDS)
    if state == "dropped":
        assert "not ahead of trial 0" in str(history.trials[1].reason)


def test_the_default_comes_first_and_a_budget_of_trials_is_kept_exactly() -> None:
    history = run(a_plan("12 trials"), a_log(), InlineExecutor(Bowl())).history
    assert history.trials[0].config == {"x": 0.1, "kind": "good"}
    assert history.n_evaluated == 12
    assert history.ended == "trials"


def test_a_configuration_that_fails_costs_only_itself() -> None:
    history = run(a_plan("20 trials"), a_log(), InlineExecutor(Bowl())).history
    states = {t.state for t in history.trials if t.config["kind"] == "bad"}
    assert states == {"failed"}
    assert all(t.state == "complete" for t in history.trials if t.config["kind"] == "good")
    assert "this kind never works" in next(t.reason or "" for t in history.trials if t.state == "failed")


def test_the_best_is_the_lowest_when_lower_is_better() -> None:
    history = run(a_plan("30 trials"), a_log(), InlineExecutor(Bowl())).history
    complete = [t for t in history.trials if t.state == "complete"]
    assert history.best is min(complete, key=lambda t: abs(t.config["x"] - 0.7))


def test_the_record_alone_tells_the_whole_story() -> None:
    log = a_log()
    engine = run(a_plan("15 trials"), log, InlineExecutor(Bowl()))
    check_chain(log.events())
    retold = History(SPACE, N_FOLDS, greater_is_better=False)
    retold.replay(log.events())
    assert trials_of(retold) == trials_of(engine.history)
    assert retold.observations() == pytest.approx(engine.history.observations()) or [
        (o.trial, o.state) for o in retold.observations()
    ] == [(o.trial, o.state) for o in engine.history.observations()]


@pytest.mark.parametrize("cut", [2, 5, 9, 14, 23])
def test_a_study_cut_anywhere_and_taken_up_again_ends_as_if_never_cut(cut: int) -> None:
    plan = a_plan("12 trials", deterministic=True)
    whole = run(plan, a_log(), InlineExecutor(Bowl()))
    source = a_log()
    run(plan, source, InlineExecutor(Bowl()))
    resumed = run(plan, restored(source.events()[:cut]), InlineExecutor(Bowl()))
    assert trials_of(resumed.history) == trials_of(whole.history)


def kept_config(events: list[Any], trial: int) -> dict[str, Any]:
    return next(dict(e.body["config"]) for e in events if e.kind == "trial.proposed" and e.body["trial"] == trial)


def test_one_worker_and_three_give_identical_trials_in_deterministic_mode() -> None:
    plan = a_plan("14 trials", deterministic=True)
    one = run(plan, a_log(), ProcessExecutor(Bowl(), 1))
    three = run(plan, a_log(), ProcessExecutor(Bowl(), 3))
    assert trials_of(one.history) == trials_of(three.history)


class Disorderly(InlineExecutor):
    """Three slots whose jobs end in any order."""

    def __init__(self, work: Any) -> None:
        super().__init__(work)
        self.slots = 3
        self._luck = random.Random(5)

    def wait(self, timeout_s: float | None) -> list[Outcome]:
        self._luck.shuffle(self._queue)
        return super().wait(timeout_s)


def restored(events: list[Any]) -> MemoryStudyLog:
    """The log of a study that was killed after these events."""
    log = a_log()
    log.append(events)
    for event in events:
        if event.kind == "fold.finished" and event.body["state"] == "DONE":
            x = kept_config(events, event.body["trial"])["x"]
            start = event.body["fold"] * ROWS_A_FOLD
            log.write_fold(event.body["trial"], start, np.full((ROWS_A_FOLD, 1), x, dtype=np.float32))
    return log


@pytest.mark.parametrize("name", EVERY_STRATEGY)
def test_every_strategy_gives_the_same_trials_for_any_workers_and_after_a_kill(name: str) -> None:
    plan, log = a_plan("24 trials", deterministic=True, strategy=name), a_log()
    one = trials_of(run(plan, log, InlineExecutor(Bowl())).history)
    assert trials_of(run(plan, a_log(), Disorderly(Bowl())).history) == one
    for cut in (20, 61):
        assert trials_of(run(plan, restored(log.events()[:cut]), InlineExecutor(Bowl())).history) == one


@pytest.mark.parametrize("name", EVERY_STRATEGY)
def test_every_strategy_stays_within_the_budget_and_goes_on_after_a_kill(name: str) -> None:
    clock, log = Clock(), a_log()
    plan = a_plan("120s", strategy=name)
    run(plan, log, Disorderly(Slow(clock, 2.0)), clock=clock, work_hint=lambda _: 2.0)
    assert 90 < clock.now <= 120
    kept = log.events()[:50]
    clock = Clock()
    engine = run(plan, restored(kept), Disorderly(Slow(clock, 2.0)), clock=clock, work_hint=lambda _: 2.0)
    assert 90 < engine.spent_s <= 120
    assert [dict(t.config) for t in engine.history.trials][: kept_trials(kept)] == [
        dict(e.body["config"]) for e in kept if e.kind == "trial.proposed"
    ]


def kept_trials(events: list[Any]) -> int:
    return sum(e.kind == "trial.proposed" for e in events)


@dataclass
class Curious:
    """Suggests from what it was shown, and remembers what that was."""

    shown: list[list[Observation]] = field(default_factory=list)
    name = "curious"

    def ask(self, space: SearchSpace, history: Any, rng: np.random.Generator) -> Suggestion:
        self.shown.append(list(history))
        losses = [o.loss for o in history if not math.isnan(o.loss)]
        return Suggestion({"x": (len(history) * 0.037 + sum(losses)) % 1.0, "kind": "good"}, "explore", "")


def test_in_deterministic_mode_no_suggestion_sees_a_result_too_fresh() -> None:
    strategy = Curious()
    run(a_plan("10 trials", deterministic=True), a_log(), InlineExecutor(Bowl()), strategy=strategy)
    for k, shown in enumerate(strategy.shown, start=1):
        assert len(shown) == k
        assert all(math.isnan(o.loss) for o in shown[max(k - 3, 0) :])
        assert all(not math.isnan(o.loss) for o in shown[: max(k - 3, 0)])


def test_the_same_configuration_is_answered_from_the_record() -> None:
    class Stubborn(Curious):
        def ask(self, space: SearchSpace, history: Any, rng: np.random.Generator) -> Suggestion:
            return Suggestion({"x": 0.5, "kind": "good"}, "explore", "")

    history = run(a_plan("10 trials"), a_log(), InlineExecutor(Bowl()), strategy=Stubborn()).history
    assert history.ended == "exhausted"
    assert history.n_fold_fits == 2 * N_FOLDS  # the default and the one suggestion
    twins = [t for t in history.trials if t.state == "duplicate"]
    assert twins
    assert {t.score for t in twins} == {history.trials[1].score}


def test_no_fold_starts_that_would_not_be_done_in_time() -> None:
    clock = Clock()
    engine = run(a_plan("100s"), a_log(), InlineExecutor(Slow(clock, 4.0)), clock=clock, work_hint=lambda _: 4.0)
    assert 60 < clock.now <= 100
    assert engine.left_s >= 0


def test_time_for_the_finish_is_left() -> None:
    clock = Clock()
    run(
        a_plan("100s"),
        a_log(),
        InlineExecutor(Slow(clock, 1.0)),
        clock=clock,
        work_hint=lambda _: 1.0,
        reserve_s=lambda _history, refit_s: 30.0 + refit_s,
    )
    assert 50 < clock.now <= 70


def test_one_fit_is_tried_even_when_the_finish_asks_for_all_the_time() -> None:
    clock = Clock()
    engine = run(
        a_plan("5s"), a_log(), InlineExecutor(Slow(clock, 3.0)), clock=clock, reserve_s=lambda _history, _refit: 60.0
    )
    assert engine.history.n_fold_fits == 1
    assert engine.history.first_model is not None


def test_a_budget_too_small_for_one_fit_says_how_much_is_enough() -> None:
    class Never(Bowl):
        def run(self, job: Job, threads: int) -> FoldResult:
            import time

            time.sleep(60)
            raise AssertionError

    import time

    with pytest.raises(BudgetTooSmall, match=r"(?s)not one fit.*fix: allow about \d+s"):
        run(a_plan("0.5s"), a_log(), ProcessExecutor(Never(), 1), clock=time.monotonic)


def test_when_everything_fails_the_first_error_is_told() -> None:
    plan = a_plan(
        "3 trials", starts=({"x": 0.1, "kind": "bad"},), space=SearchSpace.parse({"x": (0.0, 1.0), "kind": ["bad"]})
    )
    with pytest.raises(NoModel, match="this kind never works"):
        run(plan, a_log(), InlineExecutor(Bowl()))


@dataclass
class DiesOnce:
    """Kills its worker the first time a fold is tried, as a passing fault of the machine would."""

    path: str

    def run(self, job: Job, threads: int) -> FoldResult:
        import os
        from pathlib import Path

        mark = Path(self.path) / f"{job.trial}-{job.fold}"
        if job.trial == 2 and not mark.exists():
            mark.touch()
            os._exit(9)
        return Bowl().run(job, threads)


def test_a_fold_lost_with_its_worker_is_run_once_more(tmp_path: Any) -> None:
    plan = a_plan("5 trials", space=SearchSpace.parse({"x": (0.0, 1.0), "kind": ["good"]}))
    history = run(plan, a_log(), ProcessExecutor(DiesOnce(str(tmp_path)), 1)).history
    assert [t.state for t in history.trials] == ["complete"] * 5


@dataclass(frozen=True)
class LosesFits:
    """Kills its worker the first so many times a fit on all rows is tried."""

    path: str
    times: int

    def run(self, job: Job, threads: int) -> FoldResult:
        import os
        from pathlib import Path

        tries = sum(1 for _ in Path(self.path).iterdir())
        if job.fold == ALL_ROWS and tries < self.times:
            (Path(self.path) / str(tries)).touch()
            os._exit(9)
        return Bowl().run(job, threads)


@pytest.mark.parametrize(("times", "state"), [(1, "DONE"), (2, "LOST")])
def test_a_final_fit_lost_with_its_worker_is_tried_once_more(tmp_path: Any, times: int, state: str) -> None:
    plan = a_plan("3 trials", space=SearchSpace.parse({"x": (0.0, 1.0), "kind": ["good"]}))
    with closing(ProcessExecutor(LosesFits(str(tmp_path), times), 1)) as executor:
        strategy = get_strategy("random").for_study(plan.space, seed=0, n_trials=3)
        engine = Engine(plan, strategy, a_log(), executor, around())
        engine.open([fold * ROWS_A_FOLD for fold in range(N_FOLDS)], {})
        engine.search()
        assert engine.fit_all(engine.history.trials[0], 60.0).state == state


def test_an_interruption_keeps_what_is_finished_and_says_so() -> None:
    log = a_log()
    seen = 0

    def impatient(_progress: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(a_plan("12 trials"), log, InlineExecutor(Bowl()), on_progress=impatient)
    events = log.events()
    assert events[-1].kind == "study.paused"
    assert sum(e.kind == "fold.finished" and e.body["state"] == "DONE" for e in events) >= 5
    finished = run(a_plan("12 trials"), log, InlineExecutor(Bowl()))
    assert finished.history.n_evaluated == 12


def test_a_policy_can_drop_a_trial_after_any_fold_without_the_engine_knowing_why() -> None:
    class FirstFoldOnly:
        name: ClassVar[str] = "first fold only"

        def drop(self, trial: Trial, rivals: Sequence[Trial]) -> Drop | None:
            return Drop("enough seen")

        def horizon(self, trial: Trial, rivals: Sequence[Trial], n_folds: int) -> int:
            return n_folds

    strategy = get_strategy("random").for_study(SPACE, seed=0, n_trials=None)
    with closing(InlineExecutor(Bowl())) as executor:
        engine = Engine(a_plan("6 trials"), strategy, a_log(), executor, around(), policy=FirstFoldOnly())
        engine.open([0, ROWS_A_FOLD, 2 * ROWS_A_FOLD], {})
        engine.search()
    states = {t.number: (t.state, len(t.fold_scores)) for t in engine.history.trials if t.config["kind"] == "good"}
    assert states.pop(0) == ("complete", N_FOLDS)  # the default is never dropped
    assert set(states.values()) == {("dropped", 1)}
    partial = [o for o in engine.history.observations() if o.state == "partial"]
    assert partial
    assert all(o.folds_done == 1 for o in partial)
