"""Which rows a model learns from and which rows judge it, chosen by what the table is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import BadSplit
from luthier.scoring.forward import Fold, Indices, forward_windows, time_blocks
from luthier.scoring.metrics import Task
from luthier.scoring.partition import grouped, shuffled, stratified

Floats = NDArray[np.float64]

N_FOLDS = 5
SMALL = 500
"""Rows below which every row is judged twice, in other company; our judgement, not measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """The folds of a study, and the slab: the validation rows of all folds, one fold after another.

    Attributes
    ----------
    kind
        "stratified", "shuffled", "grouped", "forward" or "own".
    reason
        A plain sentence: what was chosen and why.
    folds
        Pairs (rows to learn from, rows to judge by), in the order in which they should be run: random, so that the
        first few are a fair sample of all, and fixed by the seed. Of windows of time the last comes first: its model
        learned from nearly all rows, so it is the one to have when no other can be fitted.
    n_repeats
        How often every row is judged (1 where rows are judged unequally often).
    rows
        (m,): the slab, row numbers of the table.
    units
        (m,): what the replay draws: the row itself, its group, or its block of time; codes 0..u-1.
    weights
        (m,): base weight of every slab row: its sample weight over the times it is judged, and in time-ordered tables
        how much its season counts in the stretch to come.
    """

    kind: str
    reason: str
    folds: tuple[Fold, ...]
    n_repeats: int
    rows: Indices
    units: Indices
    weights: Floats

    def __post_init__(self) -> None:
        m = sum(len(valid) for _, valid in self.folds)
        if not (self.rows.shape == self.units.shape == self.weights.shape == (m,)):
            raise ValueError(f"the folds judge {m} rows; rows, units and weights must be of that length")

    def fold_slice(self, fold: int) -> slice:
        """Where the validation rows of a fold lie in the slab."""
        sizes = [len(valid) for _, valid in self.folds]
        start = sum(sizes[:fold])
        return slice(start, start + sizes[fold])


