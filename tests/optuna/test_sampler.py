"""Luthier's search inside Optuna's studies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.ERROR)

from luthier.optuna import LuthierSampler  # noqa: E402  (only where Optuna is)


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


def test_several_objectives_are_drawn_at_random() -> None:
    study = optuna.create_study(sampler=LuthierSampler(seed=0), directions=["minimize", "maximize"])
    study.optimize(lambda trial: (bowl(trial), trial.params["x"]), n_trials=6)
    assert len({trial.params["x"] for trial in study.trials}) == 6
