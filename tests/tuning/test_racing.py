from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.executors import InlineExecutor, ProcessExecutor
from luthier.space import SearchSpace
from luthier.store import MemoryStudyLog, predictions_digest
from luthier.strategies import Suggestion, get_strategy
from luthier.tuning import (
    Budget,
    Engine,
    FoldResult,
    FullCV,
    History,
    Job,
    PairedRacing,
    StudyPlan,
    Surroundings,
    Trial,
    seed_of,
)
from luthier.tuning.history import Fold

K, ROWS = 5, 3
SPACE = SearchSpace.parse({"x": (0.0, 1.0)})
FOLD_EFFECTS = np.array([0.0, 0.8, -0.5, 1.2, -0.9])
RACE = PairedRacing(overlap=0.25, greater_is_better=True)


def a_trial(scores: list[float], number: int = 0, score: float | None = None) -> Trial:
    folds = {i: Fold("DONE", s, 1.0, None) for i, s in enumerate(scores)}
    return Trial(number, {"x": 0.5}, "explore", "", folds=folds, score=score)


def complete(scores: list[float], number: int = 0) -> Trial:
    return a_trial(scores, number, float(np.mean(scores)))


# --- the rule ---------------------------------------------------------------------------------------------------------


def test_a_trial_far_behind_on_the_same_folds_is_dropped_after_two() -> None:
    incumbent = complete(list(0.8 + 0.01 * FOLD_EFFECTS))
    drop = RACE.drop(a_trial(list(0.6 + 0.01 * FOLD_EFFECTS[:2]), 1), [incumbent])
    assert drop is not None
    assert "behind trial 0 by 0.2" in drop.reason


def test_hard_folds_are_no_reason_to_drop() -> None:
    incumbent = complete(list(0.8 + 0.05 * FOLD_EFFECTS))
    assert RACE.drop(a_trial(list(0.8 + 0.05 * FOLD_EFFECTS[:3]), 1), [incumbent]) is None


def test_one_fold_decides_nothing_and_all_folds_leave_nothing_to_decide() -> None:
    incumbent = complete([0.8] * K)
    assert RACE.drop(a_trial([0.1], 1), [incumbent]) is None
    assert RACE.drop(a_trial([0.1] * K, 1), [incumbent]) is None


def test_nobody_is_dropped_before_somebody_is_complete() -> None:
    assert RACE.drop(a_trial([0.1, 0.1, 0.1], 1), []) is None


def test_where_lower_is_better_the_higher_is_dropped() -> None:
    race = replace(RACE, greater_is_better=False)
    incumbent = complete(list(0.2 + 0.01 * FOLD_EFFECTS))
    worse, better = (a_trial(list(level + 0.01 * FOLD_EFFECTS[:2]), 1) for level in (0.5, 0.1))
    drop = race.drop(worse, [incumbent])
    assert drop is not None
    assert drop.projected is not None
    assert drop.projected[0] == pytest.approx(0.5 + 0.01 * FOLD_EFFECTS.mean())
    assert race.drop(better, [incumbent]) is None


def test_the_projected_score_does_not_mind_which_folds_came_first() -> None:
    incumbent = complete(list(0.8 + 0.05 * FOLD_EFFECTS))
    drop = RACE.drop(a_trial(list(0.5 + 0.05 * FOLD_EFFECTS[:2]), 1), [incumbent])
    assert drop is not None
    assert drop.projected is not None
    assert drop.projected[0] == pytest.approx(0.5 + 0.05 * FOLD_EFFECTS.mean())
    assert drop.projected[1] > np.std(0.05 * FOLD_EFFECTS, ddof=1) / math.sqrt(K)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=4), st.floats(0, 3))
def test_a_worse_trial_is_never_kept_where_a_better_one_is_dropped(scores: list[float], less: float) -> None:
    incumbent = complete(list(FOLD_EFFECTS))
    if RACE.drop(a_trial(scores, 1), [incumbent]) is not None:
        assert RACE.drop(a_trial([s - less for s in scores], 1), [incumbent]) is not None


def test_a_better_trial_is_rarely_dropped() -> None:
    """Trials that all folds would make the winner: at z = 2 about 2 % would be lost, were nothing but noise at work."""
    rng = np.random.default_rng(0)
    lost = raced = 0
    for _ in range(1500):
        others = [complete(list(FOLD_EFFECTS + rng.normal(0, 0.3, K)), n) for n in range(6)]
        rivals = sorted(others, key=lambda t: -(t.score or 0.0))
        scores = FOLD_EFFECTS + 0.3 + rng.normal(0, 0.3, K)
        if scores.mean() <= (rivals[0].score or 0.0):
            continue
        raced += 1
        lost += any(RACE.drop(a_trial(list(scores[:m]), 9), rivals) is not None for m in range(2, K))
    assert raced > 500
    assert lost / raced < 0.03


