"""What a worker does with a job: fit one configuration on a fold's training rows, predict the rest."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from luthier.models import Facts, Family, FittedPath, PathFamily, join_config, split_config
from luthier.scoring import Metric
from luthier.tuning.jobs import FoldResult, Job

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TableWork:
    """Cross-validation of model families on one table.

    Attributes
    ----------
    families
        By name, as the configurations name them.
    facts
        Of the whole table; a fold's facts differ in the number of rows only.
    inputs
        The rows in each form a family may ask for: "matrix" (n, p) and, where a family wants it, "frame".
    y
        (n,) coded target.
    weights
        (n,) row weights, or None.
    folds
        Training and validation rows of every fold.
    emphasis
        (n,) by how much more than their weight rows count in training, or None. Scores know nothing of it.
    metric
        Scores each fold for the strategy and for people; the study's own score pools all rows.
    """

    fits_models: ClassVar[bool] = True

    families: Mapping[str, Family]
    facts: Facts
    inputs: Mapping[str, Any]
    y: NDArray[Any]
    weights: NDArray[np.float64] | None
    folds: Sequence[tuple[Indices, Indices]]
    metric: Metric
    emphasis: NDArray[np.float64] | None = None

    def run(self, job: Job, threads: int) -> FoldResult:
        """Fit and predict one fold; a negative fold means all rows: no predictions, the model kept."""
        name, config = split_config(job.config)
        family = self.families[name]
        rows = self.inputs[family.input]
        train, valid = self.folds[job.fold] if job.fold >= 0 else (np.arange(len(self.y)), np.arange(0))
        weights = self._taught(train)
        start = time.perf_counter()
        fitted = family.fit(
            config,
            replace(self.facts, n_rows=len(train)),
            _take(rows, train),
            self.y[train],
            weights=weights,
            seed=job.seed,
            threads=threads,
        )
        fit_s = time.perf_counter() - start
        model = fitted.dump() if job.keep_model else None
        if job.fold < 0:
            return FoldResult(None, float("nan"), fit_s, model)
        start = time.perf_counter()
        values = family.path_values(config, self.facts) if job.scout and isinstance(family, PathFamily) else ()
        if values and isinstance(fitted, FittedPath):
            paths = fitted.predict_path(_take(rows, valid), values)
            own = values.index(config[str(family.path)])
            best = self._best(valid, paths, own)
            p, config[str(family.path)] = paths[best], values[best]
        else:
            p = fitted.predict(_take(rows, valid))
        predict_s = time.perf_counter() - start
        if not np.isfinite(p).all():
            raise FloatingPointError(f"{name} predicted {np.count_nonzero(~np.isfinite(p))} values that are not finite")
        settled = join_config(name, config)
        return FoldResult(
            p.astype(np.float32),
            self._score(valid, p),
            fit_s,
            model,
            predict_s,
            config=None if settled == dict(job.config) else settled,
        )

    def _taught(self, train: Indices) -> NDArray[np.float64] | None:
        if self.weights is None or self.emphasis is None:
            both = self.weights if self.emphasis is None else self.emphasis
        else:
            both = self.weights * self.emphasis
        return None if both is None else both[train]

    def _best(self, valid: Indices, paths: NDArray[Any], own: int) -> int:
        """Which of the predictions score best, the earliest among equals; `own` when no score is a number."""
        sign = 1.0 if self.metric.greater_is_better else -1.0
        scores = np.array([sign * self._score(valid, p) if np.isfinite(p).all() else np.nan for p in paths])
        return own if np.isnan(scores).all() else int(np.nanargmax(scores))

    def _score(self, valid: Indices, p: NDArray[Any]) -> float:
        weights = None if self.weights is None else self.weights[valid]
        return float(self.metric.score(self.y[valid], p, weights))


def _take(rows: Any, index: Indices) -> Any:
    return rows.iloc[index] if hasattr(rows, "iloc") else rows[index]
