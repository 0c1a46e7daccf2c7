"""What is shipped, fitted once more on fewer rows: the predictions that a learning curve is read off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.api.problem import Problem
from luthier.evaluation.evidence import Evidence
from luthier.evaluation.learning_curve import SHARES, LearningCurve, learning_curve
from luthier.scoring.pool import pooled
from luthier.tuning import Job, say_seconds, seed_of


def learning_curve_of(
    problem: Problem, evidence: Evidence, say: Callable[[str], None] = lambda _: None
) -> LearningCurve:
    """Fit what is shipped on an eighth, a quarter and half of every fold's training rows, and read off the curve.

    On rows in order of time the fewer rows are the latest; else they are drawn, whole groups together.

    Parameters
    ----------
    problem, evidence
        Of the study.
    say
        Called first with what it will cost, in words.
    """
    verdict, trials, splits = evidence.verdict, evidence.history.trials, evidence.table.splits
    members = verdict.shipped_trials
    seconds = sum(share * fold.seconds for t in members for fold in trials[t].folds.values() for share in SHARES)
    say(f"fits {len(SHARES) * len(splits.folds) * len(members)} models on fewer rows, about {say_seconds(seconds)}")
    mend = evidence.shipped_with.recalibrator
    by_share: dict[float, NDArray[Any]] = {}
    for share in SHARES:
        made = np.empty_like(evidence.given)
        for number, (train, valid) in enumerate(splits.folds):
            fewer = _fewer(problem, train, share, forward=splits.kind == "forward", fold=number)
            work = replace(problem.work, folds=[(fewer, valid)])
            said = []
            for trial in members:
                result = work.run(Job(0, trial, 0, trials[trial].config, seed_of(problem.plan.seed, trial, number)), 1)
                said.append(result.predictions)
            p = np.asarray(pooled(said, verdict.shipped_weights, verdict.pool), np.float64)
            made[splits.fold_slice(number)] = p if mend is None else mend.apply(p)
        by_share[share] = made
    rows = round(float(np.mean([len(train) for train, _ in splits.folds])))
    return learning_curve(evidence, by_share, rows)


def _fewer(problem: Problem, train: NDArray[np.int64], share: float, *, forward: bool, fold: int) -> NDArray[np.int64]:
    """A share of a fold's training rows; smaller shares are part of larger ones."""
    if forward:
        return train[-max(1, round(share * len(train))) :]
    groups = problem.dataset.groups
    units = np.arange(len(train)) if groups is None else np.unique(groups[train], return_inverse=True)[1]
    rng = np.random.default_rng(seed_of(problem.plan.seed, "learning curve", fold))
    place = rng.permutation(int(units.max()) + 1)[units]
    return train[place < max(1, round(share * (int(units.max()) + 1)))]
