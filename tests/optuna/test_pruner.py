from __future__ import annotations

import pytest

import optuna
from luthier.optuna import LuthierPruner

optuna.logging.set_verbosity(optuna.logging.ERROR)


def lengths(losses: list[float], pruner: optuna.pruners.BasePruner, steps: int = 60) -> list[int]:
    """Steps that each trial got, whose loss is the same at every step."""
    study = optuna.create_study(pruner=pruner)
    reached = []
    for loss in losses:
        trial = study.ask()
        step = 0
        for step in range(1, steps + 1):
            trial.report(loss, step)
            if trial.should_prune():
                break
        study.tell(
            trial, loss if step == steps else None, state=None if step == steps else optuna.trial.TrialState.PRUNED
        )
        reached.append(step)
    return reached


def test_the_first_four_at_a_rung_stop_there_and_then_the_best_quarter_goes_on() -> None:
    assert lengths([4, 3, 2, 1, 0.5, 5, 0.4, 9], LuthierPruner()) == [4, 4, 4, 4, 16, 4, 16, 4]


def test_in_the_long_run_the_best_get_whole_trainings() -> None:
    reached = lengths([1 / (k + 1) for k in range(30)], LuthierPruner())
    assert reached[-1] == 60


def test_the_first_rung_can_be_moved() -> None:
    assert lengths([2, 1], LuthierPruner(first_rung=10)) == [10, 10]
    with pytest.raises(ValueError, match="min_resource"):
        LuthierPruner(first_rung=0)
