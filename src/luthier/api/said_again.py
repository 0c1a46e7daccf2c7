"""What is shipped, fitted once more on every fold with something changed: what it says of rows it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from luthier.api.problem import Problem
from luthier.evaluation.evidence import Evidence
from luthier.scoring.pool import pooled
from luthier.tuning import Job, TableWork, seed_of

Indices = NDArray[np.int64]


def said_again(
    problem: Problem, evidence: Evidence, change: Callable[[TableWork, int], TableWork], *, seed: str | None = None
) -> NDArray[np.float64]:
    """(m, k): predictions for every slab row, as a user of the model would get them.

    Parameters
    ----------
    change
        Gives, for the work with one fold (number 0) and that fold's number in the evidence, the work to do instead.
    seed
        Names a randomness of its own; None is that of the study.
    """
    verdict, trials, splits = evidence.verdict, evidence.history.trials, evidence.table.splits
    mend = evidence.shipped_with.recalibrator
    told = np.empty_like(evidence.given)
    for number, fold in enumerate(splits.folds):
        work = change(replace(problem.work, folds=[fold]), number)
        own = next(k for k, (_, valid) in enumerate(problem.splits.folds) if np.array_equal(valid, fold[1]))
        said = []
        for trial in verdict.shipped_trials:
            luck = seed_of(problem.plan.seed, *(() if seed is None else (seed,)), trial, own)
            result = work.run(Job(0, trial, 0, trials[trial].config, luck), 1)
            assert result.predictions is not None, "a fit of one fold that ends gives predictions"
            said.append(result.predictions)
        p = np.asarray(pooled(said, verdict.shipped_weights, verdict.pool), np.float64)
        told[splits.fold_slice(number)] = p if mend is None else mend.apply(p)
    return told


def fits_s(evidence: Evidence) -> float:
    """Seconds that it takes once."""
    trials = evidence.history.trials
    return sum(fold.seconds for trial in evidence.verdict.shipped_trials for fold in trials[trial].folds.values())


def fewer(problem: Problem, train: Indices, share: float, rng: np.random.Generator) -> Indices:
    """A share of training rows, whole groups together, else of every class alike; of one rng, smaller are in larger."""
    dataset = problem.dataset
    if dataset.groups is not None:
        kinds = np.unique(dataset.groups[train], return_inverse=True)[1]
        place = rng.permutation(kinds.max() + 1)[kinds]
        return train[np.flatnonzero(place < np.ceil(share * (kinds.max() + 1)))]
    order = rng.permutation(len(train))
    strata = np.zeros(len(train)) if dataset.schema.task == "regression" else dataset.y[train]
    drawn = [of[: int(np.ceil(share * len(of)))] for of in (order[strata[order] == s] for s in np.unique(strata))]
    return np.sort(train[np.concatenate(drawn)])
