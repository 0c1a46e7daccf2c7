"""A finished search as a value: what was asked, what was tried, what it cost."""

from __future__ import annotations

from dataclasses import dataclass

from luthier.tuning.history import History, Trial
from luthier.tuning.plan import StudyPlan


@dataclass(frozen=True, slots=True, eq=False)
class TuningRun:
    """The search of one study, read from its record.

    Attributes
    ----------
    study
        Id of the study in its store.
    plan
        What it set out to do.
    trials
        Every configuration proposed, in trial order.
    ending
        Why the search ended; None while it has not.
    spent_s
        Seconds of the budget spent.
    n_evaluated
        Trials with fits of their own: duplicates and those given up before they began are not counted.
    n_fold_fits
        Folds fitted to the end.
    """

    study: str
    plan: StudyPlan
    trials: tuple[Trial, ...]
    ending: str | None
    spent_s: float
    n_evaluated: int
    n_fold_fits: int

    @classmethod
    def of(cls, study: str, plan: StudyPlan, history: History) -> TuningRun:
        """The run as its history stands."""
        return cls(
            study,
            plan,
            tuple(history.trials),
            history.ended,
            history.spent_s,
            history.n_evaluated,
            history.n_fold_fits,
        )

    def trial(self, number: int) -> Trial:
        """The trial of that number."""
        return self.trials[number]