def choose_splits(
    y: NDArray[Any],
    task: Task,
    *,
    groups: NDArray[Any] | None = None,
    times: NDArray[Any] | None = None,
    weights: NDArray[Any] | None = None,
    n_folds: int | None = None,
    seed: int = 0,
    cv: Any = None,
) -> Splits:
    """The folds that fit the table.

    A table ordered in time is judged looking forward (see `forward_windows`), a grouped one by groups never seen, any
    other by folds of rows, stratified by class where there are classes, and repeated when rows are few.

    Parameters
    ----------
    y
        (n,): coded target.
    task
        What is predicted.
    groups
        (n,): rows of one group are never on both sides of a split.
    times
        (n,): numbers that order the rows; dates as seconds since 1970, which is how seasons are recognised.
    weights
        (n,): sample weights, >= 0.
    n_folds
        Folds (or windows of time) wanted; chosen when None.
    seed
        Fixes which rows fall together, and the order of the folds.
    cv
        The user's own: a number of folds, an object with scikit-learn's ``split(X, y, groups)``, or pairs of row
        numbers (learn from, judge by).

    Raises
    ------
    BadSplit
        The rows, the groups, the distinct times or a class are too few for the folds asked for, or for any; or the
        user's own pairs overlap or leave the table.
    """
    n = len(y)
    if cv is not None and not _is_count(cv):
        return _own(cv, y, groups, times, weights)
    asked = int(cv) if cv is not None else n_folds
    if asked is not None and asked < 2:
        raise BadSplit(f"{asked} folds cannot judge what was learned from the others", fix="ask for 2 folds or more")
    if n < 4:
        raise BadSplit(f"the table has {n} rows, too few to learn from some and judge by others", fix="bring more rows")
    if asked is not None and asked > n:
        raise BadSplit(
            f"{n} rows cannot make {asked} folds", fix=f"ask for {min(n // 2, N_FOLDS)} folds, or bring more rows"
        )
    if task != "regression":
        _check_classes(y)

    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x5917]))
    if times is not None:
        return _forward(y, task, np.asarray(times, np.float64), groups, weights, asked, rng)
    if groups is not None:
        folds = grouped(y, task, np.unique(groups, return_inverse=True)[1], asked, N_FOLDS, rng)
        n_groups = len(np.unique(groups))
        reason = (
            f"{len(folds)} folds that keep each of the {n_groups} groups on one side, as groups to come are new ones"
        )
        return _assembled("grouped", reason, folds, 1, n, groups, weights)
    k = asked or min(N_FOLDS, n // 2)
    n_repeats = 2 if asked is None and n < SMALL else 1
    deal = shuffled if task == "regression" else stratified
    folds = tuple(fold for _ in range(n_repeats) for fold in deal(y, k, rng))
    kind = "shuffled" if task == "regression" else "stratified"
    what = f"{k} {kind} folds" + (", every row judged twice" if n_repeats > 1 else "")
    if n_repeats > 1:
        why = f"as with {n} rows the score hangs on who falls together"
    elif asked is not None:
        why = "as asked"
    else:
        why = f"as the {n} rows are neither ordered in time nor grouped"
    return _assembled(kind, f"{what}, {why}", folds, n_repeats, n, None, weights)


def _forward(
    y: NDArray[Any],
    task: Task,
    times: Floats,
    groups: NDArray[Any] | None,
    weights: NDArray[Any] | None,
    asked: int | None,
    rng: np.random.Generator,
) -> Splits:
    plan = forward_windows(times, classes=None if task == "regression" else y, n_windows=asked)
    *earlier, last = plan.folds
    folds = (last, *(earlier[i] for i in rng.permutation(len(earlier))))
    reason = plan.reason
    if groups is not None:
        folds = tuple((train[~np.isin(groups[train], groups[valid])], valid) for train, valid in folds)
        reason += "; rows of a group that is judged are not learned from"
        if min(len(train) for train, _ in folds) < 2:
            raise BadSplit(
                "every group is in every stretch of time, so nothing is left to learn from",
                fix="name no group column if the groups to come are known ones, or no time column if it means nothing",
            )
    rows = np.concatenate([valid for _, valid in folds])
    base = plan.weights[rows] * (1.0 if weights is None else np.asarray(weights, np.float64)[rows])
    return Splits("forward", reason, folds, 1, rows, time_blocks([len(valid) for _, valid in folds]), base)


def _own(
    cv: Any, y: NDArray[Any], groups: NDArray[Any] | None, times: NDArray[Any] | None, weights: NDArray[Any] | None
) -> Splits:
    """The user's own folds, checked."""
    n = len(y)
    if hasattr(cv, "split") and not isinstance(cv, str):
        name = type(cv).__name__
        try:
            pairs: Iterable[Any] = list(cv.split(np.zeros((n, 1)), y, groups))
        except ValueError as error:
            raise BadSplit(f"{name} refuses the table: {error}", fix=f"choose other settings of {name}") from error
    elif isinstance(cv, Iterable) and not isinstance(cv, str):
        name, pairs = "pairs of rows", list(cv)
    else:
        raise BadSplit(
            f"cv={cv!r} is not a way to split",
            fix="give a number of folds, a scikit-learn splitter, or pairs of row numbers (learn from, judge by)",
        )
    folds = tuple(_pair(pair, i, n) for i, pair in enumerate(pairs))
    if not folds:
        raise BadSplit(f"the {name} given make no fold", fix="give at least one pair of row numbers")
    judged = np.bincount(np.concatenate([valid for _, valid in folds]), minlength=n)
    n_repeats = int(judged.max()) if (judged == judged.max()).all() else 1
    units = groups
    if units is None and times is not None:
        units = np.empty(n, np.int64)
        units[np.argsort(times, kind="stable")] = time_blocks([n])
    reason = f"{len(folds)} folds as given ({name})"
    return _assembled("own", reason, folds, n_repeats, n, units, weights)


def _pair(pair: Any, i: int, n: int) -> Fold:
    try:
        train, valid = (_numbers(side, n) for side in pair)
    except (TypeError, ValueError) as error:
        raise BadSplit(
            f"fold {i} is not a pair of row numbers: {error}", fix="give pairs (rows to learn from, rows to judge by)"
        ) from error
    for side, what in ((train, "learn from"), (valid, "judge by")):
        if len(side) == 0:
            raise BadSplit(f"fold {i} has no row to {what}", fix="leave the fold out")
        if side.min() < 0 or side.max() >= n:
            raise BadSplit(
                f"fold {i} names row {int(side[(side < 0) | (side >= n)][0])} of a table with rows 0 to {n - 1}",
                fix="count rows from 0, after rows without a target were dropped",
            )
    if len(np.intersect1d(train, valid)):
        both = int(np.intersect1d(train, valid)[0])
        raise BadSplit(f"fold {i} learns from row {both} and judges by it", fix="keep the two sides apart")
    return train, valid


def _numbers(side: Any, n: int) -> Indices:
    rows = np.asarray(side)
    if rows.dtype == bool:
        if rows.shape != (n,):
            raise ValueError(f"a mask of shape {rows.shape} for {n} rows")
        return np.flatnonzero(rows).astype(np.int64)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise ValueError(f"an array of {rows.dtype} of shape {rows.shape}")
    return rows.astype(np.int64)


def _assembled(
    kind: str,
    reason: str,
    folds: tuple[Fold, ...],
    n_repeats: int,
    n: int,
    units: NDArray[Any] | None,
    weights: NDArray[Any] | None,
) -> Splits:
    rows = np.concatenate([valid for _, valid in folds])
    base = (1.0 / np.bincount(rows, minlength=n).clip(1))[rows]
    if weights is not None:
        base = base * np.asarray(weights, np.float64)[rows]
    codes = np.unique((np.arange(n) if units is None else np.asarray(units))[rows], return_inverse=True)[1]
    return Splits(kind, reason, folds, n_repeats, rows, codes.astype(np.int64), base)


def _check_classes(y: NDArray[Any]) -> None:
    counts = np.bincount(np.asarray(y, np.int64))
    if (counts[counts > 0] < 2).any() or (counts > 0).sum() < 2:
        rare = int(np.flatnonzero(counts == 1)[0]) if (counts == 1).any() else None
        raise BadSplit(
            "there is one class only"
            if rare is None
            else f"class {rare} has one row: it cannot be both learned and judged",
            fix="drop the class, pool it with another, or bring more of its rows",
        )


def _is_count(cv: Any) -> bool:
    return isinstance(cv, (int, np.integer)) and not isinstance(cv, bool)
