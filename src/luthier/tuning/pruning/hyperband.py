"""Hyperband: successive halving with several first rungs, because nobody knows how early a loss tells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from luthier.tuning.pruning.halving import Halving, check_resources, count_rungs
from luthier.tuning.pruning.pruner import Curve, Reported


@dataclass(frozen=True, slots=True)
class Hyperband:
    """Deal the trials out to brackets of `Halving`, from many trials that start low to few that get all at once.

    Under a model-based strategy this is BOHB (Falkner et al. 2018): `strategy="tpe", fidelity=Hyperband(1, 81)`.

    Parameters
    ----------
    min_resource
        The lowest rung of all, in steps as the objective reports them, or in units of `fidelity`. Above 0.
    max_resource
        The full resource. None: one more than the last step of the complete trials; nothing is stopped before there
        is one.
    reduction_factor
        The best 1 / reduction_factor go on at every rung. At least 2.

    Examples
    --------
    >>> Hyperband(1, 81).rungs(trial=0)
    (1, 3, 9, 27, 81)
    >>> [Hyperband(1, 81).bracket(trial) for trial in (0, 80, 81, 130, 142)]
    [0, 0, 1, 3, 4]

    References
    ----------
    Li et al. (2018), "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", JMLR 18, algorithm 1:
    brackets in its order and of its sizes, each run asynchronously (see `Halving`).
    """

    min_resource: float = 1
    max_resource: float | None = None
    reduction_factor: float = 3

    name: ClassVar[str] = "hyperband"

    def __post_init__(self) -> None:
        check_resources(self.min_resource, self.max_resource, self.reduction_factor)

    def stops(self, trial: int, curve: Curve, others: Sequence[Reported]) -> bool:
        """Decide as the trial's bracket does, among the trials of that bracket."""
        known = self if self.max_resource is not None else self._measured(others)
        if known is None:
            return False
        assert known.max_resource is not None
        dealt = _round(known.min_resource, known.max_resource, known.reduction_factor)
        bracket = dealt[trial % len(dealt)]
        rivals = [other for other in others if dealt[other.trial % len(dealt)] == bracket]
        return known.halving(bracket).stops(trial, curve, rivals)

    def rungs(self, trial: int) -> tuple[float, ...]:
        """Return the fidelities at which a trial is evaluated, rising to the full resource."""
        return self.halving(self.bracket(trial)).rungs(trial)

    def halving(self, bracket: int) -> Halving:
        """Return a bracket's halving: bracket b skips the b lowest rungs."""
        return Halving(self.min_resource, self.max_resource, self.reduction_factor, bracket)

    def bracket(self, trial: int) -> int:
        """Return a trial's bracket: one after the other as large as the paper has them, and round again.

        n = ceil((s_max + 1) / (s + 1) * eta^s) trials for s = s_max, ..., 0.
        """
        if self.max_resource is None:
            return 0
        dealt = _round(self.min_resource, self.max_resource, self.reduction_factor)
        return dealt[trial % len(dealt)]

    def _measured(self, others: Sequence[Reported]) -> Hyperband | None:
        last = max((step for other in others if other.complete for step in other.curve), default=None)
        if last is None or last + 1 < self.min_resource:
            return None
        return Hyperband(self.min_resource, last + 1, self.reduction_factor)


@lru_cache(maxsize=64)
def _round(min_resource: float, max_resource: float, reduction_factor: float) -> tuple[int, ...]:
    """Return the brackets of the trials of one round."""
    n_brackets = count_rungs(min_resource, max_resource, reduction_factor)
    sizes = [math.ceil(n_brackets * reduction_factor**s / (s + 1) - 1e-9) for s in range(n_brackets - 1, -1, -1)]
    return tuple(bracket for bracket, size in enumerate(sizes) for _ in range(size))
