"""Differential evolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from luthier.space import Config, SearchSpace
from luthier.space.config import Floats
from luthier.strategies.comparable import comparable
from luthier.strategies.observation import Observation
from luthier.strategies.proposed import Proposed, untried
from luthier.strategies.strategy import Evidence, Mode, Suggestion
from luthier.strategies.tried import Tried, distance_to

_STARTS = 10
_POPULATION = 20
_ELITE = 4
_SCALE = 0.6
_CROSSOVER = 0.7
_JITTER = 0.1
_FROM_PARENT = 0.8
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Evolution:
    """A good trial, changed by the difference between two others.

        v_j = x_best,j + 0.6 (x_a,j - x_b,j) + 0.1 e_j,    e_j ~ N(0, 1)

    The population is the best 20 trials so far; x_best is one of its best 4, a and b are any two of it. So steps
    are long while the good trials lie far apart, and shorter as they draw together. A coordinate is changed with
    probability 0.7, at least one is; what leaves the range is put at its end. A choice without an order takes the
    value it has in x_a, or, one time in five, any. Where x_a or x_b lacks a coordinate there is no difference, only
    the normal step; what a change switches on comes from x_a if active there, else from its distribution. The first
    10 trials are drawn at random. It needs no model and hardly any time, and any number of workers can be fed at
    once.

    It exploits when it breeds from a good trial, which it names, and explores when it draws at random.

    Source: Storn & Price (1997), "Differential Evolution", J. Global Optimization 11, eq. 3 to 5; one of several
    best as the base: Zhang & Sanderson (2009), "JADE", IEEE Trans. Evolutionary Computation 13. That children
    compete with the whole population and not with one parent, the normal step and the numbers are ours: the first
    lets workers be fed at any moment, the others did well on surrogate problems of 3 to 12 dimensions at 20 to 100
    trials.
    """

    n_configs: float
    _proposed: Proposed = field(default_factory=Proposed, repr=False, compare=False)
    _tried: Tried = field(default_factory=Tried, repr=False, compare=False)

    name: ClassVar[str] = "evolution"

    @classmethod
    def for_study(cls, space: SearchSpace, *, seed: int, n_trials: int | None) -> Self:  # noqa: ARG003  (needs neither)
        """Set the search up; its randomness comes with every question."""
        return cls(space.n_configs)

    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        """Return a child that was never proposed, or None when all configurations were."""
        left = untried(space, self.n_configs, history, self._proposed)
        if left is not None and not left:
            return None
        tried = self._tried.units(space, history)
        losses, _ = comparable(history, enough=_STARTS)
        known = int(np.isfinite(losses).sum())
        why = f"drawn at random: {known} results make too small a population"
        if known >= _STARTS:
            seen = self._proposed.keys(space, history)
            living = np.argsort(losses, kind="stable")[: min(known, _POPULATION)]
            for _ in range(_TRIES):
                best = living[int(rng.integers(_ELITE))]
                a, b = rng.choice(living, size=2, replace=False)
                config = space.from_unit(_child(space, tried[best], tried[a], tried[b], rng))
                if space.key(config) not in seen:
                    best, a, b = (history[k].trial for k in (best, a, b))
                    why = f"from trial {best}, changed by how trials {a} and {b} differ"
                    return self._suggest(space, config, tried, "exploit", why)
            why = "drawn at random: the children of the good ones are known"
        config = space.sample(rng) if left is None else list(left.values())[int(rng.integers(len(left)))]
        return self._suggest(space, config, tried, "explore", why)

    def _suggest(self, space: SearchSpace, config: Config, tried: Floats, mode: Mode, why: str) -> Suggestion:
        evidence = Evidence(distance=distance_to(space.to_unit(config), tried), source=self.name)
        return Suggestion(config, mode, why, evidence)


def _child(space: SearchSpace, best: Floats, a: Floats, b: Floats, rng: np.random.Generator) -> Floats:
    """Return (d,) coordinates of a child of three points, each (d,) with NaN where inactive."""
    d = len(best)
    fresh, luck = rng.random(d), rng.random(d)
    steps = _JITTER * rng.standard_normal(d) + np.nan_to_num(_SCALE * (a - b))
    crossed: NDArray[np.bool_] = rng.random(d) < _CROSSOVER
    if d:
        crossed[int(rng.integers(d))] = True
    parent = np.where(np.isfinite(a), a, fresh)
    child: Floats = np.where(np.isfinite(best), best, parent)
    for j, parameter in enumerate(space.dimensions):
        if crossed[j]:
            ordered = parameter.distribution.ordered
            child[j] = child[j] + steps[j] if ordered else parent[j] if luck[j] < _FROM_PARENT else fresh[j]
    return np.clip(child, 0.0, 1.0)
