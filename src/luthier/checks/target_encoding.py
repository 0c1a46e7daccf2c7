"""Leakage: categories replaced by the target's averages, the row's own target among them."""

from __future__ import annotations

import shlex

import numpy as np
from numpy.typing import NDArray

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_enough_data
from luthier.checks.flattery import compare
from luthier.checks.one_column import FOLDS, out_of_fold_means, targets
from luthier.checks.sample import fit_seconds, some_rows
from luthier.models import Task

CODE = "leak.target-encoding"
Floats = NDArray[np.float64]
LEAST_ROWS = 100
LEAST_LEVELS = 8
LEAST_PER_LEVEL = 1.5
SMOOTHING = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
TOO_GOOD = 0.05


def look(context: Context) -> Answer:
    """A column of numbers that are averages of the target over the rows of this very table.

    The rows of one value of an honest column scatter about it: with n rows the average of the target is off by a
    standard error, s / sqrt(n). Where the values agree with the averages twenty times better than that (mean squared
    error in standard errors below 0.05, after a straight line, plain or smoothed towards the overall average), every
    value was worked out with the target of its own rows. The score with the column as it is stands beside the score
    with averages worked out on other folds: an error where that is grave.
    """
    data = context.dataset
    if data.n_rows < LEAST_ROWS:
        return not_enough_data(f"{data.n_rows} rows are too few averages; {LEAST_ROWS} would do")
    task, t = data.schema.task, targets(data.y, data.schema.task)
    found = []
    for j, feature in enumerate(data.schema.features):
        if feature.kind != "numeric":
            continue
        values, levels = np.unique(np.round(data.X[:, j], 10), return_inverse=True)
        several = np.bincount(levels) > 1
        if several.sum() < LEAST_LEVELS or len(values) * LEAST_PER_LEVEL > data.n_rows or np.isnan(values).any():
            continue
        misfit = min(_misfit(values, levels, t[:, k]) for k in range(t.shape[1]))
        if misfit >= TOO_GOOD:
            continue
        found.append(_finding(context, feature.source, levels.astype(np.int64), misfit, task))
    return tuple(found)


def _misfit(values: Floats, levels: NDArray[np.intp], t: Floats) -> float:
    """Mean squared distance of values from the averages of their rows, in squared standard errors of those."""
    n = np.bincount(levels).astype(np.float64)
    mean = np.bincount(levels, weights=t) / n
    within = float(np.sum((t - mean[levels]) ** 2)) / max(len(t) - len(n), 1)
    if within <= 0:
        return np.inf
    best = np.inf
    for a in SMOOTHING:
        smooth = (n * mean + a * t.mean()) / (n + a)
        w = n / n.sum()
        x = values - w @ values
        m = smooth - w @ smooth
        if (power := float(w @ x**2)) <= 0:
            return np.inf
        slope = float(w @ (x * m)) / power
        scatter = within * n / (n + a) ** 2
        best = min(best, float(np.mean((m - slope * x) ** 2 / scatter)))
    return best


def _finding(context: Context, name: str, levels: NDArray[np.int64], misfit: float, task: Task) -> Finding:
    data = context.dataset
    rng = context.rng(f"{CODE} {name}")
    rows = some_rows(data.n_rows, rng)
    sample = context.sample(rows, always=(name,))
    fold = sample.shuffled_folds(rng)
    at = sample.sources.index(name)
    flattered = sample.predict_out_of_fold(fold, context.seed)
    averages = out_of_fold_means(np.unique(levels[rows], return_inverse=True)[1], targets(sample.y, task), fold)
    honest_sample = sample.with_feature(at, averages[:, -1])
    honest = honest_sample.predict_out_of_fold(fold, context.seed)
    flattery = compare(sample, flattered, honest, np.arange(len(rows)))
    return Finding(
        CODE,
        f"{name!r} holds averages of {data.schema.target!r} over the rows of this table, each row's own among them",
        flattery.severity if flattery.is_clear else "warning",
        (name,),
        {
            **flattery.evidence("as_it_is", "averaged_out_of_fold"),
            "misfit": round(misfit, 5),
            "levels": len(np.unique(levels)),
        },
        f"give the categories themselves, which are encoded inside every fold: --drop {shlex.quote(name)}",
    )


CHECK = Check(
    CODE,
    "Were categories replaced by averages of the target?",
    look,
    lambda context: fit_seconds(context.dataset, 2 * FOLDS),
)
