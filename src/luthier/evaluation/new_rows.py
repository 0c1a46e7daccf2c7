"""A model on rows nobody had when it was tuned: its score, and whether that contradicts what was promised."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from luthier.evaluation.calibration import FEWEST_UNITS, CalibrationError, calibration_error, decided
from luthier.scoring import Estimate, Metric
from luthier.scoring.replay import plain_estimate
from luthier.scoring.spoken import spoken

Standing = Literal["kept", "broken", "exceeded", "unknown"]
REPLAYS = 500


@dataclass(frozen=True, slots=True)
class NewRows:
    """What a model does on new rows, beside its promise.

    Attributes
    ----------
    metric, greater_is_better
        What was promised, and which way is better.
    score, promise
        On the new rows, and as promised for rows like those it was tuned on.
    difference
        By how much the score is better than promised, for losses too; negative is worse.
    standing
        "kept" where the difference may be luck, "broken" or "exceeded" where it is not; "unknown" where the score is
        not defined on these rows.
    metrics
        Other measures on the new rows, by name.
    calibration
        Whether predicted chances came true; None for a regression or too few rows.
    n_rows, n_without_label
        Rows that were scored, and rows left out because nothing is known of what happened.
    """

    metric: str
    greater_is_better: bool
    score: Estimate
    promise: Estimate
    difference: Estimate
    standing: Standing
    metrics: Mapping[str, Estimate]
    calibration: CalibrationError | None
    n_rows: int
    n_without_label: int

    @property
    def sentence(self) -> str:
        """The answer for a reader who does not know the trade."""
        said = {
            "kept": "the promise holds: the difference is within what luck explains",
            "broken": "the promise is broken: the score is worse than luck explains, so these rows are not like those "
            "the model was tuned on, or something has changed",
            "exceeded": "the score is better than luck explains; see that it has not learned from these very rows",
            "unknown": f"{spoken(self.metric)} is not defined on these rows, so nothing can be said",
        }
        return said[self.standing]

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "metric": self.metric,
            "greater_is_better": self.greater_is_better,
            "score": self.score.to_json(),
            "promise": self.promise.to_json(),
            "difference": self.difference.to_json(),
            "standing": self.standing,
            "contradicts": self.standing in ("broken", "exceeded"),
            "sentence": self.sentence,
            "metrics": {name: score.to_json() for name, score in self.metrics.items()},
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
            "rows": self.n_rows,
            "rows_without_label": self.n_without_label,
        }

    def lines(self) -> list[str]:
        """The answer, and the numbers behind it."""
        lines = [
            self.sentence,
            f"{spoken(self.metric)} {self.score}, promised {self.promise}",
            f"difference {self.difference}, where more than 0 is better",
        ]
        if self.n_without_label:
            lines.append(f"{self.n_without_label} rows have no label and were left out")
        lines += [f"{name:<18} {score}" for name, score in self.metrics.items()]
        if self.calibration is not None:
            low, high = (100 * end for end in self.calibration.typical_range)
            lines.append(f"chances are off by about {low:.1f} to {high:.1f} points of 100")
        return lines


def judge_new_rows(
    y: NDArray[Any],
    p: NDArray[Any],
    *,
    metric: Metric,
    promise: Estimate,
    others: Mapping[str, tuple[Metric, NDArray[Any]]],
    weights: NDArray[np.float64],
    units: NDArray[np.int64],
    classes: bool,
    n_without_label: int,
    rng: np.random.Generator,
) -> NewRows:
    """Score predictions of new rows and hold the score against the promise.

    Parameters
    ----------
    y, p
        Coded target (n,) and predictions (n, k).
    metric, promise
        What was promised.
    others
        Further metrics by name, each with the predictions it is to read (chances, or decisions as 0.0 and 1.0).
    weights, units
        (n,): weight of every row, and what it belongs to.
    classes
        Whether p are chances of classes.
    n_without_label
        Rows that were left out.
    rng
        Source of the draws of the intervals.
    """

    def scored(of: Metric, said: NDArray[Any]) -> Estimate:
        return plain_estimate(y, said, of, units=units, weights=weights, n_replays=REPLAYS, rng=rng)

    score = scored(metric, p)
    difference = _difference(score, promise)
    if not metric.greater_is_better:
        difference = Estimate(-difference.value, -difference.high, -difference.low, difference.n, difference.level)
    enough = classes and len(np.unique(units)) >= FEWEST_UNITS
    return NewRows(
        metric=metric.name,
        greater_is_better=metric.greater_is_better,
        score=score,
        promise=promise,
        difference=difference,
        standing=_standing(difference),
        metrics={name: scored(of, said) for name, (of, said) in others.items()},
        calibration=calibration_error(*decided(y, p), weights=weights, units=units) if enough else None,
        n_rows=len(y),
        n_without_label=n_without_label,
    )


def _standing(difference: Estimate) -> Standing:
    if not (math.isfinite(difference.low) and math.isfinite(difference.high)):
        return "unknown"
    if difference.high < 0:
        return "broken"
    return "exceeded" if difference.low > 0 else "kept"


def _difference(a: Estimate, b: Estimate) -> Estimate:
    """Interval of a - b from the intervals of two independent estimates.

    Source: Zou & Donner (2008), Statistics in Medicine 27, eq. 7 (method of variance estimates recovery): each end
    takes the halves of the two intervals that point its way.
    """
    d = a.value - b.value
    low = d - math.hypot(max(a.value - a.low, 0.0), max(b.high - b.value, 0.0))
    high = d + math.hypot(max(a.high - a.value, 0.0), max(b.value - b.low, 0.0))
    return Estimate(d, low, high, min(a.n, b.n), a.level, "score less promise")
