"""What is shipped, fitted once more on fewer rows: the predictions that a learning curve is read off."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from luthier.api.problem import Problem
from luthier.evaluation.evidence import Evidence, Unanswered
from luthier.evaluation.learning_curve import SHARES, LearningCurve, learning_curve
from luthier.scoring.pool import pooled
from luthier.tuning import Job, say_seconds, seed_of

Indices = NDArray[np.int64]


def learning_curve_of(
    problem: Problem, evidence: Evidence, say: Callable[[str], None] = lambda _: None
) -> LearningCurve | Unanswered:
    """Fit what is shipped on an eighth, a quarter and half of every fold's training rows, and read off the curve.

    On rows in order of time the fewer rows are the latest; else they are drawn, whole groups together, and of every
    class the same share.

    Parameters
    ----------
    problem, evidence
        Of the study.
    say
        Called first with what it will cost, in words.
    """
    verdict, trials, splits = evidence.verdict, evidence.history.trials, evidence.table.splits
    fewer = [
        [_fewer(problem, train, share, forward=splits.kind == "forward", fold=number) for share in SHARES]
        for number, (train, _) in enumerate(splits.folds)
    ]
    if problem.dataset.schema.task != "regression":
        classes = len(problem.dataset.schema.classes)
        least = min(len(np.unique(problem.dataset.y[shares[0]])) for shares in fewer)
        if least < classes:
            return Unanswered(f"an eighth of the rows of a fold holds {least} of the {classes} classes")
    members = verdict.shipped_trials
    seconds = sum(share * fold.seconds for t in members for fold in trials[t].folds.values() for share in SHARES)
    say(f"fits {len(SHARES) * len(splits.folds) * len(members)} models on fewer rows, about {say_seconds(seconds)}")
    mend = evidence.shipped_with.recalibrator
    by_share = {share: np.empty_like(evidence.given) for share in SHARES}
    for number, (_, valid) in enumerate(splits.folds):
        for share, rows in zip(SHARES, fewer[number], strict=True):
            work = replace(problem.work, folds=[(rows, valid)])
            said = []
            for trial in members:
                result = work.run(Job(0, trial, 0, trials[trial].config, seed_of(problem.plan.seed, trial, number)), 1)
                assert result.predictions is not None, "a fit of one fold that ends gives predictions"
                said.append(result.predictions)
            p = np.asarray(pooled(said, verdict.shipped_weights, verdict.pool), np.float64)
            by_share[share][splits.fold_slice(number)] = p if mend is None else mend.apply(p)
    return learning_curve(evidence, by_share, round(float(np.mean([len(train) for train, _ in splits.folds]))))


def _fewer(problem: Problem, train: Indices, share: float, *, forward: bool, fold: int) -> Indices:
    """A share of a fold's training rows; smaller shares are part of larger ones."""
    if forward:
        return train[-max(1, round(share * len(train))) :]
    dataset = problem.dataset
    rng = np.random.default_rng(seed_of(problem.plan.seed, "learning curve", fold))
    if dataset.groups is not None:
        kinds = np.unique(dataset.groups[train], return_inverse=True)[1]
        place = rng.permutation(kinds.max() + 1)[kinds]
        return train[np.flatnonzero(place < math.ceil(share * (kinds.max() + 1)))]
    order = rng.permutation(len(train))
    strata = np.zeros(len(train)) if dataset.schema.task == "regression" else dataset.y[train]
    drawn = [of[: math.ceil(share * len(of))] for of in (order[strata[order] == s] for s in np.unique(strata))]
    return np.sort(train[np.concatenate(drawn)])
