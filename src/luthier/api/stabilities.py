"""What is shipped, fitted once more with other luck: the predictions that its stability is read off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.api.problem import Problem
from luthier.api.said_again import fewer, fits_s, said_again
from luthier.evaluation.evidence import Evidence
from luthier.evaluation.stability import LEFT_OUT, NUDGE, WRONG_LABELS, Stability, stability
from luthier.tuning import TableWork, say_seconds, seed_of


def stability_of(problem: Problem, evidence: Evidence, say: Callable[[str], None] = lambda _: None) -> Stability:
    """Fit what is shipped on every fold with another seed, with a tenth of the rows left out, and with a twentieth of
    the labels wrong, and ask it about numbers that are slightly others.

    Parameters
    ----------
    problem, evidence
        Of the study.
    say
        Called first with what it will cost, in words.
    """
    fits = 4 * len(evidence.table.splits.folds) * len(evidence.verdict.shipped_trials)
    say(f"fits {fits} models with other luck, about {say_seconds(4 * fits_s(evidence))}")

    def rng(fold: int) -> np.random.Generator:
        return np.random.default_rng(seed_of(problem.plan.seed, "stability", fold))

    def with_fewer(work: TableWork, fold: int) -> TableWork:
        train, valid = work.folds[0]
        return replace(work, folds=[(fewer(problem, train, 1 - LEFT_OUT, rng(fold)), valid)])

    def nudged(work: TableWork, fold: int) -> TableWork:
        valid = work.folds[0][1]
        return replace(
            work, inputs={form: _nudged(problem, rows, valid, rng(fold)) for form, rows in work.inputs.items()}
        )

    def mislabelled(work: TableWork, fold: int) -> TableWork:
        return replace(work, y=_mislabelled(problem, work.folds[0][0], rng(fold)))

    told = {
        "seed": said_again(problem, evidence, lambda work, _: work, seed="stability"),
        "rows": said_again(problem, evidence, with_fewer),
        "nudge": said_again(problem, evidence, nudged),
    }
    return stability(evidence, told, said_again(problem, evidence, mislabelled))


def _nudged(problem: Problem, rows: Any, valid: NDArray[np.int64], rng: np.random.Generator) -> Any:
    """All rows, the numbers of those to judge by moved a little."""
    moved = rows.copy()
    if hasattr(rows, "iloc"):
        for name in (name for name in rows.columns if rows[name].dtype.kind in "fiu"):
            values = rows[name].to_numpy(np.float64, copy=True, na_value=np.nan)
            values[valid] += NUDGE * np.nanstd(values) * rng.standard_normal(len(valid))
            moved[name] = values
        return moved
    for j in (j for j, feature in enumerate(problem.dataset.schema.features) if feature.kind == "numeric"):
        moved[valid, j] += NUDGE * np.nanstd(rows[:, j]) * rng.standard_normal(len(valid))
    return moved


def _mislabelled(problem: Problem, train: NDArray[np.int64], rng: np.random.Generator) -> NDArray[Any]:
    """The target with a share of the training labels wrong: other classes at random, or values dealt out anew."""
    y = problem.dataset.y.copy()
    wrong = train[rng.random(len(train)) < WRONG_LABELS]
    if problem.dataset.schema.task == "regression":
        y[wrong] = y[rng.permutation(wrong)]
        return y
    classes = len(problem.dataset.schema.classes)
    y[wrong] = (y[wrong] + rng.integers(1, classes, len(wrong))) % classes
    return y
