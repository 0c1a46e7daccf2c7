"""What one strategy with one seed had found, and when, on its own clock."""

from __future__ import annotations

from dataclasses import dataclass

from luthier.tuning.virtual import VirtualStudy


@dataclass(frozen=True, slots=True)
class Step:
    """One trial that came to an end.

    Attributes
    ----------
    seconds
        On the clock of its study.
    share
        Of the budget spent by then, in [0, 1].
    score
        In the metric's sign; None when it failed or was dropped.
    mode
        How it was proposed: default, grid, explore or exploit.
    fold_scores
        In fold order; empty when the score is None.
    trial
        Its number.
    """

    seconds: float
    share: float
    score: float | None
    mode: str
    fold_scores: tuple[float, ...] = ()
    trial: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """A strategy's way through its budget.

    Attributes
    ----------
    strategy, repeat
        Whose, and which of its repeats.
    steps
        Trials in the order in which they ended.
    seconds
        On its clock when it was over.
    fits
        Folds it asked for.
    """

    strategy: str
    repeat: int
    steps: tuple[Step, ...]
    seconds: float
    fits: int = 0

    def improvements(self, *, greater_is_better: bool) -> list[Step]:
        """The steps at which the best score so far changed."""
        kept: list[Step] = []
        for step in self.steps:
            if step.score is None:
                continue
            best = kept[-1].score if kept else None
            if best is None or (step.score > best if greater_is_better else step.score < best):
                kept.append(step)
        return kept


def trace_of(study: VirtualStudy, strategy: str, repeat: int) -> Trace:
    """The trace of a virtual study, as far as it has come."""
    budget, steps, n_own = study.plan.budget, [], 0
    for trial in study.history.trials:
        if trial.state in ("running", "duplicate") or trial.spent_s is None:
            continue
        n_own += 1
        shares = [0.0]
        if budget.limit_s is not None:
            shares.append(trial.spent_s / budget.limit_s)
        if budget.trials is not None:
            shares.append(n_own / budget.trials)
        scores = tuple(trial.fold_scores) if trial.score is not None else ()
        steps.append(Step(trial.spent_s, min(max(shares), 1.0), trial.score, trial.mode, scores, trial.number))
    return Trace(strategy, repeat, tuple(steps), study.clock_s, study.fits)
