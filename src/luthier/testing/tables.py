"""Small tables of every task, with everything that real ones have: gaps, categories, columns that say nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.models import Config, Facts, Family, Floats, Task

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


@dataclass(frozen=True)
class Table:
    """Training rows, their coded target, and new rows."""

    facts: Facts
    X: Floats
    y: NDArray[Any]
    X_new: Floats


def make_table(task: Task, n: int = 160, *, seed: int = 0) -> Table:
    """Six columns: two numbers that tell, one with gaps, a category that tells, a constant, noise."""
    rng = np.random.default_rng(seed)
    m = n + 60
    X = rng.normal(size=(m, 6))
    X[rng.random(m) < 0.2, 2] = np.nan
    X[:, 3] = rng.integers(0, 4, m)
    X[rng.random(m) < 0.1, 3] = np.nan
    X[:, 4] = 7.0
    signal = X[:, 0] - 0.5 * X[:, 1] + np.where(X[:, 3] == 2, 1.5, 0.0) + 0.4 * rng.normal(size=m)
    y: NDArray[Any]
    if task == "regression":
        y = 1000.0 + 50.0 * signal
    else:
        k = 2 if task == "binary" else 3
        y = np.digitize(signal, np.quantile(signal, np.arange(1, k) / k))
    k = {"binary": 2, "multiclass": 3, "regression": 1}[task]
    facts = Facts(task, n, 6, k, categorical=(3,), n_levels=(5,), has_missing=True)
    return Table(facts, X[:n], y[:n], X[n:])


def cheap(family: Family, facts: Facts, **changes: Any) -> Config:
    """The default configuration, with fewer rounds where rounds cost time."""
    config = dict(family.default(facts))
    for rounds in ("n_estimators", "iterations", "max_iter"):
        if rounds in config:
            config[rounds] = 30
    return {**config, **changes}


def like(p: Floats, facts: Facts) -> None:
    """Assert that predictions are what the conventions say."""
    assert p.dtype == np.float64
    assert p.shape[1] == facts.n_outputs
    assert np.isfinite(p).all()
    if facts.task != "regression":
        assert (p >= 0).all()
        assert (p <= 1 + 1e-12).all()
    if facts.task == "multiclass":
        np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)


def numbers_only(table: Table) -> Table:
    """The same table without its category, without gaps and without the constant."""
    keep = [0, 1, 5]
    facts = replace(table.facts, n_features=3, categorical=(), n_levels=(), has_missing=False)
    return Table(facts, table.X[:, keep], table.y, table.X_new[:, keep])
