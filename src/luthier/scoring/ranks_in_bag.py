"""Scores by order under every draw: first-order for all configurations, exact for those that could be best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from luthier.scoring.best import best_of
from luthier.scoring.draws import CHUNK_BYTES, Draws, Floats, Indices
from luthier.scoring.influence import has_influence, influence, rank_influence
from luthier.scoring.metrics import RankMetric, rank
from luthier.scoring.table import OutOfFold

PILOT_REPLAYS = 16
PILOT_CONFIGS = 16
"""Replays and leading configurations that are scored exactly to learn how far first-order scores are off."""

SAFE_ERRORS = 6.0
"""Width of the shortlist in root mean square errors of a difference of two first-order scores. The errors have
exponential tails (a degenerate quadratic form), so about one replay in a thousand may overlook its best configuration,
and then for one that is better by less than a hundredth of a standard error."""

NO_ERROR = 0.01
"""Root mean square error, in standard errors of the score, below which first-order scores are as good as exact ones:
reached at some twenty thousand rows, where exact ones get dear."""


class RankScores:
    """A metric of order: first-order scores of all configurations name a shortlist, which is then scored exactly.

    With g the influence of the units, S + (counts - 1) g is off by terms of second order only (for ROC AUC: the
    degenerate part of a two-sample U-statistic, of the order of 1 / sqrt(positives x negatives), where the score itself
    moves by 1 / sqrt(the rarer class)). So a configuration that is behind by many times that error cannot be the best,
    and the exact score is needed for few; on very many rows it is needed for none.
    """

    def __init__(self, table: OutOfFold, metric: RankMetric, draws: Draws) -> None:
        self._table, self._metric, self._draws = table, metric, draws
        C, B = len(table), len(draws)
        self._exact = np.full((B, C), np.nan)
        self._known = np.zeros((B, C), np.bool_)
        self._first_order: Floats | None = None
        self._margin = np.inf  # by which a first-order score may be behind and the exact one ahead
        self._enough = False
        if not has_influence(metric):
            self.full = np.array([metric.score(table.y, p, draws.weights) for p in table.values])
            return
        self.full, self._first_order = np.empty(C), np.empty((B, C))
        width = max(1, CHUNK_BYTES // (8 * draws.width))
        for start in range(0, C, width):
            block = range(start, min(start + width, C))
            g = np.empty((draws.width, len(block)))
            for at, c in enumerate(block):
                self.full[c], g[:, at] = rank_influence(metric, table.y, table.values[c], draws)
            for chunk in draws.chunks(draws.width):
                # The slopes add up to zero, so counts serve where counts - 1 is meant.
                first = self.full[start : block.stop] + draws.counts[chunk].astype(np.float64) @ g
                self._first_order[chunk, start : block.stop] = first
        error = self._pilot(self._first_order)
        if error.size == 0:  # no configuration has a score in any of the first draws: nothing to hurry for
            return
        # Errors that all configurations of a draw share do not change who is best.
        self._margin = SAFE_ERRORS * np.sqrt(2) * _largest_rms(error - error.mean(axis=1, keepdims=True))
        spread = self._first_order.std(axis=0)
        spread = spread[np.isfinite(spread)]
        self._enough = bool(_largest_rms(error) <= NO_ERROR * np.median(spread))

    def _pilot(self, first_order: Floats) -> Floats:
        """(draws, configurations): by how much the first-order scores of leading configurations are off."""
        replays = np.arange(min(PILOT_REPLAYS, len(self._exact)))
        defined = np.flatnonzero(np.isfinite(self.full))
        leading = defined[np.argsort(-self.full[defined], kind="stable")[:PILOT_CONFIGS]]
        for c in leading:
            self._fill(int(c), replays)
        error = (self._exact[replays] - first_order[replays])[:, leading]
        known: Floats = error[np.isfinite(error).all(axis=1)]
        return known

    def best(self) -> Indices:
        """See `Scores`."""
        B, C = self._exact.shape
        if self._first_order is None:
            shortlist = np.ones((B, C), np.bool_)
        elif self._enough:
            return best_of(self._first_order, greater_is_better=True)
        else:
            # Rank metrics lie between 0 and 1, so an undefined one is behind all others.
            guess = np.where(np.isnan(self._first_order), -1e3, self._first_order)
            shortlist = guess >= guess.max(axis=1, keepdims=True) - self._margin
        for c in np.flatnonzero(shortlist.any(axis=0)):
            self._fill(int(c), np.flatnonzero(shortlist[:, c]))
        return best_of(self._exact, greater_is_better=True)

    def _fill(self, config: int, replays: Indices) -> None:
        missing = replays[~self._known[replays, config]]
        if len(missing):
            self._exact[missing, config] = self._scored(config, missing, drawn=True)
            self._known[missing, config] = True

    def of(self, config: int, replays: Indices, *, drawn: bool) -> Floats:
        """See `Scores`."""
        if self._first_order is not None and self._enough:
            return self._first_order_of(config, self._first_order[replays, config], replays, drawn=drawn)
        if not drawn:
            return self._scored(config, replays, drawn=False)
        self._fill(config, replays)
        exact: Floats = self._exact[replays, config]
        return exact

    def _first_order_of(self, config: int, in_bag: Floats, replays: Indices, *, drawn: bool) -> Floats:
        if drawn:
            return in_bag
        _, g = rank_influence(self._metric, self._table.y, self._table.values[config], self._draws)
        scores = np.empty(len(replays))
        step = self._draws.chunks(self._draws.width)[0].stop
        for start in range(0, len(replays), step):
            left = self._draws.times(replays[start : start + step], drawn=False)
            # Units not drawn, weighed up to the weight of all: only the proportions of weights matter.
            scores[start : start + step] = self.full[config] + left @ g * (self._draws.width / left.sum(axis=1))
        return scores

    def influence(self, config: int) -> Floats | None:
        """See `Scores`."""
        return influence(self._metric, self._table.y, self._table.values[config], self._draws)

    def _scored(self, config: int, replays: Indices, *, drawn: bool) -> Floats:
        """Exact scores, sorting once per class."""
        p = self._table.values[config]
        y, draws = self._table.y, self._draws
        if np.isnan(p).any():
            return np.full(len(replays), np.nan)
        if p.shape[1] == 1:
            return self._one_class(y == 1, p[:, 0], replays, drawn=drawn)
        scores = np.stack([self._one_class(y == k, p[:, k], replays, drawn=drawn) for k in range(p.shape[1])], axis=1)
        return over_classes(self._metric, scores, y, draws, draws.times(replays, drawn=drawn))

    def _one_class(
        self, positive: NDArray[np.bool_], p: NDArray[np.generic], replays: Indices, *, drawn: bool
    ) -> Floats:
        draws = self._draws
        order, starts = rank(p)
        units, weights, is_positive = draws.units[order], draws.weights[order], positive[order]
        even = bool((weights == weights[0]).all())
        places = len(starts) < len(order)
        out = np.empty(len(replays))
        # Few replays at a time: the arrays of one pass should stay in the processor's cache.
        step = max(1, CHUNK_BYTES // 32 // (8 * len(order)))
        for start in range(0, len(replays), step):
            some = slice(start, min(start + step, len(replays)))
            counts = draws.counts[replays[some]].take(units, axis=1)
            w = (counts if drawn else counts == 0).astype(np.float64)
            if not even:
                w *= weights
            positives = w * is_positive
            w -= positives
            if places:
                positives, w = np.add.reduceat(positives, starts, axis=1), np.add.reduceat(w, starts, axis=1)
            out[some] = self._metric.of_places(positives, w)
        return out


def over_classes(metric: RankMetric, scores: Floats, y: NDArray[np.generic], draws: Draws, times: Floats) -> Floats:
    """(B,): average over the classes for which the score is defined.

    Parameters
    ----------
    scores
        (B, k): of every class against the rest.
    times
        (B, U): how often every unit counts.
    """
    share = np.ones_like(scores)
    if metric.average == "weighted":
        share = times @ draws.by_unit((y[:, None] == np.arange(scores.shape[1])) * draws.weights[:, None])
    share = np.where(np.isnan(scores), 0.0, share)
    total = share.sum(axis=1)
    mean = (share * np.nan_to_num(scores)).sum(axis=1) / np.where(total > 0, total, 1.0)
    return np.where(total > 0, mean, np.nan)


def _largest_rms(error: Floats) -> float:
    """Root mean square of the worst column."""
    return float(np.sqrt((error**2).mean(axis=0).max()))
