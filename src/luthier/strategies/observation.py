"""What a strategy is told: one observation per configuration proposed so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from luthier.space import Config

ObservationState: TypeAlias = Literal["running", "partial", "complete", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What one trial has taught us so far.

    Attributes
    ----------
    trial
        Its number, from 0.
    config
        What was evaluated.
    state
        "running": no result yet; "partial": some of its folds are done; "complete": all are; "failed": it gives no loss
        (an exception, a time-out, out of memory), which is knowledge too; "skipped": it was not tried, because it would
        not have been done in time, and time only gets shorter.
    loss
        Mean over the finished folds, lower is better; NaN if unknown.
    loss_sd
        Standard deviation of that mean; NaN if unknown.
    cost_s
        Seconds of work spent on it, however it ended.
    folds_done, folds
        Finished folds, and folds planned.
    fidelity
        Share, in (0, 1], of the full resource (epochs, rounds, rows) behind `loss`: a training stopped at a quarter of
        its epochs has 0.25.
    curve
        (share, loss) pairs, shares rising: what was seen of a training on its way; empty where nothing was.
    """

    trial: int
    config: Config
    state: ObservationState
    loss: float
    loss_sd: float
    cost_s: float
    folds_done: int
    folds: int
    fidelity: float = 1.0
    curve: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not self.cost_s >= 0:  # "not >=" rather than "<": NaN must not slip through
            raise ValueError(f"cost_s is a duration in seconds, so it cannot be {self.cost_s!r}")
        if not 0 <= self.folds_done <= self.folds:
            raise ValueError(f"{self.folds_done} of {self.folds} folds cannot be done")
        if not 0 < self.fidelity <= 1:
            raise ValueError(f"a fidelity is a share of the full resource, so it cannot be {self.fidelity!r}")
