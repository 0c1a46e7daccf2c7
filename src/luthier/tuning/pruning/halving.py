"""Asynchronous successive halving (ASHA), in the form that stops: no trial ever waits for another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from luthier.errors import UsageError
from luthier.tuning.pruning.pruner import Curve, Reported


@dataclass(frozen=True, slots=True)
class Halving:
    """Let the best 1 / reduction_factor go on at every rung; rungs lie at rising powers of the reduction factor.

    A trial is compared, when it first reaches a rung, with all that reached it before. Early trials therefore go on
    more easily than in synchronous halving, and none waits.

    Parameters
    ----------
    min_resource
        The first rung, in steps as the objective reports them, or in units of `fidelity`. Above 0.
    max_resource
        The full resource; None where the objective itself knows when to end.
    reduction_factor
        At least 2, not necessarily whole.
    skipped_rungs
        Start with a later rung: the trial is left alone until then. (Brackets of `Hyperband` differ by this.)

    Examples
    --------
    >>> Halving(1, 81, reduction_factor=3).rungs(trial=0)
    (1, 3, 9, 27, 81)
    >>> Halving(1, 100, reduction_factor=3, skipped_rungs=2).rungs(trial=0)
    (11, 33, 100)

    References
    ----------
    Li et al. (2020), "A System for Massively Parallel Hyperparameter Tuning", MLSys, algorithm 2, in the form that
    decides when a rung is reached and never resumes (as Optuna's SuccessiveHalvingPruner).
    """

    min_resource: float = 1
    max_resource: float | None = None
    reduction_factor: float = 4
    skipped_rungs: int = 0

    name: ClassVar[str] = "halving"

    def __post_init__(self) -> None:
        check_resources(self.min_resource, self.max_resource, self.reduction_factor)

    def stops(self, trial: int, curve: Curve, others: Sequence[Reported]) -> bool:  # noqa: ARG002
        """Decide at the rungs that the newest step is the first to reach; between rungs all go on."""
        if not curve:
            return False
        *earlier, step = curve
        before = max(earlier, default=-math.inf)
        loss = curve[step]
        rung = self.skipped_rungs
        while (reached := self._height(rung)) <= step:
            if before < reached:
                if math.isnan(loss):
                    return True
                rivals = [loss_at(other.curve, reached) for other in others]
                if not _goes_on(loss, [rival for rival in rivals if rival is not None], self.reduction_factor):
                    return True
            rung += 1
        return False

    def rungs(self, trial: int) -> tuple[float, ...]:  # noqa: ARG002  (the same for every trial of a bracket)
        """Return the fidelities at which a trial is evaluated, rising to the full resource.

        They are counted down from the top, so that the last step up is as long as the others.
        """
        if self.max_resource is None:
            raise UsageError(
                "the rungs of an objective f(config, fidelity) need a full resource",
                fix="set max_resource, such as Halving(1, 81)",
            )
        whole = isinstance(self.min_resource, int) and isinstance(self.max_resource, int)
        n_rungs = count_rungs(self.min_resource, self.max_resource, self.reduction_factor)
        heights: list[float] = []
        for down in range(max(n_rungs - 1 - self.skipped_rungs, 0), -1, -1):
            height = self.max_resource / self.reduction_factor**down
            heights.append(round(height) if whole else height)
        return tuple(heights)

    def _height(self, rung: int) -> float:
        return self.min_resource * self.reduction_factor**rung


def loss_at(curve: Curve, height: float) -> float | None:
    """Return a trial's loss at the first step that reached a rung; None when it never did."""
    step = min((step for step in curve if step >= height), default=None)
    return None if step is None else curve[step]


def count_rungs(min_resource: float, max_resource: float, reduction_factor: float) -> int:
    """Return how many rungs there are, floor(log(max / min)) + 1 to the base of the reduction factor."""
    return math.floor(math.log(max_resource / min_resource, reduction_factor) + 1e-9) + 1


def check_resources(min_resource: float, max_resource: float | None, reduction_factor: float) -> None:
    """Check that resources rise.

    Raises
    ------
    UsageError
        Otherwise.
    """
    if not min_resource > 0 or (max_resource is not None and not max_resource >= min_resource):
        raise UsageError(
            f"resources from {min_resource!r} to {max_resource!r} do not rise",
            fix="give 0 < min_resource <= max_resource, such as (1, 81) epochs",
        )
    if not reduction_factor >= 2:
        raise UsageError(
            f"reduction_factor={reduction_factor!r} keeps more than half", fix="give 2 or more; usual is 3"
        )


def _goes_on(loss: float, rivals: list[float], reduction_factor: float) -> bool:
    """Whether the loss is among the best 1 / reduction_factor of all that reached the rung, itself included.

    While there are fewer than reduction_factor of them, only the best goes on.
    """
    losses = sorted([*(rival for rival in rivals if not math.isnan(rival)), loss])
    n_reached = len(rivals) + 1
    return loss <= losses[max(int(n_reached // reduction_factor) - 1, 0)]
