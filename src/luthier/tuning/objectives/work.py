"""What a worker does with a trial of an objective: call it, and bring home everything it told."""

from __future__ import annotations

import inspect
import math
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from luthier.errors import UsageError
from luthier.space import SearchSpace
from luthier.tuning.jobs import FoldResult, Job, error_line
from luthier.tuning.objectives.told import Told
from luthier.tuning.objectives.trial import ObjectiveTrial, TrialPruned, as_json
from luthier.tuning.plan import seed_of
from luthier.tuning.pruning import Halving, Hyperband, Pruner

Form: TypeAlias = Literal["trial", "config", "config and fidelity"]
"""What an objective takes."""


def form_of(objective: Callable[..., Any], *, has_space: bool) -> Form:
    """Tell what an objective takes, by its signature.

    Two parameters without a default, or a second one called `fidelity`: a configuration and a fidelity. One parameter:
    a trial if it is called `trial` or no space was given, else a configuration.

    Raises
    ------
    UsageError
        It takes something else, or a configuration without a space to take it from.
    """
    try:
        parameters = list(inspect.signature(objective).parameters.values())
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the signature of the objective {objective!r} cannot be read", fix="wrap it: lambda trial: f(trial)"
        ) from error
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in places if p.default is p.empty]
    others = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if others or (not 1 <= len(needed) <= 2 and not any(p.kind is p.VAR_POSITIONAL for p in parameters)):
        raise UsageError(
            f"the objective takes ({', '.join([p.name for p in needed] + others)})",
            fix="give a function of (trial), of (config), or of (config, fidelity); bind the rest with a lambda",
        )
    if len(needed) == 2 or (len(places) > 1 and places[1].name == "fidelity"):
        if not has_space:
            raise UsageError(
                "an objective of (config, fidelity) needs a space to take its configurations from",
                fix='add one, such as space={"lr": (1e-4, 1.0, "log")}',
            )
        return "config and fidelity"
    return "config" if has_space and not (places and places[0].name == "trial") else "trial"


@dataclass(frozen=True, slots=True, eq=False)
class ObjectiveWork:
    """Calls of one objective.

    Attributes
    ----------
    objective
        The function.
    form
        What it takes.
    space
        The space given; empty when the objective names its own parameters.
    signs
        1.0 for every objective to be minimised, -1.0 for one to be maximised.
    pruner
        Answers `should_prune`, or sets the rungs of the fidelity.
    constraints
        Called with the trial after a complete evaluation; returns numbers that are kept when at most 0.
    """

    objective: Callable[..., Any]
    form: Form
    space: SearchSpace
    signs: tuple[float, ...]
    pruner: Pruner | None = None
    constraints: Callable[[ObjectiveTrial], Sequence[float]] | None = None

    def run(self, job: Job, threads: int) -> FoldResult:
        """Evaluate one configuration. Only a shortage of memory gets out; any other failure is told."""
        del threads  # an objective's libraries are its author's business
        trial = ObjectiveTrial(
            job.trial,
            job.config,
            np.random.default_rng(seed_of(job.seed, "suggest")),
            signs=self.signs,
            pruner=self.pruner,
            others=job.brief or (),
        )
        pruned, error = False, None
        start = time.perf_counter()
        try:
            trial.values = self._checked(self._call(trial, job))
            if self.constraints is not None:
                for number, value in enumerate(self.constraints(trial)):
                    trial.set_constraint(f"c{number}", value)
        except MemoryError:
            raise
        except Exception as raised:  # noqa: BLE001  (whatever a user's function raises is data about one trial)
            if _means_pruned(raised):
                pruned = True
            else:
                error = _line_and_place(raised)
        seconds = time.perf_counter() - start
        whole = not pruned and error is None
        told = Told(
            self._evaluated(trial, job, whole=whole),
            asked=dict(trial.asked),
            values=trial.values if whole else (),
            steps=tuple(trial.steps.items()),
            pruned=pruned,
            error=error,
            user_attrs=as_json(trial.user_attrs),
            constraints=dict(trial.constraints),
        )
        return FoldResult(None, _score(told), seconds, notes=told.to_json())

    def _call(self, trial: ObjectiveTrial, job: Job) -> Any:
        if self.form == "trial":
            return self.objective(trial)
        config = self.space.params(job.config)
        if self.form == "config":
            return self.objective(config)
        assert isinstance(self.pruner, Halving | Hyperband)
        *rungs, full = self.pruner.rungs(job.trial)
        for fidelity in rungs:
            (value,) = self._checked(self.objective(config, fidelity))
            trial.report(value, fidelity)
            if trial.should_prune():
                raise TrialPruned
        value = self.objective(config, full)
        trial.report(self._checked(value)[0], full)
        return value

    def _evaluated(self, trial: ObjectiveTrial, job: Job, *, whole: bool) -> dict[str, Any]:
        """The configuration that was evaluated.

        What was proposed and not asked for counts if the space given has it, or if the objective broke off.
        """
        asked = {name: value for name, (_, value) in trial.asked.items()}
        return {**job.config, **asked} if len(self.space) or not whole else asked

    def _checked(self, returned: Any) -> tuple[float, ...]:
        """One finite number for each objective."""
        n = len(self.signs)
        parts = (
            returned if isinstance(returned, Sequence | np.ndarray) and not isinstance(returned, str) else [returned]
        )
        try:
            values = tuple(float(part) for part in parts)
        except (TypeError, ValueError):
            raise ValueError(f"the objective returned {returned!r}, which is no number") from None
        if len(values) != n:
            raise ValueError(f"the objective returned {len(values)} values; the study has {n} directions")
        if not all(map(math.isfinite, values)):
            raise ValueError(f"the objective returned {returned!r}, which is not finite")
        return values


def _score(told: Told) -> float:
    """What the record shows of a trial in one number: its first value, or the last one on its way."""
    if told.values:
        return told.values[0]
    return told.steps[-1][1] if told.pruned and told.steps else math.nan


def _means_pruned(error: BaseException) -> bool:
    # by name, so that Optuna's exception counts without importing Optuna
    return any(
        kind.__name__ == "TrialPruned" and kind.__module__.partition(".")[0] in ("optuna", "luthier")
        for kind in type(error).__mro__
    )


def _line_and_place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return error_line(error) + place
