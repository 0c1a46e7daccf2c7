"""FLOW2: cost-frugal local steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from luthier.space import Config, SearchSpace
from luthier.space.config import Floats
from luthier.strategies.comparable import comparable
from luthier.strategies.observation import Observation
from luthier.strategies.proposed import Proposed, untried
from luthier.strategies.strategy import Evidence, Mode, Suggestion
from luthier.strategies.tried import Tried, distance_to

_STEP = 0.2
_SHRINK = 0.8
_SMALLEST_STEP = 0.02
_MOST_FAILURES = 16
_TRIES = 20


@dataclass(frozen=True, slots=True)
class _Walk:
    """Where a local search stands.

    Attributes
    ----------
    at
        Index of the trial it stands at; None: a new walk begins.
    step
        Root mean square of a step's coordinates.
    opposite_of
        Index of the latest step from there, when its opposite is due.
    """

    at: int | None
    step: float = _STEP
    opposite_of: int | None = None


@dataclass(frozen=True, slots=True)
class LocalSteps:
    """Small steps from the best configuration so far, in random directions and their opposites, shorter in time.

    From where it stands it tries a step in a random direction, then the opposite one; it moves as soon as a trial is
    better. After 2^(d - 1) steps without success in d active coordinates, or 16, steps get a fifth shorter. When they
    are shorter than a fiftieth of the range, a new walk begins at a random configuration. It needs no model. As the
    start is a library's default, which is cheap, and steps are small, costs rise only where losses fall.

    All of it is read from the history, whoever proposed the trials: the walk goes on at any trial that is better, and a
    trial within reach of a step counts as one. So it can take turns with other strategies.

    A step changes a coordinate by 0.2 (root mean square) at first. Where bins are wider than a step, the next value is
    taken as often as the step is long; a choice without an order changes to any other as often, and the opposite step
    leaves it. Parameters that a step switches on are drawn from their distributions.

    Source: Wu, Wang & Huang (2021), "Frugal Optimization for Cost-related Hyperparameters", AAAI, algorithm 1 and
    section 4. The numbers are ours, for studies of hundreds of trials: there, steps start at 0.1, are shortened after
    2^(d - 1) failures however many that is, and by sqrt(trials up to the best / trials so far), which ends few walks.
    """

    n_configs: float
    _proposed: Proposed = field(default_factory=Proposed, repr=False, compare=False)
    _tried: Tried = field(default_factory=Tried, repr=False, compare=False)

    name: ClassVar[str] = "flow2"

    @classmethod
    def for_study(cls, space: SearchSpace, *, seed: int, n_trials: int | None) -> Self:  # noqa: ARG003  (needs neither)
        """Set the search up; its randomness comes with every question."""
        return cls(space.n_configs)

    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        """Return the next step of the walk, or None when all configurations were proposed."""
        left = untried(space, self.n_configs, history, self._proposed)
        if left is not None and not left:
            return None
        tried = self._tried.units(space, history)
        losses, _ = comparable(history, enough=1)
        walk = _replayed(losses, tried, _grain(space))
        seen = self._proposed.keys(space, history)
        if walk.at is not None:
            trial, centre = history[walk.at].trial, tried[walk.at]
            if walk.opposite_of is not None:
                config = space.from_unit(_opposite(space, centre, tried[walk.opposite_of], rng))
                if space.key(config) not in seen:
                    why = f"from trial {trial}, opposite to the step of trial {history[walk.opposite_of].trial}"
                    return self._suggest(space, config, tried, "exploit", why)
            for k in range(_TRIES):
                step = walk.step * 1.2**k  # longer until it leads to something new
                config = space.from_unit(_stepped(space, centre, step, rng))
                if space.key(config) not in seen:
                    why = f"from trial {trial}, a step of {step:.3g} in a random direction"
                    return self._suggest(space, config, tried, "exploit", why)
        config = space.sample(rng) if left is None else list(left.values())[int(rng.integers(len(left)))]
        why = "drawn at random: " + ("a new walk begins" if walk.at is None else "all within reach are known")
        return self._suggest(space, config, tried, "explore", why)

    def _suggest(self, space: SearchSpace, config: Config, tried: Floats, mode: Mode, why: str) -> Suggestion:
        evidence = Evidence(distance=distance_to(space.to_unit(config), tried), source=self.name)
        return Suggestion(config, mode, why, evidence)


def _replayed(losses: Floats, tried: Floats, grain: Floats) -> _Walk:
    """Return where the walk stands after these trials.

    Parameters
    ----------
    losses
        (n,), infinite where unknown: such a trial is no success yet.
    tried
        (n, d) coordinates.
    grain
        (d,) how far values lie apart.
    """
    walk, best = _Walk(None), math.inf
    failures = 0
    for i, loss in enumerate(losses.tolist()):
        if loss < best:
            walk, best, failures = _Walk(i, walk.step), loss, 0
            continue
        if walk.at is None or not _within_reach(tried[i], tried[walk.at], walk.step, grain):
            continue
        failures += 1
        walk = _Walk(walk.at, walk.step, i if walk.opposite_of is None else None)
        if failures < min(2 ** (int(np.isfinite(tried[walk.at]).sum()) - 1), _MOST_FAILURES):
            continue
        walk, failures = _Walk(walk.at, walk.step * _SHRINK), 0
        if walk.step < _SMALLEST_STEP:
            walk, best = _Walk(None), math.inf
    return walk


def _grain(space: SearchSpace) -> Floats:
    """Return (d,): how far values lie apart on average; infinite without an order."""
    ordered = [1 / p.distribution.n_values if p.distribution.ordered else math.inf for p in space.dimensions]
    return np.array(ordered, dtype=np.float64)


def _within_reach(point: Floats, centre: Floats, step: float, grain: Floats) -> bool:
    """Whether a step may have led from the centre to the point, as far as can be told from coordinates on scales."""
    away = np.maximum(np.abs(point - centre) - grain, 0.0)
    away = away[np.isfinite(away)]
    return not len(away) or float(np.sqrt(np.mean(away**2))) <= 1.5 * step


def _stepped(space: SearchSpace, centre: Floats, step: float, rng: np.random.Generator) -> Floats:
    """Return (d,) coordinates a step of random direction away; inactive ones drawn anew."""
    active = np.isfinite(centre)
    point, moves, luck = rng.random(len(centre)), rng.standard_normal(len(centre)), rng.random(len(centre))
    moves *= step * math.sqrt(active.sum()) / max(float(np.linalg.norm(moves[active])), 1e-12)
    for j in np.flatnonzero(active):
        distribution, c = space.dimensions[j].distribution, centre[j]
        if not distribution.ordered:
            if luck[j] >= abs(moves[j]):
                point[j] = c
            elif distribution.bins is not None:
                # any other choice: the drawn coordinate, moved on when it is the old choice's
                other = (distribution.bins.bin(c) + 1 + int(point[j] * (distribution.bins.n - 1))) % distribution.bins.n
                point[j] = distribution.bins.centre(other)
            continue
        point[j] = np.clip(c + moves[j], 0.0, 1.0)
        if distribution.bins is not None:
            bins = distribution.bins
            k = bins.bin(c)
            beside = bins.centre(min(max(k + (1 if moves[j] > 0 else -1), 0), bins.n - 1))
            if bins.bin(point[j]) == k and luck[j] * abs(beside - c) < abs(moves[j]):
                point[j] = beside
    return point


def _opposite(space: SearchSpace, centre: Floats, point: Floats, rng: np.random.Generator) -> Floats:
    """Return (d,) coordinates as far from the centre as the point, the other way; inactive ones drawn anew."""
    mirrored = rng.random(len(centre))
    for j in np.flatnonzero(np.isfinite(centre)):
        ordered = space.dimensions[j].distribution.ordered and np.isfinite(point[j])
        mirrored[j] = np.clip(2 * centre[j] - point[j], 0.0, 1.0) if ordered else centre[j]
    return mirrored
