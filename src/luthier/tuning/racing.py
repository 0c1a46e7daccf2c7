"""Race a trial against the incumbent, fold by fold, and drop it once it would hardly win.

Both are scored on the same folds, so what makes a fold hard or easy cancels in the difference

    d_i = score of the trial on fold i - score of the incumbent on fold i,   i in the m folds done   (better is > 0)

and full cross-validation over k folds would end at a mean difference that lies around the present one with variance

    (1 / m - 1 / k) * (1 + n_valid / n_train) * s^2 + g^2,

the first factor because only the k - m folds to come are unknown, the second for training rows that folds share. A
trial is dropped when the mean difference is below zero by more than z such deviations. s^2 pools the m - 1 degrees of
freedom of the trial's own differences with `PRIOR_FOLDS` of what is typical between good trials: two or three
differences alone would now and then look exactly equal and drop a winner. g^2 is the variance, among good trials, of
what separates a trial's own score from the mean over its folds: a study ranks trials by all their predictions pooled,
and a metric of ranks, or windows of time that weigh differently, can tell another story than the mean.

Sources: Maron & Moore (1994), "Hoeffding races", NeurIPS 6, for dropping by paired comparison; Nadeau & Bengio (2003),
"Inference for the generalization error", Machine Learning 52, for the factor. That the end of the race is projected,
rather than the true difference tested, is ours: it asks only whether full cross-validation would choose otherwise.
`studies/racing` holds what z and the pooling rest on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, variance
from typing import ClassVar

from luthier.tuning.history import Trial
from luthier.tuning.scheduling import Drop

PRIOR_FOLDS = 3
"""Degrees of freedom that the typical variance counts for beside the trial's own m - 1."""

ENOUGH_RIVALS = 3
"""From so many complete trials on, their differences from the incumbent say what is typical."""


@dataclass(frozen=True, slots=True)
class PairedRacing:
    """Drop a trial when it would hardly beat the incumbent over all folds.

    Attributes
    ----------
    overlap
        n_valid / n_train of a fold, > 0: 0.25 for five folds.
    greater_is_better
        Direction of the scores.
    at_least
        Folds every trial gets.
    z
        How many standard deviations below the incumbent a trial must be.
    """

    name: ClassVar[str] = "racing"

    overlap: float
    greater_is_better: bool
    at_least: int = 2
    z: float = 2.0

    def __post_init__(self) -> None:
        if not (self.overlap > 0 and self.at_least >= 1 and self.z > 0):
            raise ValueError(f"a race needs an overlap, at_least and z above zero, not {self!r}")

    def drop(self, trial: Trial, rivals: Sequence[Trial]) -> Drop | None:
        """Why this trial should get no further fold, and where it would probably end; None to go on."""
        rivals = [rival for rival in rivals if len(rival.fold_scores) == len(rival.folds)]
        if not rivals:
            return None
        incumbent, *others = rivals
        gains = self._gains(trial, incumbent)
        m, k = len(gains), len(incumbent.folds)
        if not self.at_least <= m < k:
            return None
        gain = fmean(gains)
        typical, g2 = self._typical(incumbent, others)
        s2 = (sum((d - gain) ** 2 for d in gains) + PRIOR_FOLDS * typical) / (m - 1 + PRIOR_FOLDS)
        to_come = (1 / m - 1 / k) * (1 + self.overlap) * s2 + g2
        if gain + self.z * math.sqrt(to_come) >= 0:
            return None
        assert incumbent.score is not None
        return Drop(
            f"after {m} of {k} folds it is behind trial {incumbent.number} by {-gain:.3g}, "
            f"more than {self.z:g} times what the other folds could change",
            (
                incumbent.score + (gain if self.greater_is_better else -gain),
                math.sqrt(variance(incumbent.fold_scores) / k + to_come),
            ),
        )

    def horizon(self, trial: Trial, rivals: Sequence[Trial], n_folds: int) -> int:
        """All folds where there is nobody to race against; else the first few, and then one at a time."""
        if not rivals:
            return n_folds
        done = sum(fold.state == "DONE" for fold in trial.folds.values())
        return min(n_folds, max(self.at_least, done + 1))

    def _gains(self, trial: Trial, incumbent: Trial) -> list[float]:
        """How much better the trial is than the incumbent, on every fold that both have."""
        sign = 1.0 if self.greater_is_better else -1.0
        pairs = (
            (fold.score, incumbent.folds[i].score) for i, fold in sorted(trial.folds.items()) if fold.state == "DONE"
        )
        return [sign * (own - other) for own, other in pairs if own is not None and other is not None]

    def _typical(self, incumbent: Trial, others: Sequence[Trial]) -> tuple[float, float]:
        """Variance of the differences between good trials (of the incumbent's folds while there are few); and g^2."""
        if len(others) < ENOUGH_RIVALS:
            return variance(incumbent.fold_scores), 0.0
        gaps = [rival.score - fmean(rival.fold_scores) for rival in (incumbent, *others) if rival.score is not None]
        return median(variance(self._gains(other, incumbent)) for other in others), variance(gaps)
