"""Stop what is worse than the median at the same step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from luthier.tuning.pruning.percentile import PercentilePruner
from luthier.tuning.pruning.pruner import Curve, Reported


@dataclass(frozen=True, slots=True)
class MedianPruner:
    """Stop a trial whose best loss so far is worse than the median of the complete trials' losses at this step.

    Parameters
    ----------
    n_startup_trials, n_warmup_steps, interval_steps, n_min_trials
        As `PercentilePruner`'s.

    References
    ----------
    Golovin et al. (2017), "Google Vizier: A Service for Black-Box Optimization", KDD, section 3.2.2.
    """

    n_startup_trials: int = 5
    n_warmup_steps: int = 0
    interval_steps: int = 1
    n_min_trials: int = 1

    name: ClassVar[str] = "median"

    def __post_init__(self) -> None:
        self._half()

    def stops(self, trial: int, curve: Curve, others: Sequence[Reported]) -> bool:
        """Compare with the complete trials at the newest step."""
        return self._half().stops(trial, curve, others)

    def _half(self) -> PercentilePruner:
        return PercentilePruner(
            50.0, self.n_startup_trials, self.n_warmup_steps, self.interval_steps, self.n_min_trials
        )
