"""What one unit does to a score: the first-order view that makes replays fast and intervals narrow.

    S(counts) = S + sum_u (counts_u - 1) g_u + smaller terms,   g_u = dS / d counts_u

U g_u is the empirical influence function; sum_u g_u = 0, because doubling every count changes no score.
Source: Hampel (1974), J. American Statistical Association 69; Efron (1982), The Jackknife, the Bootstrap and Other
Resampling Plans, ch. 6 (the infinitesimal jackknife).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.scoring.draws import Draws, Floats, Indices
from luthier.scoring.metrics import AdditiveMetric, Metric, RankMetric, rank
from luthier.scoring.metrics.metric import as_columns
from luthier.scoring.metrics.ranking import average_precision_of_places, roc_auc_of_places

NUDGE = 1e-6
"""Share of the total weight that is added to a unit to see what it does: far above rounding, far below curvature."""


def influence(metric: Metric, y: NDArray[np.generic], p: NDArray[np.generic], draws: Draws) -> Floats | None:
    """(U,): g_u of predictions p (m, k), in the metric's own sign; None where the metric is a black box.

    NaN throughout where the score itself is undefined.
    """
    p = as_columns(p)
    if isinstance(metric, AdditiveMetric):
        return influence_of_sums(metric, draws.by_unit(metric.row_stats(y, p) * draws.weights[:, None]))
    if isinstance(metric, RankMetric) and has_influence(metric):
        return rank_influence(metric, y, p, draws)[1]
    return None


def has_influence(metric: RankMetric) -> bool:
    """Whether we know the derivative of this rank metric."""
    return metric.of_places in _SLOPES


def rank_influence(
    metric: RankMetric, y: NDArray[np.generic], p: NDArray[np.generic], draws: Draws
) -> tuple[float, Floats]:
    """A rank metric's score and its g_u (U,), from one sort per class."""
    score, slopes = _rank_slopes(metric, y, as_columns(p), draws.weights)
    return score, draws.by_unit(slopes * draws.weights)


def influence_of_sums(metric: AdditiveMetric, by_unit: Floats) -> Floats:
    """(U,): g_u from every unit's part (U, s) of the sums: the difference a little more of the unit makes."""
    total = by_unit.sum(axis=0)
    step = NUDGE * len(by_unit)
    slopes = (metric.value(total + step * by_unit) - metric.value(total)) / step
    # What is left of the sum is curvature times the nudge; without it the slopes add up to zero as they should.
    centred: Floats = slopes - slopes.mean()
    return centred


def _rank_slopes(metric: RankMetric, y: NDArray[np.generic], p: NDArray[np.generic], w: Floats) -> tuple[float, Floats]:
    """A rank metric and its derivative (m,) by the weight of every row."""
    slopes_of = _SLOPES[metric.of_places]
    if np.isnan(p).any():
        return np.nan, np.full(len(y), np.nan)
    if p.shape[1] == 1:
        return slopes_of(y == 1, p[:, 0], w)
    parts = [slopes_of(y == k, p[:, k], w) for k in range(p.shape[1])]
    scores = np.array([score for score, _ in parts])
    defined = ~np.isnan(scores)
    class_weight = np.bincount(y.astype(np.int64), weights=w, minlength=len(parts))
    share = np.where(defined, 1.0 if metric.average == "macro" else class_weight, 0.0)
    if share.sum() == 0:
        return np.nan, np.full(len(y), np.nan)
    share = share / share.sum()
    score = float(share @ np.nan_to_num(scores))
    slopes = sum((share[k] * parts[k][1] for k in np.flatnonzero(share)), start=np.zeros(len(y)))
    if metric.average == "weighted":  # more rows of a class also make that class count for more
        known = class_weight[defined].sum()
        of_class = np.where(defined, np.nan_to_num(scores) - score, 0.0) / known
        slopes = slopes + of_class[y.astype(np.int64)]
    return score, np.asarray(slopes, np.float64)


def _places(positive: NDArray[np.bool_], p: NDArray[np.generic], w: Floats) -> tuple[Indices, Floats, Floats]:
    """Place of every row (ties share one), and the weight of positives and of negatives at every place."""
    order, starts = rank(p)
    place = np.empty(len(p), np.int64)
    place[order] = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(p)]))
    positives = np.bincount(place, weights=w * positive, minlength=len(starts)).astype(np.float64)
    negatives = np.bincount(place, weights=w * ~positive, minlength=len(starts)).astype(np.float64)
    return place, positives, negatives


def _auc_slopes(positive: NDArray[np.bool_], p: NDArray[np.generic], w: Floats) -> tuple[float, Floats]:
    """ROC AUC and its derivatives: (placement value - AUC) / weight of the own class.

    The placement value of a positive is the share of negatives below it (half of those that tie), and the other way
    round. Source: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44.
    """
    place, positives, negatives = _places(positive, p, w)
    P, N = positives.sum(), negatives.sum()
    if not (P > 0 and N > 0):
        return np.nan, np.full(len(p), np.nan)
    below = (np.cumsum(negatives) - negatives / 2) / N
    above = 1 - (np.cumsum(positives) - positives / 2) / P
    auc = float(positives @ below / P)
    return auc, np.where(positive, (below[place] - auc) / P, (above[place] - auc) / N)


def _average_precision_slopes(positive: NDArray[np.bool_], p: NDArray[np.generic], w: Floats) -> tuple[float, Floats]:
    """Average precision and its derivatives.

        AP = sum_g P_g T_g / (T_g + F_g) / P,   T_g, F_g: weight of positives and negatives at place g and above

    A row at place h enters every T_g (or F_g) with g <= h, and, if positive, P_h and P.
    """
    place, positives, negatives = _places(positive, p, w)
    P = positives.sum()
    if not P > 0:
        return np.nan, np.full(len(p), np.nan)
    T = np.cumsum(positives[::-1])[::-1]
    shown = T + np.cumsum(negatives[::-1])[::-1]
    some = shown > 0
    precision = np.divide(T, shown, out=np.zeros_like(T), where=some)
    ap = float(positives @ precision / P)
    per_place = np.divide(positives, shown**2, out=np.zeros_like(T), where=some)
    raised = np.cumsum(per_place * (shown - T))  # by one more positive, through the precision at its place and below
    lowered = np.cumsum(per_place * T)
    return ap, np.where(positive, precision[place] - ap + raised[place], -lowered[place]) / P


_SLOPES: dict[Any, Callable[..., tuple[float, Floats]]] = {
    roc_auc_of_places: _auc_slopes,
    average_precision_of_places: _average_precision_slopes,
}
