"""Every choice between the table and the decision, made one after the other and replayed as one.

From the table a configuration is chosen, or a blend; its probabilities are recalibrated, if that helps, and cut at a
threshold. Each step is chosen on the rows at hand, so each flatters; replayed together, they are measured together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.evaluation.blend import Blender
from luthier.evaluation.evidence import Evidence
from luthier.evaluation.simplest import Simplest
from luthier.evaluation.thresholds import Rule
from luthier.evaluation.worst_group import WorstGroup
from luthier.scoring import Metric, OutOfFold
from luthier.scoring.draws import Draws
from luthier.scoring.in_bag import scores_of
from luthier.scoring.recalibration import fit_recalibrator
from luthier.scoring.replay import argbest

Floats = NDArray[np.float64]
Predictions = NDArray[Any]

MOST_REPLAYS = 200
FEWEST_REPLAYS = 50
REPLAYED_ROWS = 2_000_000
"""Rows that the replays of a chain touch together, between the bounds above: each step of it costs time."""


MOST_ALONE = 25
"""Configurations that are finished alone, to know the median."""


def replays_for(rows: int) -> int:
    """How often a chain over so many slab rows is replayed."""
    return int(np.clip(REPLAYED_ROWS // rows, FEWEST_REPLAYS, MOST_REPLAYS))


@dataclass(frozen=True)
class Chain:
    """Selection or blend, recalibration, threshold: a choice that `replay` can replay.

    Attributes
    ----------
    select_by
        The metric that configurations are chosen by, whatever the outcome is judged by.
    chooser
        Chooses a blend, or another configuration than the best; None where the best is chosen.
    fixed
        Trial that is taken unchosen, such as a default that was kept; None where there is a choice.
    recalibrator
        Kind of the recalibrator that is learned; None for none.
    rule
        How the threshold is chosen; None to stop at probabilities. Decisions are predictions of 0.0 and 1.0.
    """

    select_by: Metric
    chooser: Blender | Simplest | WorstGroup | None = None
    fixed: int | None = None
    recalibrator: str | None = None
    rule: Rule | None = None
    _kept: dict[int, Predictions] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, evidence: Evidence, *, recalibrator: str | None = None, rule: Rule | None = None) -> Chain:
        """The choices that led to what is shipped."""
        verdict = evidence.verdict
        return cls(
            select_by=evidence.metric,
            chooser=None if verdict.default_kept else evidence.chooser,
            fixed=verdict.shipped if verdict.default_kept else None,
            recalibrator=recalibrator,
            rule=rule,
        )

    def cut_by(self, rule: Rule | None) -> Chain:
        """The same chain with another end; it shares what was chosen in replays of the same draws."""
        return replace(self, rule=rule)

    def __call__(self, table: OutOfFold, metric: Metric, weights: Floats) -> Predictions:  # noqa: ARG002 - see select_by
        """Predictions (m, k) of what is chosen on rows of these weights."""
        return self._cut(table, self._mended(table, self._chosen(table, weights), weights), weights)

    def over(self, table: OutOfFold, metric: Metric, draws: Draws) -> Callable[[int], Predictions]:  # noqa: ARG002
        """As `Prepared`. The draws must be the same for all chains that share what was chosen."""
        alone = self.fixed is None and self.chooser is None
        prepared = None
        if isinstance(self.chooser, Simplest | WorstGroup):
            prepared = self.chooser.over(table, self.select_by, draws)
        best = scores_of(table, self.select_by, draws).best() if alone and len(self._kept) < len(draws) else None

        def chosen(replay: int) -> Predictions:
            weights = draws.row_weights(replay)
            if replay not in self._kept:
                if best is not None:
                    p = table.values[max(int(best[replay]), 0)]
                else:
                    p = self._chosen(table, weights) if prepared is None else prepared(replay)
                self._kept[replay] = self._mended(table, p, weights)
            return self._cut(table, self._kept[replay], weights)

        return chosen

    def scores_alone(self, table: OutOfFold, metric: Metric) -> Floats:
        """As `Prepared`: configurations recalibrated and cut as if there were no other; NaN for those not looked at."""
        w, scores = table.splits.weights, np.full(len(table), np.nan)
        # Their median is all that is wanted, and a few dozen have that of hundreds.
        for c in np.unique(np.linspace(0, len(table) - 1, min(len(table), MOST_ALONE)).astype(int)):
            p = self._cut(table, self._mended(table, table.values[c], w), w)
            scores[c] = metric.score(table.y, p, w)
        return scores

    def _chosen(self, table: OutOfFold, weights: Floats) -> Predictions:
        if self.fixed is not None:
            return np.asarray(table.values[table.index(self.fixed)])
        return (self.chooser or argbest)(table, self.select_by, weights)

    def _mended(self, table: OutOfFold, p: Predictions, weights: Floats) -> Predictions:
        known = weights > 0
        if self.recalibrator is None:
            return p
        return fit_recalibrator(self.recalibrator, table.y[known], p[known], weights[known]).apply(p)

    def _cut(self, table: OutOfFold, p: Predictions, weights: Floats) -> Predictions:
        if self.rule is None:
            return p
        return np.asarray(p > self.rule.choose(table.y, p[:, 0], weights), np.float32)
