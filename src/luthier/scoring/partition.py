"""Deal rows, or whole groups of rows, into folds of like size."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import BadSplit
from luthier.scoring.forward import Fold, Indices
from luthier.scoring.metrics import Task


def shuffled(y: NDArray[Any], k: int, rng: np.random.Generator) -> tuple[Fold, ...]:
    """K folds of rows in random order, sizes equal to within one."""
    return _folds(np.argsort(rng.permutation(len(y))) % k, k)


def stratified(y: NDArray[Any], k: int, rng: np.random.Generator) -> tuple[Fold, ...]:
    """K folds in which every class has its share to within one row, and sizes are equal to within one.

    A class with fewer rows than folds is judged in some folds only, and learned in all when it has two rows or more.
    """
    by_class = np.lexsort((rng.permutation(len(y)), y))
    fold_of = np.empty(len(y), np.int64)
    # Dealt in one round over all classes, not one round per class: then no fold collects all the remainders.
    fold_of[by_class] = rng.permutation(k)[np.arange(len(y)) % k]
    return _folds(fold_of, k)


def grouped(
    y: NDArray[Any], task: Task, groups: Indices, asked: int | None, usual: int, rng: np.random.Generator
) -> tuple[Fold, ...]:
    """Folds that keep every group whole, of like size, and of like class shares where there are classes.

    Parameters
    ----------
    y, task
        Coded target and what it is.
    groups
        (n,): codes 0..g-1.
    asked, usual
        Folds asked for, or None; folds otherwise, fewer when there are fewer groups.
    rng
        Decides which groups fall together, and the order of the folds.

    Raises
    ------
    BadSplit
        Fewer groups than folds, one group only, or a fold that would learn from a single class.
    """
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    n_groups = int(groups.max()) + 1
    if n_groups < 2 or (asked is not None and asked > n_groups):
        raise BadSplit(
            f"{n_groups} group{'' if n_groups == 1 else 's'} cannot make {asked or usual} folds that keep groups whole",
            fix=f"ask for {n_groups} folds at most" if n_groups >= 2 else "name a column with more groups, or none",
        )
    k = asked or min(usual, n_groups)
    seed = int(rng.integers(2**32 - 1))
    nothing = np.zeros((len(y), 1))
    if task == "regression":
        pairs = list(GroupKFold(k, shuffle=True, random_state=seed).split(nothing, y, groups))
    else:
        with warnings.catch_warnings():
            # A class with fewer rows than folds is said by us where it matters: when a fold cannot learn it.
            warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
            pairs = list(StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(nothing, y, groups))
    pairs = [(train, valid) for train, valid in pairs if len(valid)]
    if task != "regression" and any(len(np.unique(y[train])) < 2 for train, _ in pairs):
        raise BadSplit(
            "a class lives in one group only, so without that group there is a single class to learn",
            fix="bring groups that hold both classes, or name no group column",
        )
    return tuple((pairs[i][0].astype(np.int64), pairs[i][1].astype(np.int64)) for i in rng.permutation(len(pairs)))


def _folds(fold_of: Indices, k: int) -> tuple[Fold, ...]:
    return tuple((np.flatnonzero(fold_of != f), np.flatnonzero(fold_of == f)) for f in range(k))
