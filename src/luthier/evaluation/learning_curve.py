"""Would more rows help? How much worse what is shipped is for fewer rows, and what twice as many should bring.

By a power law, the usual shape of learning curves (Viering & Loog 2023, "The shape of learning curves: a review", IEEE
Transactions on Pattern Analysis and Machine Intelligence 45), every doubling of the rows brings the same share of what
the doubling before it brought. That share is read off the last two doublings, within the bounds that are seen in
practice; studies/learning_curve holds the forecast against tables whose other half was hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.evaluation.evidence import Evidence
from luthier.evaluation.over_folds import over_folds
from luthier.evaluation.words import with_interval
from luthier.scoring import Estimate
from luthier.scoring.spoken import spoken

Floats = NDArray[np.float64]

SHARES = (1 / 8, 1 / 4, 1 / 2)
"""Of a fold's training rows, to which the curve goes down; each is half of the next."""
FEWEST_ROWS = 30
"""In the smallest part. With fewer a family such as LightGBM has hardly begun to learn, and a start is no pace
(studies/learning_curve: on a table of 120 rows it foretold seven times what came)."""
SHRINKS = (0.35, 1.0)
"""Share of one doubling's gain that the next brings: exponents of the power law from 1.5 to 0."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What would have been had there been fewer rows.

    Attributes
    ----------
    rows
        Training rows of a fold, on average.
    lost
        By how much the score would have been worse than with all of them; positive is worse, for losses too.
    """

    rows: int
    lost: Estimate

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"rows": self.rows, "lost": self.lost.to_json()}


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """How the score grows with the rows.

    Attributes
    ----------
    metric
        What was measured.
    rows
        Training rows of a fold, on average.
    points
        For fewer rows, rising.
    doubling
        By how much twice the rows should better the score; positive is better, for losses too.
    """

    metric: str
    rows: int
    points: tuple[CurvePoint, ...]
    doubling: Estimate

    @property
    def helps(self) -> bool:
        """Whether more rows are told to help."""
        return self.doubling.low > 0

    def to_dict(self) -> dict[str, Any]:
        """JSON values; numbers that are not finite are None."""
        return {
            "metric": self.metric,
            "rows": self.rows,
            "points": [point.to_dict() for point in self.points],
            "doubling": self.doubling.to_json(),
            "helps": self.helps,
        }

    @property
    def sentence(self) -> str:
        """Whether to collect more rows."""
        much = f"by {with_interval(self.doubling)} ({self.doubling.level:.0%} interval)"
        if self.helps:
            return f"more rows help: twice as many should better {spoken(self.metric)} {much}"
        return f"more rows are not told to help: twice as many would better {spoken(self.metric)} {much}"

    def lines(self) -> list[str]:
        """The verdict, and the curve."""
        return [
            self.sentence,
            *(f"{point.rows:>8,} of {self.rows:,} rows: worse by {with_interval(point.lost)}" for point in self.points),
        ]


def learning_curve(evidence: Evidence, by_share: Mapping[float, NDArray[Any]], rows: int) -> LearningCurve:
    """Read the curve off predictions of models that learned from fewer rows.

    Parameters
    ----------
    evidence
        Of the study.
    by_share
        For every share of the training rows, (m, k): what models that learned from so few said of every slab row, none
        of which they had seen. Every fold has drawn its own few.
    rows
        Training rows of a fold, on average.

    Returns
    -------
    LearningCurve
        Of the mean score over folds, whose intervals (see `over_folds`) hold the luck of which few rows were drawn.
    """
    splits, metric = evidence.table.splits, evidence.metric
    said = [np.asarray(by_share[share], np.float64) for share in sorted(by_share)] + [evidence.given]
    sign = 1.0 if metric.greater_is_better else -1.0

    def score(p: Floats, fold: int) -> float:
        of = splits.fold_slice(fold)
        return sign * float(metric.score(evidence.y[of], p[of], splits.weights[of]))

    scores = np.array([[score(p, fold) for p in said] for fold in range(len(splits.folds))])
    points = tuple(
        CurvePoint(round(share * rows), over_folds(scores[:, [-1]] - scores[:, [k]], np.ravel, splits))
        for k, share in enumerate(sorted(by_share))
    )
    return LearningCurve(metric.name, rows, points, over_folds(scores, _next, splits))


def _next(scores: Floats) -> Floats:
    """(B,): what another doubling should bring, from scores (B, points) of which each has twice the rows before it."""
    last, before = scores[:, -1] - scores[:, -2], scores[:, -2] - scores[:, -3]
    # Without a gain before there is no ratio to read: the middle of what is usual.
    ratio = np.divide(last, before, out=np.full(len(last), np.mean(SHRINKS)), where=before > 0)
    gain: Floats = last * np.clip(ratio, *SHRINKS)
    return gain
