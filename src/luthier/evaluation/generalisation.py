"""What to expect on new rows, what was taken off the naive score for having been selected, and how folds differ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from luthier.canonical import finite
from luthier.evaluation.evidence import Evidence
from luthier.scoring import Estimate
from luthier.scoring.spoken import spoken


@dataclass(frozen=True, slots=True)
class Generalisation:
    """The promise of a study.

    Attributes
    ----------
    metric, greater_is_better
        What was measured, and which way is better.
    honest
        Expected on new rows, after selection.
    naive
        The winner's plain cross-validated score.
    optimism
        What was taken off the naive score of the winner; positive where it flattered, for losses too.
    folds
        Score of what is shipped on every fold, in the order in which they were run.
    enough_data, sentence
        As in the verdict.
    """

    metric: str
    greater_is_better: bool
    honest: Estimate
    naive: float
    optimism: float
    folds: tuple[float, ...]
    enough_data: bool
    sentence: str

    @property
    def fold_sd(self) -> float:
        """Standard deviation of the scores of the folds; NaN for fewer than two."""
        known = [score for score in self.folds if math.isfinite(score)]
        return float(np.std(known, ddof=1)) if len(known) > 1 else math.nan

    def to_dict(self) -> dict[str, Any]:
        """JSON values; numbers that are not finite are None."""
        return {
            "metric": self.metric,
            "greater_is_better": self.greater_is_better,
            "honest": self.honest.to_json(),
            "naive": finite(self.naive),
            "optimism": finite(self.optimism),
            "folds": [finite(score) for score in self.folds],
            "fold_sd": finite(self.fold_sd),
            "enough_data": self.enough_data,
            "sentence": self.sentence,
        }

    def lines(self) -> list[str]:
        """The verdict, and the numbers behind it."""
        lines = [self.sentence, f"{spoken(self.metric)}: honest {self.honest}, naive {self.naive:.5g}"]
        if math.isfinite(self.fold_sd):
            low, high = np.nanmin(self.folds), np.nanmax(self.folds)
            lines.append(f"{len(self.folds)} folds: {low:.4g} to {high:.4g}, standard deviation {self.fold_sd:.2g}")
        return lines


def generalisation(evidence: Evidence) -> Generalisation:
    """Read off the verdict and the folds what to expect of the model that is shipped."""
    table, metric, verdict = evidence.table, evidence.metric, evidence.verdict
    slices = [table.splits.fold_slice(fold) for fold in range(len(table.splits.folds))]
    folds = [metric.score(table.y[rows], evidence.shipped[rows], evidence.weights[rows]) for rows in slices]
    return Generalisation(
        metric=metric.name,
        greater_is_better=metric.greater_is_better,
        honest=verdict.score,
        naive=verdict.naive,
        optimism=verdict.optimism,
        folds=tuple(folds),
        enough_data=verdict.enough_data,
        sentence=verdict.sentence,
    )
