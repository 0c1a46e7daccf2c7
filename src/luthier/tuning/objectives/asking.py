"""Ask a strategy about an objective: over the space discovered so far, in one loss, with the trials it understands."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np

from luthier.space import Config, Discovery, SearchSpace, restricted
from luthier.strategies import Observation, Strategy, Suggestion, get_strategy
from luthier.strategies.observation import ObservationState
from luthier.strategies.pareto import feasible_first, one_loss
from luthier.tuning.history import History
from luthier.tuning.objectives.shares import Shares
from luthier.tuning.objectives.told import Told

MAX_FAILURES = 10
"""So many trials at the start of a study, all failed and none complete, mean that the objective is broken."""


@dataclass(slots=True)
class ObjectiveStrategy:
    """Any strategy, asked about an objective. It meets `Strategy`, so the engine sees nothing special.

    Parameters
    ----------
    strategy
        Name of the strategy to ask.
    history
        Gives the study's history: what the objective told is read there, of those trials only that a question shows.
    signs
        1.0 for every objective to be minimised, -1.0 for one to be maximised.
    seed, n_trials
        Of the study.
    enqueued
        Configurations to evaluate first; what they leave open is drawn.
    prior
        What earlier studies of the same objective were told; strategies see it before this study's own trials.
    target
        The search ends when a trial's loss is as low as this.
    """

    strategy: str
    history: Callable[[], History]
    signs: tuple[float, ...]
    seed: int
    n_trials: int | None
    enqueued: tuple[Config, ...] = ()
    prior: tuple[Told, ...] = ()
    target: float | None = None
    _told: dict[int, Told] = field(default_factory=dict)
    _prior_observations: list[Observation] = field(default_factory=list)
    _spans: dict[int, tuple[float, float]] = field(default_factory=dict)
    _points: dict[int, tuple[Config, Config | None]] = field(default_factory=dict)
    _translated: dict[int, tuple[Observation, float | None, Shares, Observation]] = field(default_factory=dict)
    _discovery: tuple[list[int], Discovery] = field(default_factory=lambda: ([], Discovery()))
    _asked: tuple[SearchSpace, Strategy] | None = None

    name: ClassVar[str] = "objective"

    @classmethod
    def for_study(cls, space: SearchSpace, *, seed: int, n_trials: int | None) -> Self:
        """Not needed: whoever studies an objective builds this with its history."""
        raise NotImplementedError

    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        """Return what to try next; parameters it does not name are drawn where the objective asks for them.

        Parameters
        ----------
        space
            The space given, or an empty one: then it is discovered from the trials.
        """
        if self._is_over(history):
            return None
        number = len(history)
        if number < len(self.enqueued):
            return Suggestion(completed(self.enqueued[number], space, rng), "default", "enqueued by the caller")
        history = [*self._before(), *history]
        told = {seen.trial: self._of(seen.trial) for seen in history if seen.state != "running"}
        whole = {number: what for number, what in told.items() if what is not None and what.values}
        found = space if len(space) else self._discovered(whole)
        if not len(found):
            return Suggestion({}, "explore", "nothing is known of the parameters yet: drawn as the objective asks")
        known, strategy = self._set_up(found)
        observations = self._observations(known, history, told, self._losses(whole, rng))
        suggestion = strategy.ask(known, observations, rng)
        if suggestion is None and any(set(what.asked) - {p.name for p in known} for what in whole.values()):
            return Suggestion({}, "explore", "the parameters understood are used up: drawn as the objective asks")
        return suggestion

    def _is_over(self, history: Sequence[Observation]) -> bool:
        """Whether the target is reached, or all hope is lost."""
        settled = [seen for seen in history if seen.state != "running"]
        if self.target is not None:
            for what in (self._of(seen.trial) for seen in settled):
                if what is None or not what.values or violation(what) > 0:
                    continue
                if self.signs[0] * what.values[0] <= self.target:
                    return True
        return len(settled) >= MAX_FAILURES and all(seen.state == "failed" for seen in settled)

    # --- what a strategy is told --------------------------------------------------------------------------------------

    def _before(self) -> list[Observation]:
        """Trials of earlier studies, under numbers below 0."""
        if not self._prior_observations:
            for number, what in enumerate(self.prior, start=-len(self.prior)):
                state: ObservationState = "complete" if what.values else "failed"
                if what.pruned and any(math.isfinite(value) for _, value in what.steps):
                    state = "partial"
                self._prior_observations.append(
                    Observation(number, what.config, state, math.nan, math.nan, 0.0, int(state != "failed"), 1)
                )
        return self._prior_observations

    def _observations(
        self,
        space: SearchSpace,
        history: Sequence[Observation],
        told: Mapping[int, Told | None],
        losses: Mapping[int, float],
    ) -> list[Observation]:
        """The trials that are points of the space, their losses in one number and their curves in shares."""
        shares = Shares.of([self._spans[number] for number in told if number in self._spans])
        seen = []
        for bare in history:
            what = told.get(bare.trial)
            config = self._point(bare.trial, bare.config if what is None else what.config, space)
            if config is None:
                continue
            if what is None:
                seen.append(bare if config is bare.config else replace(bare, config=config))
                continue
            # only what has changed is translated again: the whole history, for every question, costs too much
            loss = losses.get(bare.trial)
            known = self._translated.get(bare.trial)
            if known is None or known[0] is not bare or known[1:3] != (loss, shares):
                known = (bare, loss, shares, self._translation(bare, what, config, loss, shares))
                self._translated[bare.trial] = known
            seen.append(known[3])
        return seen

    def _translation(
        self, bare: Observation, what: Told, config: Config, loss: float | None, shares: Shares
    ) -> Observation:
        curve: tuple[tuple[float, float], ...] = ()
        if len(self.signs) == 1:
            curve = tuple((shares.of_step(s), self.signs[0] * v) for s, v in what.steps if math.isfinite(v))
        fidelity = 1.0
        if bare.state == "partial" and curve:
            fidelity, loss = curve[-1]
        return replace(bare, config=config, loss=bare.loss if loss is None else loss, fidelity=fidelity, curve=curve)

    def _losses(self, whole: Mapping[int, Told], rng: np.random.Generator) -> dict[int, float]:
        """One loss for every complete trial: several objectives in a random direction, infeasible ones behind."""
        if not whole:
            return {}
        values = np.array([what.values for what in whole.values()]) * np.array(self.signs)
        violations = np.array([violation(what) if what.constraints else 0.0 for what in whole.values()])
        losses = feasible_first(one_loss(values, rng), violations)
        return dict(zip(whole, losses.tolist(), strict=True))

    def _discovered(self, whole: Mapping[int, Told]) -> SearchSpace:
        """The space that these trials show."""
        numbers = list(whole)
        known, discovery = self._discovery
        if numbers[: len(known)] != known:  # with several workers an earlier trial may be done later
            known, discovery = [], Discovery()
        for number in numbers[len(known) :]:
            discovery.add(whole[number].asked)
        self._discovery = (numbers, discovery)
        return discovery.space()

    def _set_up(self, space: SearchSpace) -> tuple[SearchSpace, Strategy]:
        """The strategy for a space; the same objects as long as the space is equal, for the sake of their caches."""
        if self._asked is None or self._asked[0] != space:
            made = get_strategy(self.strategy).for_study(space, seed=self.seed, n_trials=self.n_trials)
            self._asked = (space, made)
            self._points.clear()
            self._translated.clear()
        return self._asked

    def _point(self, number: int, config: Config, space: SearchSpace) -> Config | None:
        """The part of a trial's configuration that the space knows, worked out once; None if it is no point of it."""
        if number not in self._points or self._points[number][0] is not config:
            point = restricted(config, space)
            self._points[number] = (config, config if point == config else point)
        return self._points[number][1]

    def _of(self, number: int) -> Told | None:
        """What a trial told; for a duplicate, what its twin did."""
        if number in self._told:
            return self._told[number]
        if number < 0:
            told = self.prior[number]
        else:
            trials = self.history().trials
            twin = trials[number].twin
            notes = trials[number if twin is None else twin].notes
            if notes is None:
                return None
            told = Told.from_json(notes)
        self._told[number] = told
        if steps := [step for step, _ in told.steps]:
            self._spans[number] = (min(steps), max(steps))
        return told


def completed(config: Config, space: SearchSpace, rng: np.random.Generator) -> Config:
    """Return a configuration with what it leaves open drawn from the space; as it is where there is no space.

    Raises
    ------
    BadSpace
        It has a value that the space does not take.
    """
    if not len(space):
        return dict(config)
    u = rng.random(len(space.dimensions))
    for column, parameter in enumerate(space.dimensions):
        if parameter.name in config:
            with suppress(ValueError, OverflowError):  # the check below says what is wrong
                u[column] = parameter.distribution.to_unit(parameter.distribution.normal(config[parameter.name]))
    full = {**space.from_unit(u), **config}
    space.check(full)
    return space.normal(full)


def violation(told: Told) -> float:
    """How far a trial breaks its constraints in all; 0 for a feasible one."""
    return sum(max(value, 0.0) for value in told.constraints.values())