# --- in the engine ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slope:
    """The nearer to 0.7 the better; folds differ far more than configurations, noise far less."""

    def run(self, job: Job, threads: int) -> FoldResult:
        x = job.config["x"]
        noise = 0.002 * np.random.default_rng(seed_of(job.fold, str(x))).normal()
        score = FOLD_EFFECTS[job.fold] - abs(x - 0.7) + noise
        return FoldResult(np.full((ROWS, 1), x, dtype=np.float32), float(score), 0.0)


def a_plan(budget: str = "30 trials", **changes: Any) -> StudyPlan:
    plan = StudyPlan({"what": "slope"}, SPACE, ({"x": 0.1},), "random", K, True, Budget.parse(budget))
    return replace(plan, **changes)


def run(plan: StudyPlan, executor: Any, log: MemoryStudyLog | None = None, **changes: Any) -> Engine:
    strategy = changes.pop("strategy", None) or get_strategy("random").for_study(SPACE, seed=0, n_trials=None)
    around = Surroundings(
        clock=lambda: 0.0,
        now_utc=lambda: "2026-01-01T00:00:00.000000Z",
        predictions_digest=predictions_digest,
        pooled_score=lambda _trial, scores: float(np.mean(scores)),
        work_hint=lambda _: 0.01,
        raced_among=changes.pop("raced_among", lambda _: ""),
    )
    log = log or MemoryStudyLog("s", shape=(K * ROWS, 1))
    with closing(executor):
        engine = Engine(plan, strategy, log, executor, around, changes.pop("policy", RACE))
        engine.open([fold * ROWS for fold in range(K)], {})
        engine.search()
    return engine


def told(history: History) -> list[tuple[Any, ...]]:
    return [(t.number, dict(t.config), t.state, t.score, t.projected, t.fold_scores) for t in history.trials]


def test_the_race_finds_the_winner_of_full_cross_validation_with_half_of_its_fits() -> None:
    raced, full = (run(a_plan("60 trials"), InlineExecutor(Slope()), policy=p).history for p in (RACE, FullCV()))
    assert raced.best is not None
    assert full.best is not None
    assert raced.best.config == full.best.config
    assert raced.n_fold_fits < 0.55 * full.n_fold_fits


def test_the_default_and_the_first_trials_are_never_dropped() -> None:
    history = run(a_plan(starts=({"x": 0.0}, {"x": 0.69}, {"x": 0.3})), InlineExecutor(Slope())).history
    assert history.trials[0].state == "complete"
    assert history.trials[1].state == "complete"
    assert history.trials[2].state == "dropped"


def test_only_complete_trials_can_win() -> None:
    history = run(a_plan(), InlineExecutor(Slope())).history
    dropped = [t for t in history.trials if t.state == "dropped"]
    assert dropped
    assert all(t.score is None for t in dropped)
    assert set(history.complete).isdisjoint(t.number for t in dropped)


def test_strategies_see_a_dropped_trial_as_what_it_would_have_been_and_less_surely() -> None:
    history = run(a_plan(), InlineExecutor(Slope())).history
    partial = [o for o in history.observations() if o.state == "partial"]
    surest = max(o.loss_sd for o in history.observations() if o.state == "complete")
    assert partial
    for o in partial:
        truth = -(FOLD_EFFECTS.mean() - abs(o.config["x"] - 0.7))
        assert o.loss == pytest.approx(truth, abs=0.01)
        assert o.folds_done < K
        assert o.loss_sd > 0.9 * surest


@pytest.mark.parametrize("workers", [2, 4])
def test_any_number_of_workers_gives_the_same_race_in_deterministic_mode(workers: int) -> None:
    plan = a_plan("24 trials", deterministic=True)
    one = run(plan, InlineExecutor(Slope()))
    many = run(plan, ProcessExecutor(Slope(), workers))
    assert told(one.history) == told(many.history)
    assert any(t.state == "dropped" for t in one.history.trials)


