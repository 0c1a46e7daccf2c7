"""Rows and columns that checks fit models on: few enough to be quick, chosen so that the question survives.

The model is a small LightGBM that learns single rows by heart if it can, because what a leak flatters most is a model
that does. A regression's target is replaced by its ranks in [0, 1], lest a few extreme values decide; shifts, scales
and any other rising transformation leave what is found as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from luthier.checks.one_column import FOLDS, skill
from luthier.data import Dataset
from luthier.models import FAMILIES, Facts

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Fold = tuple[Indices, Indices]

MOST_ROWS = 4000
MOST_FEATURES = 60
TREES = 40


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Part of a table to fit models on.

    Parameters
    ----------
    rows
        (n,) rows of the table, in its order.
    X, y
        (n, p) and (n,); y is coded classes, or ranks in [0, 1].
    sources
        (p,) source column of every feature.
    facts
        Of the sample.
    """

    rows: Indices
    X: Floats
    y: NDArray[Any]
    sources: tuple[str, ...]
    facts: Facts

    def without(self, columns: Iterable[str]) -> Sample:
        """The same without what is made of these source columns."""
        gone = set(columns)
        return self.keeping([j for j, source in enumerate(self.sources) if source not in gone])

    def keeping(self, features: Sequence[int]) -> Sample:
        """The same with these features only, in the order of the matrix."""
        kept = sorted(features)
        levels = dict(zip(self.facts.categorical, self.facts.n_levels, strict=True))
        categorical = [at for at, j in enumerate(kept) if j in levels]
        facts = replace(
            self.facts,
            n_features=len(kept),
            categorical=tuple(categorical),
            n_levels=tuple(levels[kept[at]] for at in categorical),
        )
        return replace(self, X=self.X[:, kept], sources=tuple(self.sources[j] for j in kept), facts=facts)

    def with_feature(self, j: int, values: Floats) -> Sample:
        """The same with other values (n,) of one feature."""
        X = self.X.copy()
        X[:, j] = values
        return replace(self, X=X)

    def shuffled_folds(self, rng: np.random.Generator) -> Indices:
        """(n,) fold of every row, at random."""
        return rng.permutation(len(self.rows)) % FOLDS

    def grouped_folds(self, groups: NDArray[Any], rng: np.random.Generator) -> Indices:
        """(n,) fold of every row, rows of one group together; folds of like size."""
        codes = np.unique(groups, return_inverse=True)[1]
        sizes = np.bincount(codes)
        # Dealt from the largest group to the smallest, so that no fold collects the large ones.
        order = np.lexsort((rng.permutation(len(sizes)), -sizes))
        fold_of = np.empty(len(sizes), np.int64)
        fold_of[order] = np.arange(len(sizes)) % FOLDS
        return np.asarray(fold_of[codes])

    def predict(self, folds: Iterable[Fold], seed: int) -> Floats:
        """(n, k) predictions of rows by models that never saw them; NaN for rows that no fold judges."""
        out = np.full((len(self.rows), self.facts.n_outputs), np.nan)
        family = FAMILIES["lightgbm"]()
        config = {
            **family.default(self.facts),
            "n_estimators": n_trees(self.facts),
            "learning_rate": 0.2,
            "min_child_samples": 3,
            "max_bin": 63,
        }
        for learned, judged in folds:
            fitted = family.fit(config, self.facts, self.X[learned], self.y[learned], seed=seed)
            out[judged] = fitted.predict(self.X[judged])
        return out

    def predict_out_of_fold(self, fold: Indices, seed: int) -> Floats:
        """(n, k) predictions, given the fold of every row."""
        return self.predict(((np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(FOLDS)), seed)

    def skill(self, p: Floats) -> float:
        """Skill of predictions, on the rows that were judged."""
        judged = ~np.isnan(p[:, 0])
        return skill(self.y[judged], p[judged], self.facts.task)

    def losses(self, p: Floats) -> Floats:
        """(n,) squared error of every row, over classes the sum of all (Brier score); NaN where not judged."""
        if self.facts.task != "multiclass":
            return np.asarray((self.y - p[:, 0]) ** 2)
        truth = self.y[:, None] == np.arange(p.shape[1])
        return np.asarray(((truth - p) ** 2).sum(axis=1))


def sample_of(dataset: Dataset, rows: Indices, features: Sequence[int] | None = None) -> Sample:
    """These rows of a table, with these features of the matrix (all when None)."""
    facts = Facts.of(dataset)
    y = dataset.y[rows]
    if facts.task == "regression":
        y = (rankdata(y) - 0.5) / len(y)
    sources = tuple(feature.source for feature in dataset.schema.features)
    whole = Sample(rows, dataset.X[rows], y, sources, replace(facts, n_rows=len(rows)))
    return whole if features is None else whole.keeping(features)


def some_rows(n: int, rng: np.random.Generator, most: int = MOST_ROWS) -> Indices:
    """At most so many of n rows, at random, in order."""
    return np.arange(n) if n <= most else np.sort(rng.permutation(n)[:most])


def some_units(units: Indices, rng: np.random.Generator, most: int = MOST_ROWS) -> Indices:
    """At most about so many rows, units whole, in order: so that rows that belong together are seen together."""
    if len(units) <= most:
        return np.arange(len(units))
    sizes = np.bincount(units)
    drawn = rng.permutation(len(sizes))
    chosen = drawn[: max(1, int(np.searchsorted(np.cumsum(sizes[drawn]), most)))]
    return np.flatnonzero(np.isin(units, chosen))


def some_stretches(n: int, rng: np.random.Generator, most: int = MOST_ROWS, stretches: int = 20) -> Indices:
    """At most so many of n places in order, in stretches of neighbours spread over the whole."""
    if n <= most:
        return np.arange(n)
    length = most // stretches
    starts = (np.arange(stretches) * (n // stretches)) + rng.integers(0, n // stretches - length + 1, stretches)
    return np.asarray((starts[:, None] + np.arange(length)).ravel())


def n_trees(facts: Facts) -> int:
    """Rounds of boosting: fewer for many classes, each of which needs a tree a round."""
    return TREES if facts.n_classes <= 4 else max(8, 4 * TREES // facts.n_classes)


def fit_seconds(dataset: Dataset, n_fits: int) -> float:
    """Rough CPU seconds of so many fits on a sample of the table."""
    facts = Facts.of(dataset)
    trees = n_trees(facts) * (facts.n_classes if facts.task == "multiclass" else 1)
    features = min(facts.n_features, MOST_FEATURES)
    return n_fits * (0.01 + trees * (2e-4 + 4e-8 * min(dataset.n_rows, MOST_ROWS) * (4 + features)))
