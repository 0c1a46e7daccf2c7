"""What a metric is, and the two shapes of metric a replay can compute a thousand times over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Predictions = NDArray[Any]  # float64 or float32, (n, k)
Target = NDArray[Any]  # int64 codes or float64 values, (n,)
Task = Literal["binary", "multiclass", "regression"]

CLASSIFICATION: frozenset[Task] = frozenset({"binary", "multiclass"})
BINARY: frozenset[Task] = frozenset({"binary"})
MULTICLASS: frozenset[Task] = frozenset({"multiclass"})
REGRESSION: frozenset[Task] = frozenset({"regression"})


class Metric(Protocol):
    """How good predictions are, as one number.

    `y` is the coded target (n,): 0/1 with 1 the positive class, 0..k-1, or the value. `p` is (n, k): the probability of
    the positive class (k = 1), the probabilities of all classes, or the predicted value (k = 1). A row of weight zero
    counts as if it were not there.
    """

    @property
    def name(self) -> str:
        """The name by which `get_metric` finds it, and under which it is reported."""
        ...

    @property
    def greater_is_better(self) -> bool:
        """Direction of the score; scores are always in the metric's own sign."""
        ...

    @property
    def tasks(self) -> frozenset[Task]:
        """Tasks it can score."""
        ...

    def score(self, y: Target, p: Predictions, weights: Floats | None = None) -> float:
        """The score; NaN where it is undefined."""
        ...


@dataclass(frozen=True, slots=True)
class AdditiveMetric:
    """A metric that is a function of sums over rows.

    Resampling rows only changes the weights of the sums, so a replay of such a metric is one matrix product:
    ``value(W @ row_stats(y, p))`` with W (replays, rows).

    Attributes
    ----------
    row_stats
        (y (n,), p (n, k)) -> (n, s): what each row adds to the sums.
    value
        Weighted sums (..., s) -> (...): the score; NaN where it is undefined. Scaling all sums by one positive number
        changes nothing.
    """

    name: str
    greater_is_better: bool
    tasks: frozenset[Task]
    row_stats: Callable[[Target, Predictions], Floats]
    value: Callable[[Floats], Floats]
    aliases: tuple[str, ...] = ()

    def score(self, y: Target, p: Predictions, weights: Floats | None = None) -> float:
        """The weighted score of predictions; NaN where it is undefined."""
        stats = self.row_stats(y, as_columns(p))
        sums = stats.sum(axis=0) if weights is None else np.asarray(weights, np.float64) @ stats
        return float(self.value(sums))


@dataclass(frozen=True, slots=True)
class RankMetric:
    """A metric of the order in which a probability puts the rows: ties share a place.

    Resampling rows never changes their order, so a replay sorts once per configuration: `rank` the probabilities, add
    up the weights of positives and of negatives of every place, and hand both to `of_places`.

    Attributes
    ----------
    of_places
        (positives (..., g), negatives (..., g)) -> (...): the score from the weight of either class at every place,
        lowest probability first. Places may be empty. NaN where it is undefined.
    average
        How several classes, each against the rest, are averaged: "macro" (all alike) or "weighted" (by their weight).
        Classes for which the score is undefined (no row of the class, or no other) are left out of the average.
    """

    name: str
    tasks: frozenset[Task]
    of_places: Callable[[Floats, Floats], Floats]
    average: Literal["macro", "weighted"] = "macro"
    aliases: tuple[str, ...] = ()

    @property
    def greater_is_better(self) -> bool:
        """Always: a rank metric rewards putting positives above negatives."""
        return True

    def score(self, y: Target, p: Predictions, weights: Floats | None = None) -> float:
        """The weighted score of predictions; NaN where it is undefined, or a probability is NaN."""
        p = as_columns(p)
        y = np.asarray(y)
        w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
        if np.isnan(p).any():
            return float("nan")
        if p.shape[1] == 1:
            return self._one_class(y == 1, p[:, 0], w)
        scores = np.array([self._one_class(y == k, p[:, k], w) for k in range(p.shape[1])])
        share = np.ones(len(scores)) if self.average == "macro" else np.bincount(y, weights=w, minlength=len(scores))
        share = np.where(np.isnan(scores), 0.0, share)
        return float(np.nansum(share * scores) / share.sum()) if share.sum() > 0 else float("nan")

    def _one_class(self, is_positive: NDArray[np.bool_], p: Predictions, w: Floats) -> float:
        order, starts = rank(p)
        positive_weight = (w * is_positive)[order]
        positives = np.add.reduceat(positive_weight, starts)
        negatives = np.add.reduceat(w[order] - positive_weight, starts)
        return float(self.of_places(positives, negatives))


def rank(p: Predictions) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows by rising p, and where in that order each place (a run of equal p) starts.

    Parameters
    ----------
    p
        (n,), n >= 1, without NaN.

    Returns
    -------
    order : (n,)
        ``p[order]`` rises.
    starts : (g,)
        Positions in `order`; made for ``np.add.reduceat(x[order], starts)``.
    """
    order = np.argsort(p)
    in_order = p[order]
    starts = np.flatnonzero(np.r_[True, in_order[1:] != in_order[:-1]])
    return order, starts


def as_columns(p: Predictions) -> Predictions:
    """(n,) predictions as (n, 1); (n, k) as they are."""
    p = np.asarray(p)
    return p[:, None] if p.ndim == 1 else p


def share(part: Floats, whole: Floats, otherwise: float = float("nan")) -> Floats:
    """The quotient part / whole, and `otherwise` where whole is zero."""
    whole = np.asarray(whole, np.float64)
    result: Floats = np.where(whole != 0, np.divide(part, np.where(whole != 0, whole, 1.0)), otherwise)
    return result
