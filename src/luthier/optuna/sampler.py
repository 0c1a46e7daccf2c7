"""Luthier's search as one of Optuna's samplers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from luthier.optuna.distributions import Counterpart, asked_of
from luthier.space import Asked, Discovery, SearchSpace, restricted
from luthier.strategies import AUTO, Observation, Strategy, get_strategy
from luthier.strategies.pareto import feasible_first, one_loss
from luthier.tuning.objectives.shares import Shares


class LuthierSampler(BaseSampler):
    """What `luthier.optimize` searches with, for the parameters of Optuna's trials.

    The space, conditions included, is read from what earlier trials asked for; parameters that it does not hold yet are
    drawn uniformly. A pruned trial is known to have reached a share of the longest training seen, and counts as that,
    not as a result. Several objectives are turned into one in a fresh random direction for each trial (hypervolume
    scalarisation); trials that break constraints come behind those that do not.

    Parameters
    ----------
    seed
        Of all draws; None for one from the operating system. With several workers results come in, and so are used, in
        an order that no seed settles.

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
        self._known = _Known("", int(self._rng.integers(2**31)))

    def reseed_rng(self) -> None:
        """Draw from a new seed, so that samplers copied to several workers differ."""
        self._rng = np.random.default_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        """Return every parameter that finished trials asked for, as it was asked for last."""
        found: dict[str, BaseDistribution] = {}
        for known in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)):
            found.update(known.distributions)
        return {name: distribution for name, distribution in found.items() if not distribution.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the parameters that the search suggests; those left out are drawn when the objective asks."""
        if not search_space:
            return {}
        if self._known.study != study.study_name:
            self._known = _Known(study.study_name, int(self._rng.integers(2**31)))
        trials = [t for t in study.get_trials(deepcopy=False) if t.number != trial.number]
        signs = np.array([-1.0 if d == StudyDirection.MAXIMIZE else 1.0 for d in study.directions])
        space, strategy = self._known.search(trials)
        history = self._known.history(trials, signs, space, self._rng)
        suggestion = strategy.ask(space, history, self._rng)
        if suggestion is None:
            return {}
        return {
            name: self._known.counterpart(search_space[name]).value(value)
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
        counterpart = self._known.counterpart(param_distribution)
        return counterpart.value(counterpart.ours.from_unit(float(self._rng.random())))


@dataclass(slots=True)
class _Known:
    """One study's trials in our terms. What is kept of finished trials would only be worked out again."""

    study: str
    seed: int
    _counterparts: dict[BaseDistribution, Counterpart] = field(default_factory=dict)
    _asked: dict[int, Asked] = field(default_factory=dict)
    _discovery: tuple[list[int], Discovery] = field(default_factory=lambda: ([], Discovery()))
    _search: tuple[SearchSpace, Strategy] | None = None

    def counterpart(self, distribution: BaseDistribution) -> Counterpart:
        if distribution not in self._counterparts:
            self._counterparts[distribution] = Counterpart.of(distribution)
        return self._counterparts[distribution]

    def search(self, trials: Sequence[FrozenTrial]) -> tuple[SearchSpace, Strategy]:
        """The space that the trials show, and the strategy for it."""
        numbers = [t.number for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        read, discovery = self._discovery
        if numbers[: len(read)] != read:  # with several workers an earlier trial may be done later
            read, discovery = [], Discovery()
        by_number = {t.number: t for t in trials}
        for number in numbers[len(read) :]:
            discovery.add(self._read(by_number[number]))
        self._discovery = (numbers, discovery)
        space = discovery.space()
        if self._search is None or self._search[0] != space:
            self._search = (space, get_strategy(AUTO).for_study(space, seed=self.seed, n_trials=None))
        return self._search

    def history(
        self, trials: Sequence[FrozenTrial], signs: np.ndarray[Any, Any], space: SearchSpace, rng: np.random.Generator
    ) -> list[Observation]:
        """The trials that are points of the space, their values in one number, lower being better."""
        losses = _losses(trials, signs, rng)
        spans = [(min(t.intermediate_values), max(t.intermediate_values)) for t in trials if t.intermediate_values]
        shares = Shares.of(spans)
        history = []
        for trial in trials:
            config = restricted({name: value for name, (_, value) in self._read(trial).items()}, space)
            if config is not None and trial.state != TrialState.WAITING:
                curve = _curve(trial, shares, signs)
                history.append(_observation(trial, config, losses.get(trial.number, math.nan), curve))
        return history

    def _read(self, trial: FrozenTrial) -> Asked:
        """What a trial asked for, read once when it is finished."""
        if trial.number in self._asked:
            return self._asked[trial.number]
        asked = asked_of(trial, self.counterpart)
        if trial.state.is_finished():
            self._asked[trial.number] = asked
        return asked


def _losses(
    trials: Sequence[FrozenTrial], signs: np.ndarray[Any, Any], rng: np.random.Generator
) -> Mapping[int, float]:
    """One loss for every complete trial whose values are finite."""
    whole = [t for t in trials if t.state == TrialState.COMPLETE and np.isfinite(t.values or math.nan).all()]
    if not whole:
        return {}
    violations = np.array([sum(max(broken, 0.0) for broken in t.constraints.values()) for t in whole])
    losses = feasible_first(one_loss(np.array([t.values for t in whole]) * signs, rng), violations)
    return dict(zip((t.number for t in whole), losses.tolist(), strict=True))


def _curve(trial: FrozenTrial, shares: Shares, signs: np.ndarray[Any, Any]) -> tuple[tuple[float, float], ...]:
    if len(signs) > 1:
        return ()
    steps = sorted(trial.intermediate_values.items())
    return tuple((shares.of_step(step), float(signs[0]) * value) for step, value in steps if math.isfinite(value))


def _observation(
    trial: FrozenTrial, config: Mapping[str, Any], loss: float, curve: tuple[tuple[float, float], ...]
) -> Observation:
    if trial.state == TrialState.RUNNING:
        return Observation(trial.number, config, "running", math.nan, math.nan, 0.0, 0, 1)
    if trial.state == TrialState.COMPLETE:
        loss = loss if math.isfinite(loss) else math.inf
        return Observation(trial.number, config, "complete", loss, math.nan, 0.0, 1, 1, curve=curve)
    if trial.state == TrialState.PRUNED and curve:
        share, loss = curve[-1]
        return Observation(trial.number, config, "partial", loss, math.nan, 0.0, 0, 1, share, curve)
    return Observation(trial.number, config, "failed", math.nan, math.nan, 0.0, 0, 1)
