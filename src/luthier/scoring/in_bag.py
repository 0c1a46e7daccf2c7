"""Scores of every configuration under every draw, and who was best: one kind of metric a class.

Each class answers the same four questions: the score of every configuration on all rows, the best on the drawn rows of
every replay, the score of one configuration in chosen replays (on the rows drawn, or on those not drawn), and what each
unit does to a configuration's score. "Best" reads the metric's direction; a score that is undefined never wins; of
equals the first wins, as in `argmax`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from luthier.scoring.draws import CHUNK_BYTES, Draws, Floats, Indices
from luthier.scoring.influence import influence, influence_of_sums
from luthier.scoring.metrics import AdditiveMetric, Metric, RankMetric, rank
from luthier.scoring.table import OutOfFold

PILOT_REPLAYS = 16
"""Replays in which a rank metric is computed for every configuration, to learn how far the first-order score is off."""

SAFE_ERRORS = 6.0
"""Width of the shortlist in root mean square errors of a difference of first-order scores. The errors have exponential
tails (a degenerate quadratic form), so about one replay in a thousand may overlook its best configuration, and then for
one that is better by less than a hundredth of a standard error."""


class Scores(Protocol):
    """What a replay asks of the table and the metric."""

    full: Floats  # (C,) in the metric's own sign

    def best(self) -> Indices:
        """(B,): the best configuration on the drawn rows; -1 where no score is defined."""
        ...

    def of(self, config: int, replays: Indices, *, drawn: bool) -> Floats:
        """(len(replays),): exact score of a configuration on the rows drawn, or on those not drawn."""
        ...

    def influence(self, config: int) -> Floats | None:
        """(U,): what each unit does to its score; None for a black box."""
        ...


def scores_of(table: OutOfFold, metric: Metric, draws: Draws) -> Scores:
    """The fastest exact way to replay this metric."""
    if isinstance(metric, AdditiveMetric):
        return AdditiveScores(table, metric, draws)
    if isinstance(metric, RankMetric):
        return RankScores(table, metric, draws)
    return PlainScores(table, metric, draws)


def best_of(scores: Floats, *, greater_is_better: bool) -> Indices:
    """(B,): position of the best of (B, C) scores; -1 where all are NaN."""
    worst = -np.inf if greater_is_better else np.inf
    known = np.where(np.isnan(scores), worst, scores)
    best: Indices = (known.argmax(axis=1) if greater_is_better else known.argmin(axis=1)).astype(np.int64)
    best[np.isnan(scores).all(axis=1)] = -1
    return best


class AdditiveScores:
    """A metric of sums: all replays of a block of configurations are one matrix product."""

    def __init__(self, table: OutOfFold, metric: AdditiveMetric, draws: Draws) -> None:
        self._table, self._metric, self._draws = table, metric, draws
        self.full = np.empty(len(table))
        self._in_bag = np.empty((len(draws), len(table)))
        configs = max(1, CHUNK_BYTES // (8 * draws.width * self._by_unit(0).shape[1]))
        for start in range(0, len(table), configs):
            block = slice(start, min(start + configs, len(table)))
            by_unit = np.stack([self._by_unit(c) for c in range(block.start, block.stop)], axis=1)  # (U, block, s)
            self.full[block] = metric.value(by_unit.sum(axis=0))
            for chunk in draws.chunks(draws.width):
                sums = draws.counts[chunk].astype(np.float64) @ by_unit.reshape(draws.width, -1)
                self._in_bag[chunk, block] = metric.value(sums.reshape(len(sums), *by_unit.shape[1:]))

    def _by_unit(self, config: int) -> Floats:
        stats = self._metric.row_stats(self._table.y, self._table.values[config])
        return self._draws.by_unit(stats * self._draws.weights[:, None])

    def best(self) -> Indices:
        """See `Scores`."""
        return best_of(self._in_bag, greater_is_better=self._metric.greater_is_better)

    def of(self, config: int, replays: Indices, *, drawn: bool) -> Floats:
        """See `Scores`."""
        if drawn:
            in_bag: Floats = self._in_bag[replays, config]
            return in_bag
        by_unit = self._by_unit(config)
        scores = np.empty(len(replays))
        for chunk in self._draws.chunks(self._draws.width):
            here = np.flatnonzero((replays >= chunk.start) & (replays < chunk.stop))
            if len(here) == 0:
                continue
            not_drawn = (self._draws.counts[replays[here]] == 0).astype(np.float64)
            scores[here] = self._metric.value(not_drawn @ by_unit)
        return scores

    def influence(self, config: int) -> Floats | None:
        """See `Scores`."""
        return influence_of_sums(self._metric, self._by_unit(config))


class RankScores:
    """A metric of order: first-order scores of all configurations name a shortlist, which is then scored exactly.

    With g the influence of the units, S + (counts - 1) g is off by terms of second order only (for ROC AUC: the
    degenerate part of a two-sample U-statistic, of the order of 1 / sqrt(positives x negatives), where the score itself
    moves by 1 / sqrt(the rarer class)). So a configuration that is behind by many times that error cannot be the best,
    and the exact score is needed for few.
    """

    def __init__(self, table: OutOfFold, metric: RankMetric, draws: Draws) -> None:
        self._table, self._metric, self._draws = table, metric, draws
        C, B = len(table), len(draws)
        self.full = np.array([metric.score(table.y, p, draws.weights) for p in table.values])
        self._exact = np.full((B, C), np.nan)
        self._known = np.zeros((B, C), np.bool_)
        self._first_order: Floats | None = None
        if C > 1 and influence(metric, table.y, table.values[0], draws) is not None:
            self._first_order = np.empty((B, C))
            width = max(1, CHUNK_BYTES // (8 * draws.width))
            for start in range(0, C, width):
                block = slice(start, min(start + width, C))
                g = np.stack([self._slopes(c) for c in range(block.start, block.stop)], axis=1)
                for chunk in draws.chunks(draws.width):
                    # The slopes add up to zero, so counts serve where counts - 1 is meant.
                    self._first_order[chunk, block] = self.full[block] + draws.counts[chunk].astype(np.float64) @ g

    def _slopes(self, config: int) -> Floats:
        slopes = influence(self._metric, self._table.y, self._table.values[config], self._draws)
        assert slopes is not None
        return slopes

    def best(self) -> Indices:
        """See `Scores`."""
        B, C = self._exact.shape
        greater = self._metric.greater_is_better
        if self._first_order is None:
            shortlist = np.ones((B, C), np.bool_)
        else:
            pilot = np.arange(min(PILOT_REPLAYS, B))
            for c in range(C):
                self._fill(c, pilot)
            error = self._exact[pilot] - self._first_order[pilot]
            # Errors common to all configurations of a replay do not change who is best.
            error = error - np.nanmean(
                np.where(np.isnan(error).all(axis=1, keepdims=True), 0.0, error), axis=1, keepdims=True
            )
            squares = np.where(np.isnan(error), 0.0, error) ** 2
            # Pooled with its neighbours' mean: sixteen replays measure one configuration's error to a fifth.
            rms = np.sqrt(np.maximum(squares.mean(axis=0), squares.mean()))
            # Rank metrics lie between 0 and 1, so an undefined one is behind all others.
            guess = np.where(np.isnan(self._first_order), -1e3, self._first_order)
            leader = guess.argmax(axis=1)
            behind = guess[np.arange(B), leader][:, None] - guess
            shortlist = behind <= SAFE_ERRORS * np.hypot(rms, rms[leader][:, None])
        for contender in np.flatnonzero(shortlist.any(axis=0)):
            self._fill(int(contender), np.flatnonzero(shortlist[:, contender]))
        return best_of(self._exact, greater_is_better=greater)

    def _fill(self, config: int, replays: Indices) -> None:
        missing = replays[~self._known[replays, config]]
        if len(missing):
            self._exact[missing, config] = self._scored(config, missing, drawn=True)
            self._known[missing, config] = True

    def of(self, config: int, replays: Indices, *, drawn: bool) -> Floats:
        """See `Scores`."""
        if not drawn:
            return self._scored(config, replays, drawn=False)
        self._fill(config, replays)
        exact: Floats = self._exact[replays, config]
        return exact

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
        share = np.ones_like(scores)
        if self._metric.average == "weighted":
            by_class = draws.by_unit((y[:, None] == np.arange(p.shape[1])) * draws.weights[:, None])
            counts = draws.counts[replays]
            share = (counts if drawn else counts == 0).astype(np.float64) @ by_class
        share = np.where(np.isnan(scores), 0.0, share)
        total = share.sum(axis=1)
        mean = (share * np.nan_to_num(scores)).sum(axis=1) / np.where(total > 0, total, 1.0)
        return np.where(total > 0, mean, np.nan)

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


class PlainScores:
    """A black box: one call per configuration and replay."""

    def __init__(self, table: OutOfFold, metric: Metric, draws: Draws) -> None:
        self._table, self._metric, self._draws = table, metric, draws
        self.full = np.array([metric.score(table.y, p, draws.weights) for p in table.values])
        self._in_bag = np.full((len(draws), len(table)), np.nan)
        for replay in range(len(draws)):
            w = draws.row_weights(replay)
            self._in_bag[replay] = [metric.score(table.y, p, w) for p in table.values]

    def best(self) -> Indices:
        """See `Scores`."""
        return best_of(self._in_bag, greater_is_better=self._metric.greater_is_better)

    def of(self, config: int, replays: Indices, *, drawn: bool) -> Floats:
        """See `Scores`."""
        if drawn:
            in_bag: Floats = self._in_bag[replays, config]
            return in_bag
        y, p, row_weights = self._table.y, self._table.values[config], self._draws.row_weights
        scores = [
            self._metric.score(y, p, w) if (w := row_weights(int(r), drawn=False)).any() else np.nan for r in replays
        ]
        return np.array(scores, np.float64)

    def influence(self, config: int) -> Floats | None:  # noqa: ARG002 -- the protocol's signature
        """See `Scores`."""
        return None
