"""What a check may look at: the table, what it is compared with, and how long it may look."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from luthier.checks.population import Declared
from luthier.data import Dataset
from luthier.data.cells import Cells


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """Everything a check is given. A check that needs what is None answers that it does not apply.

    Parameters
    ----------
    dataset
        The table to learn from.
    seed
        Root of a check's randomness; see `rng`.
    against
        Another table read by the same schema (test rows, or a recent or reference sample); None without one.
    estimator
        The user's own scikit-learn estimator or Pipeline, unfitted; None where Luthier's families are tuned.
    left_s
        Seconds that all checks together may still take.
    columns
        Every column as it was read, those left out of the features included; its rows are those of the data set.
    reference
        A sample of those the model is meant for, as it was read; None without one.
    population
        Declared shares of those the model is meant for.
    """

    dataset: Dataset
    seed: int = 0
    against: Other | None = None
    estimator: Any = None
    left_s: Callable[[], float] = lambda: math.inf
    columns: Mapping[str, Cells] = field(default_factory=dict)
    reference: Other | None = None
    population: tuple[Declared, ...] = ()

    def rng(self, code: str) -> np.random.Generator:
        """Randomness of a check's own, so that checks do not depend on which others ran."""
        return np.random.default_rng([self.seed, *code.encode()])


@dataclass(frozen=True, slots=True, eq=False)
class Other:
    """Rows of another table, read by the schema of the first.

    Parameters
    ----------
    name
        For people: the file's.
    X
        (m, p) float64, coded as `Dataset.X`.
    y
        (m,) the coded target, or None where the other table has none (or not in every row).
    """

    name: str
    X: np.ndarray[Any, np.dtype[np.float64]]
    y: np.ndarray[Any, np.dtype[Any]] | None
