"""Which fold to run next: pure readings of the history.

A `FoldPolicy` says, after every fold, whether a trial goes on. `FullCV` runs every fold of every trial; a racing rule
drops candidates early by saying so, and neither the engine nor the record needs to change for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from luthier.tuning.history import Trial
from luthier.tuning.timing import Duration


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a trial gets no further fold, and what all its folds would probably have given.

    Attributes
    ----------
    reason
        A sentence for people.
    projected
        The score that the whole trial would probably have got, in the metric's sign, and its standard deviation; None
        when the policy projects nothing.
    """

    reason: str
    projected: tuple[float, float] | None = None


class FoldPolicy(Protocol):
    """Whether a trial deserves its next fold."""

    name: ClassVar[str]

    def drop(self, trial: Trial, rivals: Sequence[Trial]) -> Drop | None:
        """Why this trial should get no further fold; None to go on.

        Parameters
        ----------
        trial
            With the folds it has so far.
        rivals
            Complete trials, best first, no more than `N_RIVALS`; none before the first is complete.
        """
        ...

    def horizon(self, trial: Trial, rivals: Sequence[Trial], n_folds: int) -> int:
        """How many of the first folds may be run before `drop` is asked again."""
        ...


N_RIVALS = 11
"""The incumbent and the ten next to it: as many as a policy compares a trial with."""


class FullCV:
    """Every fold of every trial, unless one of them fails: the reference all shortcuts are measured against."""

    name: ClassVar[str] = "full"

    def drop(self, trial: Trial, rivals: Sequence[Trial]) -> Drop | None:  # noqa: ARG002  (the protocol's signature)
        """Never."""
        return None

    def horizon(self, trial: Trial, rivals: Sequence[Trial], n_folds: int) -> int:  # noqa: ARG002  (the same)
        """All of them at once."""
        return n_folds


def next_fold(trial: Trial, n_folds: int, busy: Collection[tuple[int, int]]) -> int | None:
    """The first of a trial's first `n_folds` folds that is neither settled nor running; None when there is none."""
    for fold in range(n_folds):
        settled = fold in trial.folds and trial.folds[fold].settled
        if not settled and (trial.number, fold) not in busy:
            return fold
    return None


def failure(trial: Trial) -> str | None:
    """Why the trial cannot be completed any more: its first fold that ended for good without a result."""
    for number, fold in sorted(trial.folds.items()):
        if fold.settled and fold.state != "DONE":
            return f"fold {number} ended as {fold.state}" + (f": {fold.error}" if fold.error else "")
    return None


def trial_seconds(fold: Duration, n_folds: int, slots: int) -> float:
    """Wall seconds until a new trial is complete, its folds spread over the slots."""
    return fold.median_s * -(-n_folds // slots)
