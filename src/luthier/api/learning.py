"""What is shipped, fitted once more on fewer rows: the predictions that a learning curve is read off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from luthier.api.problem import Problem
from luthier.api.said_again import Indices, fewer, fits_s, said_again
from luthier.evaluation.evidence import Evidence, Unanswered
from luthier.evaluation.learning_curve import FEWEST_ROWS, SHARES, LearningCurve, learning_curve
from luthier.tuning import TableWork, say_seconds, seed_of


def learning_curve_of(
    problem: Problem, evidence: Evidence, say: Callable[[str], None] = lambda _: None
) -> LearningCurve | Unanswered:
    """Fit what is shipped on an eighth, a quarter and half of every fold's training rows, and read off the curve.

    On rows in order of time the fewer rows are the latest; else they are drawn, whole groups together, or of every
    class the same share.

    Parameters
    ----------
    problem, evidence
        Of the study.
    say
        Called first with what it will cost, in words.
    """
    splits = evidence.table.splits
    parts = [
        [_part(problem, train, share, forward=splits.kind == "forward", fold=number) for share in SHARES]
        for number, (train, _) in enumerate(splits.folds)
    ]
    rows = round(float(np.mean([len(train) for train, _ in splits.folds])))
    smallest = min(len(shares[0]) for shares in parts)
    if smallest < FEWEST_ROWS:
        return Unanswered(f"an eighth of the rows of a fold is {smallest}; {FEWEST_ROWS} would do")
    if problem.dataset.schema.task != "regression":
        classes = len(problem.dataset.schema.classes)
        least = min(len(np.unique(problem.dataset.y[shares[0]])) for shares in parts)
        if least < classes:
            return Unanswered(f"an eighth of the rows of a fold holds {least} of the {classes} classes")
    fits = len(SHARES) * len(splits.folds) * len(evidence.verdict.shipped_trials)
    say(f"fits {fits} models on fewer rows, about {say_seconds(sum(SHARES) * fits_s(evidence))}")

    def of(place: int) -> Callable[[TableWork, int], TableWork]:
        return lambda work, fold: replace(work, folds=[(parts[fold][place], work.folds[0][1])])

    by_share = {share: said_again(problem, evidence, of(place)) for place, share in enumerate(SHARES)}
    return learning_curve(evidence, by_share, rows)


def _part(problem: Problem, train: Indices, share: float, *, forward: bool, fold: int) -> Indices:
    if forward:
        return train[-max(1, round(share * len(train))) :]
    rng = np.random.default_rng(seed_of(problem.plan.seed, "learning curve", fold))
    return fewer(problem, train, share, rng)
