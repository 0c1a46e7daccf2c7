"""What a check may look at: the table, what it is compared with, and how long it may look."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.checks.one_column import column_skill
from luthier.checks.population import Declared
from luthier.checks.sample import MOST_FEATURES, Sample, sample_of, some_rows
from luthier.data import Dataset
from luthier.data.cells import Cells

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Other:
    """Rows of another table, read by the schema of the first.

    Parameters
    ----------
    name
        For people: the file's.
    X
        (m, p) coded as `Dataset.X`.
    y
        (m,) the coded target, or None where the other table has none (or not in every row).
    """

    name: str
    X: Floats
    y: NDArray[Any] | None


@dataclass(frozen=True, eq=False)  # no slots: what several checks read is worked out once, when first asked for
class Context:
    """Everything a check is given. A check that needs what is None answers that it does not apply.

    Parameters
    ----------
    dataset
        The table to learn from.
    seed
        Root of a check's randomness; see `rng`.
    against
        Test rows, read by the same schema; None without any.
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

    @cached_property
    def skills(self) -> Floats:
        """(p,) skill of every feature alone (see `one_column`), on a sample of the rows."""
        rng = self.rng("skills")
        sample = sample_of(self.dataset, some_rows(self.dataset.n_rows, rng))
        categorical = set(sample.facts.categorical)
        fold = sample.shuffled_folds(rng)
        return np.array(
            [
                column_skill(sample.X[:, j], sample.y, fold, sample.facts.task, categorical=j in categorical)
                for j in range(sample.facts.n_features)
            ]
        )

    def skill_of(self, source: str) -> float:
        """Skill of a source column alone: of the best feature made of it; NaN where none is."""
        features = self.dataset.schema.features
        own = [skill for feature, skill in zip(features, self.skills, strict=True) if feature.source == source]
        return max(own, default=math.nan)

    def sample(self, rows: Indices, *, always: tuple[str, ...] = ()) -> Sample:
        """These rows, with the features that tell most, and those made of the columns named."""
        features = self.dataset.schema.features
        if len(features) <= MOST_FEATURES:
            return sample_of(self.dataset, rows)
        named = [j for j, feature in enumerate(features) if feature.source in always]
        best = [int(j) for j in np.argsort(-self.skills, kind="stable")[:MOST_FEATURES]]
        return sample_of(self.dataset, rows, sorted({*named, *best}))
