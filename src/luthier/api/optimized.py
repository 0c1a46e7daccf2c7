"""What `luthier.optimize` hands back: the trials of an objective, the best of them, and the front of several goals."""

# ruff: noqa: PD011  (`values` is what a trial's results are called, here as in Optuna; no pandas meant)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from luthier.errors import NoModel, UsageError
from luthier.space.config import Floats
from luthier.strategies.pareto import hypervolume, pareto_front
from luthier.tuning import History, StudyPlan, Trial
from luthier.tuning.objectives import Told

if TYPE_CHECKING:
    import pandas as pd

    from luthier.space import Distribution

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True, slots=True)
class EvaluatedTrial:
    """One evaluation of an objective.

    Attributes
    ----------
    number
        In the study, from 0. Numbers of proposals that were never evaluated are missing.
    state
        "complete"; "pruned" (ended early, because it would not pay); "failed" (see `error`).
    params
        The values it was given. An object that JSON cannot hold appears as its label.
    values
        One for each objective; empty unless complete.
    distributions
        Of the parameters an objective asked for itself.
    intermediate_values
        Step -> value reported there.
    user_attrs, constraints
        As set by the objective. A constraint is kept when its value is at most 0.
    seconds
        What it took.
    mode, why
        Whether the strategy explored or exploited, and its reason.
    error
        In one line, for a failed trial.
    """

    number: int
    state: Literal["complete", "pruned", "failed"]
    params: Mapping[str, Any]
    values: tuple[float, ...]
    seconds: float
    mode: str
    why: str
    distributions: Mapping[str, Distribution] = field(default_factory=dict)
    intermediate_values: Mapping[float, float] = field(default_factory=dict)
    user_attrs: Mapping[str, Any] = field(default_factory=dict)
    constraints: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None

    @property
    def value(self) -> float | None:
        """The value of the only objective, or the first one; None unless complete."""
        return self.values[0] if self.values else None

    @property
    def feasible(self) -> bool:
        """Whether it is complete and keeps all its constraints."""
        return self.state == "complete" and all(value <= 0 for value in self.constraints.values())

    @property
    def told(self) -> Told:
        """What the objective told, as a strategy of another study may use it."""
        asked = {name: (distribution, self.params[name]) for name, distribution in self.distributions.items()}
        steps = tuple(self.intermediate_values.items())
        return Told(self.params, asked, self.values, steps, self.state == "pruned", self.error, {}, self.constraints)

    @classmethod
    def of(cls, trial: Trial) -> Self | None:
        """The evaluation behind a trial of the record; None when there was none, or it was cut short."""
        if trial.notes is None:
            failure = next((fold for fold in trial.folds.values() if fold.settled), None)
            if failure is None:
                return None
            error = failure.state + (f": {failure.error}" if failure.error else "")
            return cls(trial.number, "failed", trial.config, (), trial.seconds, trial.mode, trial.why, error=error)
        told = Told.from_json(trial.notes)
        state: Literal["complete", "pruned", "failed"] = "complete" if told.values else "failed"
        return cls(
            trial.number,
            "pruned" if told.pruned else state,
            told.config,
            told.values,
            trial.seconds,
            trial.mode,
            trial.why,
            distributions={name: distribution for name, (distribution, _) in told.asked.items()},
            intermediate_values=dict(told.steps),
            user_attrs=told.user_attrs,
            constraints=told.constraints,
            error=told.error,
        )


