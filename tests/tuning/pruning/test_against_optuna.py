"""Pruners stop the same trials as Optuna's, fed with the same reports."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

from luthier.tuning.pruning import Halving, Hyperband, MedianPruner, PercentilePruner, Pruner, Reported

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.ERROR)

STEPS = 30


def curves(seed: int, n: int) -> list[list[float]]:
    rng = np.random.default_rng(seed)
    ends, noise = rng.uniform(0, 1, (n, 1)), rng.normal(0, 0.05, (n, STEPS))
    table = ends + np.exp(-np.arange(STEPS) / 8) + noise
    table[rng.random((n, STEPS)) < 0.01] = math.nan
    return [[float(loss) for loss in row] for row in table]


def stopped_by_ours(pruner: Pruner, all_curves: list[list[float]], sign: float) -> list[int | None]:
    done: list[Reported] = []
    ends: list[int | None] = []
    for trial, losses in enumerate(all_curves):
        curve: dict[float, float] = {}
        end = None
        for step, loss in enumerate(losses):
            curve[step] = loss
            if pruner.stops(trial, curve, done):
                end = step
                break
        done.append(Reported(trial, curve, complete=end is None))
        ends.append(end)
    return ends


def stopped_by_theirs(pruner: Any, all_curves: list[list[float]], sign: float) -> list[int | None]:
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    study = optuna.create_study(direction="minimize" if sign > 0 else "maximize", pruner=pruner, study_name="s")
    ends: list[int | None] = []
    for losses in all_curves:
        trial = study.ask()
        end = None
        for step, loss in enumerate(losses):
            trial.report(sign * loss, step)
            if trial.should_prune():
                end = step
                break
        if end is None:
            last = losses[-1]
            study.tell(trial, sign * (1.0 if math.isnan(last) else last))
        else:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        ends.append(end)
    return ends


PAIRS: list[tuple[Pruner, Any]] = [
    (MedianPruner(), optuna.pruners.MedianPruner),
    (MedianPruner(3, 5, 4, 2), lambda: optuna.pruners.MedianPruner(3, 5, 4, n_min_trials=2)),
    (PercentilePruner(25.0), lambda: optuna.pruners.PercentilePruner(25.0)),
    (
        PercentilePruner(70.0, 2, 3, 5, 3),
        lambda: optuna.pruners.PercentilePruner(70.0, 2, 3, 5, n_min_trials=3),
    ),
    (
        Halving(1, None, 3),
        lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    ),
    (
        Halving(2, None, 2, 1),
        lambda: optuna.pruners.SuccessiveHalvingPruner(2, reduction_factor=2, min_early_stopping_rate=1),
    ),
]


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["minimize", "maximize"])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=[repr(ours) for ours, _ in PAIRS])
def test_the_same_reports_stop_the_same_trials_at_the_same_step(ours: Pruner, theirs: Any, sign: float) -> None:
    all_curves = curves(seed=3, n=30)
    mine = stopped_by_ours(ours, all_curves, sign)
    assert mine == stopped_by_theirs(theirs(), all_curves, sign)
    assert None in mine
    assert any(end is not None for end in mine)


def test_a_bracket_of_hyperband_decides_as_optunas_halving_of_the_same_bracket() -> None:
    ours = Hyperband(1, 27)
    all_curves = curves(seed=5, n=60)
    ends = stopped_by_ours(ours, all_curves, 1.0)
    for bracket in range(4):
        members = [trial for trial in range(60) if ours.bracket(trial) == bracket]
        theirs = optuna.pruners.SuccessiveHalvingPruner(1, reduction_factor=3, min_early_stopping_rate=bracket)
        assert [ends[trial] for trial in members] == stopped_by_theirs(theirs, [all_curves[m] for m in members], 1.0)
