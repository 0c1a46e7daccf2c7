"""Which rows a model learns from and which rows judge it, chosen by what the table is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


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
        Pairs (rows to learn from, rows to judge by), in the order in which they should be run.
    n_repeats
        How often every row is judged (1 where rows are judged unequally often).
    rows
        (m,): the slab, row numbers of the table.
    units
        (m,): what the replay draws: the row itself, its group, or its block of time; codes 0..u-1.
    weights
        (m,): base weight of every slab row, > 0 or 0.
    """

    kind: str
    reason: str
    folds: tuple[tuple[Indices, Indices], ...]
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
