"""Rows that are alike in every feature and bear different labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Conflicts:
    """Groups of equal rows with unequal labels.

    Parameters
    ----------
    groups
        Row numbers of every such group, the largest first.
    repeated
        Rows of the table that are not alone with their features, whatever their labels.
    lost
        Rows that a model which gives equal rows equal answers must get wrong, at least.
    """

    groups: tuple[Indices, ...]
    repeated: int
    lost: int

    @property
    def rows(self) -> int:
        """Rows in all groups."""
        return sum(len(group) for group in self.groups)


def find_conflicts(X: Floats, y: NDArray[Any]) -> Conflicts:
    """Find them.

    Parameters
    ----------
    X
        (n, p) features; NaN equals NaN.
    y
        (n,) labels.

    Examples
    --------
    >>> found = find_conflicts(np.array([[1.0], [1.0], [2.0], [2.0]]), np.array([0, 1, 1, 1]))
    >>> [group.tolist() for group in found.groups], found.repeated, found.lost
    ([[0, 1]], 4, 1)
    """
    group = pd.DataFrame(X).groupby(list(range(X.shape[1])), dropna=False, sort=False).ngroup().to_numpy()
    label = pd.factorize(y)[0]
    sizes = np.bincount(group)
    most = np.zeros(len(sizes), np.int64)
    cells, counts = np.unique(np.stack([group, label]), axis=1, return_counts=True)
    np.maximum.at(most, cells[0], counts)
    split = np.flatnonzero(most < sizes)
    order = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    largest = split[np.argsort(-sizes[split], kind="stable")]
    groups = tuple(order[starts[g] : starts[g + 1]].astype(np.int64) for g in largest)
    return Conflicts(groups, int(sizes[sizes > 1].sum()), int((sizes - most).sum()))
