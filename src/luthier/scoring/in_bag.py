"""Scores of every configuration under every draw, and who was best: one kind of metric a class.

Each class answers the same four questions: the score of every configuration on all rows, the best on the drawn rows of
every replay, the score of one configuration in chosen replays (on the rows drawn, or on those not drawn), and what each
unit does to a configuration's score. "Best" reads the metric's direction; a score that is undefined never wins; of
equals the first wins, as in `argmax`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from luthier.scoring.best import best_of
from luthier.scoring.concordance import ConcordanceScores
from luthier.scoring.draws import CHUNK_BYTES, Draws, Floats, Indices
from luthier.scoring.influence import influence_of_sums
from luthier.scoring.metrics import AdditiveMetric, Metric, RankMetric
from luthier.scoring.ranks_in_bag import RankScores
from luthier.scoring.table import OutOfFold


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
    if isinstance(metric, RankMetric) and ConcordanceScores.suit(metric, draws):
        return ConcordanceScores(table, metric, draws)
    if isinstance(metric, RankMetric):
        return RankScores(table, metric, draws)
    return PlainScores(table, metric, draws)


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
