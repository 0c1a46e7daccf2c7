"""Luthier's search as one of Optuna's samplers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from luthier.errors import BadSpace
from luthier.optuna.distributions import Counterpart
from luthier.space import SearchSpace
from luthier.space.discovered import Asked, discovered_space, restricted
from luthier.strategies import Observation, get_strategy
from luthier.strategies.observation import ObservationState

_STATES: dict[TrialState, ObservationState] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "partial",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}


class LuthierSampler(BaseSampler):
    """Ask Luthier's Gaussian process for the parameters of Optuna's trials.

    The space, conditions included, is read from what earlier trials asked for. Parameters it does not hold yet are
    drawn uniformly, and so are all parameters of studies with several objectives.

    Parameters
    ----------
    seed
        Of all draws; None for one from the operating system.

    Examples
    --------
    >>> import optuna
    >>> optuna.logging.set_verbosity(optuna.logging.ERROR)
    >>> study = optuna.create_study(sampler=LuthierSampler(seed=0))
    >>> study.optimize(lambda trial: (trial.suggest_float("x", -5, 5) - 2) ** 2, n_trials=20)
    >>> abs(study.best_params["x"] - 2) < 0.1
    True
    """

    def __init__(self, *, seed: int | None = None) -> None:
        self._rng = np.random.default_rng(seed)
        self._counterparts: dict[BaseDistribution, Counterpart] = {}
        self._asked: dict[int, Asked] = {}
        self._space: SearchSpace | None = None
        self._strategy: Any = None

    def reseed_rng(self) -> None:
        """Take a new seed, so that workers that were forked from one another differ."""
        self._rng = np.random.default_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        """Return every parameter that finished trials asked for, as it was asked for last."""
        if len(study.directions) > 1:
            return {}
        found: dict[str, BaseDistribution] = {}
        for known in self._finished(study):
            found.update(known.distributions)
        return {name: distribution for name, distribution in found.items() if not distribution.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the parameters that the search suggests; none while nothing is known."""
        if not search_space:
            return {}
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        trials = [t for t in study.get_trials(deepcopy=False) if t.number != trial.number and t.state in _STATES]
        for known in trials:
            if known.state.is_finished() and known.number not in self._asked:
                self._asked[known.number] = self._read(known)
        whole = [self._asked[t.number] for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        space = discovered_space(whole)
        if self._space is None or space != self._space:
            self._space = space
            self._strategy = get_strategy("gp").for_study(space, seed=0, n_trials=None)
        history: list[Observation] = []
        for known in trials:
            asked = self._asked.get(known.number) or self._read(known)
            config = restricted({name: value for name, (_, value) in asked.items()}, self._space)
            if config is not None:
                history.append(_observation(known, config, sign))
        suggestion = self._strategy.ask(self._space, history, self._rng)
        if suggestion is None:
            return {}
        return {
            name: self._counterpart(search_space[name]).value(value)
            for name, value in suggestion.config.items()
            if name in search_space
        }

    def sample_independent(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        param_name: str,  # noqa: ARG002
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw one parameter uniformly from its distribution."""
        counterpart = self._counterpart(param_distribution)
        return counterpart.value(counterpart.ours.from_unit(float(self._rng.random())))

    def _finished(self, study: Study) -> list[FrozenTrial]:
        states = (TrialState.COMPLETE, TrialState.PRUNED)
        return study.get_trials(deepcopy=False, states=states)

    def _counterpart(self, distribution: BaseDistribution) -> Counterpart:
        if distribution not in self._counterparts:
            self._counterparts[distribution] = Counterpart.of(distribution)
        return self._counterparts[distribution]

    def _read(self, trial: FrozenTrial) -> Asked:
        asked = {}
        for name, value in trial.params.items():
            counterpart = self._counterpart(trial.distributions[name])
            try:
                asked[name] = (counterpart.ours, counterpart.scalar(value))
            except (BadSpace, ValueError):  # enqueued outside its range: Optuna allows it, and no model can place it
                continue
        return asked


def _observation(trial: FrozenTrial, config: dict[str, Any], sign: float) -> Observation:
    state, loss = _STATES[trial.state], math.nan
    if state == "complete" and trial.value is not None:
        loss = sign * trial.value
    elif state == "partial":
        seen = [value for _, value in sorted(trial.intermediate_values.items()) if math.isfinite(value)]
        state = "partial" if seen else "failed"
        loss = sign * seen[-1] if seen else math.nan
    done = 1 if state == "complete" else 0
    return Observation(trial.number, config, state, loss, math.nan, 0.0, done, 1)
