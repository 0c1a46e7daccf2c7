"""What every pruner can do: say, on the way, whether a training deserves to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

Curve: TypeAlias = Mapping[float, float]
"""Step (epoch, round, share of the rows) -> loss there, lower is better, in the order reported. NaN is possible."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What another trial has reported. `complete`: it went all the way; otherwise it was pruned."""

    trial: int
    curve: Curve
    complete: bool


class Pruner(Protocol):
    """Whether to go on with a training, from what it and others have reported: no clock, no memory, no randomness."""

    name: ClassVar[str]

    def stops(self, trial: int, curve: Curve, others: Sequence[Reported]) -> bool:
        """Tell whether a trial should end now; asked after each report.

        Parameters
        ----------
        trial
            Its number in the study.
        curve
            What it reported so far, the newest step last.
        others
            The other trials that completed or were pruned.
        """
        ...
