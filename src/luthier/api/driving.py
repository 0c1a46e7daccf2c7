"""The models of the folds once more, to ask them what their answers rest on: the predictions alone do not say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.api.problem import Problem
from luthier.errors import UsageError
from luthier.evaluation.drivers import POINTS, REPEATS, SHOWN, Drivers, drivers
from luthier.evaluation.evidence import Evidence
from luthier.models import Fitted, split_config
from luthier.scoring.pool import pooled
from luthier.tuning import Job, say_seconds, seed_of


def drivers_of(problem: Problem, evidence: Evidence, say: Callable[[str], None] = lambda _: None) -> Drivers:
    """Fit what is shipped on every fold again, and work out what its answers rest on.

    Parameters
    ----------
    problem, evidence
        Of the study.
    say
        Called first with what it will cost, in words.

    Raises
    ------
    UsageError
        A fold's model cannot be fitted again.
    """
    verdict, trials = evidence.verdict, evidence.history.trials
    members = list(verdict.shipped_trials)
    folds = [_number(problem, valid) for _, valid in evidence.table.splits.folds]
    fits_s = sum(trials[number].folds[fold].seconds for number in members for fold in folds)
    asked = REPEATS * len({feature.source for feature in problem.dataset.schema.features}) + SHOWN * POINTS
    predict_s = sum(trials[number].folds[fold].predict_s for number in members for fold in folds)
    say(f"fits {len(members) * len(folds)} models again, about {say_seconds(fits_s + asked * predict_s)}")
    models = [[_fitted(problem, trials[number].config, number, fold) for number in members] for fold in folds]
    mend = evidence.shipped_with.recalibrator

    def ask(fold: int, rows: Mapping[str, Any]) -> NDArray[np.float64]:
        said = [model.predict(rows[form]) for form, model in models[fold]]
        p = np.asarray(pooled(said, verdict.shipped_weights, verdict.pool), np.float64)
        return p if mend is None else np.asarray(mend.apply(p), np.float64)

    return drivers(evidence, problem.work.inputs, ask)


def _number(problem: Problem, valid: NDArray[Any]) -> int:
    """Which of the problem's folds has these rows."""
    return next(k for k, (_, own) in enumerate(problem.splits.folds) if np.array_equal(own, valid))


def _fitted(problem: Problem, config: Mapping[str, Any], trial: int, fold: int) -> tuple[str, Fitted]:
    """The model of a fold, as the study fitted it, and the form of rows it asks for."""
    name, _ = split_config(config)
    job = Job(0, trial, fold, config, seed_of(problem.plan.seed, trial, fold), keep_model=True)
    result = problem.work.run(job, 1)
    if result.model is None:
        raise UsageError(f"trial {trial} has no model on fold {fold}", fix="evaluate without drivers")
    family = problem.families[name]
    return family.input, family.load(result.model)
