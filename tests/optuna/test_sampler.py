"""Luthier's search inside Optuna's studies."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.ERROR)

from optuna.testing.pytest_samplers import (  # noqa: E402
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from luthier.optuna import LuthierSampler  # noqa: E402  (only where Optuna is)
from luthier.strategies.pareto import hypervolume  # noqa: E402


def bowl(trial: Any) -> float:
    x, y = trial.suggest_float("x", -5, 5), trial.suggest_float("y", -5, 5)
    return float((x - 1) ** 2 + (y + 2) ** 2)


def branches(trial: Any) -> float:
    if trial.suggest_categorical("model", ["svm", "forest"]) == "svm":
        return float(abs(math.log10(trial.suggest_float("C", 1e-3, 1e3, log=True)) - 1))
    return float(2.0 + abs(trial.suggest_int("depth", 1, 9) - 4))


def best_of(objective: object, sampler: object, n: int, direction: str = "minimize") -> float:
    study = optuna.create_study(sampler=sampler, direction=direction)
    study.optimize(objective, n_trials=n)
    return float(study.best_value)


def test_it_finds_the_bottom_of_a_bowl_that_random_search_does_not() -> None:
    ours = np.median([best_of(bowl, LuthierSampler(seed=s), 25) for s in range(3)])
    blind = np.median([best_of(bowl, optuna.samplers.RandomSampler(seed=s), 25) for s in range(3)])
    assert ours < 0.1 * blind


def test_it_climbs_where_more_is_better() -> None:
    assert best_of(lambda trial: -bowl(trial), LuthierSampler(seed=0), 25, "maximize") > -0.1


def test_it_learns_which_parameters_exist_when() -> None:
    assert best_of(branches, LuthierSampler(seed=1), 30) < 0.1


def test_the_same_seed_gives_the_same_trials() -> None:
    runs = []
    for _ in range(2):
        study = optuna.create_study(sampler=LuthierSampler(seed=3))
        study.optimize(branches, n_trials=12)
        runs.append([trial.params for trial in study.trials])
    assert runs[0] == runs[1]


def test_pruned_failed_and_enqueued_trials_are_taken_in() -> None:
    def objective(trial: Any) -> float:
        value = bowl(trial)
        trial.report(value, 1)
        if trial.number % 4 == 1:
            raise optuna.TrialPruned
        if trial.number % 4 == 3:
            raise ValueError("boom")
        return value

    study = optuna.create_study(sampler=LuthierSampler(seed=0))
    study.enqueue_trial({"x": 4.0, "y": 4.0})
    study.optimize(objective, n_trials=16, catch=ValueError)
    assert study.trials[0].params == {"x": 4.0, "y": 4.0}
    assert len(study.trials) == 16


def test_a_pruned_trial_is_known_by_the_share_it_reached() -> None:
    """Read at a fifth of its training, everything near the optimum looks worse than what was trained to the end."""

    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0, 1)
        for step in range(1, 6):
            trial.report((x - 0.8) ** 2 + 5 / step, step)
            if step == 1 and trial.number % 2 and x > 0.5:
                raise optuna.TrialPruned
        return float((x - 0.8) ** 2 + 1)

    late = []
    for seed in range(3):
        study = optuna.create_study(sampler=LuthierSampler(seed=seed))
        study.optimize(objective, n_trials=24)
        late += [trial.params["x"] for trial in study.trials[16:]]
    assert np.median(np.abs(np.array(late) - 0.8)) < 0.1


def front_volume(sampler: Any) -> float:
    study = optuna.create_study(sampler=sampler, directions=["minimize", "maximize"])

    def two(trial: Any) -> tuple[float, float]:
        x = [trial.suggest_float(f"x{k}", 0, 1) for k in range(4)]
        off = sum((v - 0.5) ** 2 for v in x[1:])
        return x[0] + off, -((1 - x[0]) ** 2) - off

    study.optimize(two, n_trials=40)
    values = np.array([trial.values for trial in study.trials]) * [1.0, -1.0]
    return hypervolume(values, np.array([2.0, 2.0]))


def test_several_objectives_get_a_larger_front_than_by_random_search() -> None:
    ours = np.median([front_volume(LuthierSampler(seed=s)) for s in range(3)])
    blind = np.median([front_volume(optuna.samplers.RandomSampler(seed=s)) for s in range(3)])
    assert ours > 1.02 * blind


def test_constraints_are_kept_to() -> None:
    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.set_constraint("room", x - 0.4)
        return -float(x)

    study = optuna.create_study(sampler=LuthierSampler(seed=0))
    study.optimize(objective, n_trials=25)
    kept = [trial.params["x"] for trial in study.trials if trial.params["x"] <= 0.4]
    assert max(kept) > 0.37


def test_one_sampler_serves_two_studies_one_after_the_other() -> None:
    sampler = LuthierSampler(seed=0)
    assert best_of(bowl, sampler, 12) < 25
    assert best_of(branches, sampler, 30) < 0.3


class TestOptunasOwnBasicTests(BasicSamplerTestCase):
    """Optuna's published tests of what every sampler does."""

    @pytest.fixture
    def sampler(self) -> Callable[[], Any]:
        return LuthierSampler


class TestOptunasOwnRelativeTests(RelativeSamplerTestCase):
    """Optuna's published tests of samplers that see parameters together."""

    @pytest.fixture
    def sampler(self) -> Callable[[], Any]:
        return LuthierSampler


class TestOptunasOwnMultiObjectiveTests(MultiObjectiveSamplerTestCase):
    """Optuna's published tests of samplers for several objectives."""

    @pytest.fixture
    def sampler(self) -> Callable[[], Any]:
        return LuthierSampler