@dataclass(frozen=True)
class OptimizeResult:
    """The outcome of `luthier.optimize`.

    The values are what the objective returned, taken at its word. If it measures something noisy (a score on a few
    hundred rows, say), the best of many values flatters: there is nothing here to correct that with, since an objective
    shows no rows. For models of tables, `luthier.tune` returns a corrected score with an interval.

    Attributes
    ----------
    study
        Its id in the store.
    name
        What the study is called.
    directions
        "minimize" or "maximize", for each objective.
    evaluated
        Every evaluation, in trial order.
    ending
        Why the search ended.
    spent_s
        Seconds of the budget spent.
    """

    study: str
    name: str
    directions: tuple[Direction, ...]
    evaluated: tuple[EvaluatedTrial, ...] = field(repr=False)
    ending: str | None
    spent_s: float

    @classmethod
    def of(cls, study: str, plan: StudyPlan, history: History) -> Self:
        """The result as the record of a study stands."""
        found = [EvaluatedTrial.of(trial) for trial in history.trials if trial.twin is None]
        return cls(
            study,
            plan.question["dataset"],
            tuple(plan.question["directions"]),
            tuple(trial for trial in found if trial is not None),
            history.ended,
            history.spent_s,
        )

    # --- one objective ------------------------------------------------------------------------------------------------

    @property
    def best_trial(self) -> EvaluatedTrial:
        """The feasible trial with the best value; the earliest among equals.

        Raises
        ------
        UsageError
            There are several objectives, so that no trial is the best: see `pareto_front`.
        NoModel
            No trial is feasible.
        """
        if len(self.directions) > 1:
            raise UsageError(
                f"with {len(self.directions)} objectives there is no single best trial", fix="use result.pareto_front"
            )
        sign = self._signs[0]
        best = min(self._feasible, key=lambda trial: sign * trial.values[0], default=None)
        if best is None:
            raise NoModel(
                "no trial keeps all constraints",
                fix="look at result.trials; give more budget or loosen the constraints",
            )
        return best

    @property
    def best_params(self) -> dict[str, Any]:
        """The values of the best trial's parameters."""
        return dict(self.best_trial.params)

    @property
    def best_config(self) -> dict[str, Any]:
        """The same as `best_params`."""
        return self.best_params

    @property
    def best_value(self) -> float:
        """The value of the best trial, as the objective returned it (see the note above on noise)."""
        return self.best_trial.values[0]

    # --- several objectives -------------------------------------------------------------------------------------------

    @property
    def pareto_front(self) -> tuple[EvaluatedTrial, ...]:
        """The feasible trials that no other one beats in all objectives, in trial order."""
        trials = self._feasible
        on_front = pareto_front(self._losses(trials))
        return tuple(trial for trial, keep in zip(trials, on_front, strict=True) if keep)

    def hypervolume(self, reference: Sequence[float] | None = None) -> float:
        """Return the volume between the Pareto front and a reference point, in the units of the values multiplied.

        Parameters
        ----------
        reference
            The worst value of interest in each objective; by default the worst among the feasible trials. Name one to
            compare studies with each other.
        """
        losses = self._losses(self._feasible)
        if not len(losses):
            return 0.0
        worst = losses.max(axis=0) if reference is None else np.array(self._signs) * np.asarray(reference, dtype=float)
        return hypervolume(losses, worst)

    # --- all trials ---------------------------------------------------------------------------------------------------

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row per evaluation: number, state, value(s), seconds, parameters, attributes and constraints."""
        import pandas as pd

        rows = []
        for trial in self.evaluated:
            row: dict[str, Any] = {"trial": trial.number, "state": trial.state}
            columns = ["value"] if len(self.directions) == 1 else [f"value_{k}" for k in range(len(self.directions))]
            row |= dict.fromkeys(columns) | dict(zip(columns, trial.values, strict=False))
            row |= {"seconds": trial.seconds, "mode": trial.mode, "why": trial.why, "error": trial.error}
            row |= {f"param_{name}": value for name, value in trial.params.items()}
            row |= {f"constraint_{name}": value for name, value in trial.constraints.items()}
            row |= {f"user_attr_{name}": value for name, value in trial.user_attrs.items()}
            rows.append(row)
        return pd.DataFrame(rows)

    @property
    def _signs(self) -> list[float]:
        return [1.0 if direction == "minimize" else -1.0 for direction in self.directions]

    @property
    def _feasible(self) -> list[EvaluatedTrial]:
        return [trial for trial in self.evaluated if trial.feasible]

    def _losses(self, trials: Sequence[EvaluatedTrial]) -> Floats:
        values = np.array([trial.values for trial in trials], dtype=np.float64).reshape(
            len(trials), len(self.directions)
        )
        losses: Floats = values * np.array(self._signs)
        return losses
