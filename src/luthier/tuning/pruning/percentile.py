"""Stop what is not among the best few per cent at the same step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from luthier.errors import UsageError
from luthier.tuning.pruning.pruner import Curve, Reported


@dataclass(frozen=True, slots=True)
class PercentilePruner:
    """Stop a trial whose best loss so far is worse than a percentile of the complete trials' losses at this step.

    Parameters
    ----------
    percentile
        In [0, 100]: 25 keeps the best quarter.
    n_startup_trials
        No trial is stopped before so many are complete.
    n_warmup_steps
        No trial is stopped before this step.
    interval_steps
        Steps from one look to the next, counted from `n_warmup_steps`.
    n_min_trials
        So many complete trials must have reported at the step.

    References
    ----------
    Golovin et al. (2017), "Google Vizier: A Service for Black-Box Optimization", KDD (the median stopping rule). The
    parameters and their defaults are those of Optuna's pruner of the same name.
    """

    percentile: float
    n_startup_trials: int = 5
    n_warmup_steps: int = 0
    interval_steps: int = 1
    n_min_trials: int = 1

    name: ClassVar[str] = "percentile"

    def __post_init__(self) -> None:
        counts = (self.n_startup_trials, self.n_warmup_steps, self.interval_steps - 1, self.n_min_trials - 1)
        if not 0 <= self.percentile <= 100 or min(counts) < 0:
            raise UsageError(
                f"{self!r} makes no sense",
                fix="give a percentile in [0, 100], counts of at least 0, and interval and minimum of at least 1",
            )

    def stops(self, trial: int, curve: Curve, others: Sequence[Reported]) -> bool:  # noqa: ARG002
        """Compare with the complete trials at the newest step."""
        complete = [other.curve for other in others if other.complete]
        if not curve or not complete or len(complete) < self.n_startup_trials:
            return False
        *earlier, step = curve
        if step < self.n_warmup_steps:
            return False
        looks = (step - self.n_warmup_steps) // self.interval_steps * self.interval_steps + self.n_warmup_steps
        if max(earlier, default=-1) >= looks:
            return False  # this interval has had its look
        own = [loss for loss in curve.values() if not math.isnan(loss)]
        if not own:
            return True
        there = [other[step] for other in complete if step in other]
        if len(there) < self.n_min_trials or all(map(math.isnan, there)):
            return False
        return min(own) > float(np.nanpercentile(there, self.percentile))