@pytest.mark.parametrize("cut", [3, 20, 33, 47, 60])
def test_a_race_cut_anywhere_and_taken_up_again_ends_as_if_never_cut(cut: int) -> None:
    plan = a_plan("20 trials", deterministic=True)
    whole = MemoryStudyLog("s", shape=(K * ROWS, 1))
    run(plan, InlineExecutor(Slope()), whole)
    torn = MemoryStudyLog("s", shape=(K * ROWS, 1))
    torn.append(whole.events()[:cut])
    for trial in range(20):
        torn.write_fold(trial, 0, whole.read_predictions([trial])[0])
    resumed = run(plan, InlineExecutor(Slope()), torn)
    retold = History(SPACE, K, greater_is_better=True)
    retold.replay(whole.events())
    assert told(resumed.history) == told(retold)


class Script:
    """Suggests what it was told to, then nothing."""

    name = "script"

    def __init__(self, *xs: float) -> None:
        self.xs = xs

    def ask(self, space: SearchSpace, history: Any, rng: np.random.Generator) -> Suggestion | None:
        number = len(history) - 1
        return Suggestion({"x": self.xs[number]}, "explore", "") if number < len(self.xs) else None


@dataclass(frozen=True)
class LateBloomer:
    """At x = 0.2 and 0.9 the first two folds go badly and the rest well."""

    def run(self, job: Job, threads: int) -> FoldResult:
        start, end = {0.1: (0.5, 0.5), 0.2: (0.4, 0.9), 0.9: (0.41, 0.8)}[job.config["x"]]
        score = start if job.fold < 2 else end
        noise = 0.01 * FOLD_EFFECTS[job.fold] * (job.config["x"] != 0.1)
        return FoldResult(np.full((ROWS, 1), job.config["x"], dtype=np.float32), score + noise, 0.0)


class DropsBehindTrialZero(PairedRacing):
    """Knows no mercy while the default leads, and none is needed later: the change of mind made plain."""

    def drop(self, trial: Trial, rivals: Any) -> Any:
        if rivals and rivals[0].number == 0 and trial.config["x"] == 0.2:
            return super().drop(trial, [complete([9.0 + s for s in rivals[0].fold_scores])])
        return None


def test_a_dropped_trial_is_gone_on_with_when_the_new_best_would_spare_it_and_nothing_else_is_proposed() -> None:
    policy = DropsBehindTrialZero(overlap=0.25, greater_is_better=True)
    log = MemoryStudyLog("s", shape=(K * ROWS, 1))
    history = run(a_plan(), InlineExecutor(LateBloomer()), log, strategy=Script(0.2, 0.9), policy=policy).history
    zero, dropped, ninth, again = history.trials
    assert (zero.state, dropped.state, ninth.state) == ("complete", "dropped", "complete")
    assert (again.state, again.continues, again.config) == ("complete", 1, {"x": 0.2})
    assert history.best is again
    assert history.n_fold_fits == K + 2 + K + (K - 2)  # the first two folds were not fitted again
    assert history.n_evaluated == 3
    assert not np.isnan(log.read_predictions([again.number])).any()
    retold = History(SPACE, K, greater_is_better=True)
    retold.replay(log.events())
    assert told(retold) == told(history)
    assert retold.n_fold_fits == history.n_fold_fits


def test_trials_race_only_among_those_they_are_said_to_race_with() -> None:
    """Without a rival of their own, both get all their folds however far behind they are."""
    work = LateBloomer()
    apart = run(a_plan(), InlineExecutor(work), strategy=Script(0.2, 0.9), raced_among=lambda config: str(config["x"]))
    assert [trial.state for trial in apart.history.trials] == ["complete"] * 3
    together = run(a_plan(), InlineExecutor(work), strategy=Script(0.2, 0.9))
    assert [trial.state for trial in together.history.trials] == ["complete", "dropped", "dropped"]


def test_proposing_a_dropped_configuration_again_goes_on_with_it_or_repeats_what_is_known() -> None:
    policy = DropsBehindTrialZero(overlap=0.25, greater_is_better=True)
    again = run(a_plan(), InlineExecutor(LateBloomer()), strategy=Script(0.2, 0.9, 0.2), policy=policy).history
    assert (again.trials[3].continues, again.trials[3].state) == (1, "complete")
    repeated = run(a_plan(), InlineExecutor(LateBloomer()), strategy=Script(0.2, 0.2), policy=policy).history
    assert repeated.trials[2].state == "duplicate"
    one, two = repeated.observations()[1:3]
    assert (two.state, two.loss, two.trial) == (one.state, one.loss, 2)
