"""Tree-Parzen search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from luthier.space import Config, SearchSpace
from luthier.space.config import Floats
from luthier.strategies.comparable import comparable
from luthier.strategies.observation import Observation
from luthier.strategies.parzen import Parzen
from luthier.strategies.proposed import Proposed, untried
from luthier.strategies.strategy import Evidence, Mode, Suggestion
from luthier.strategies.tried import Tried, distance_to

_STARTS = 5
_GOOD_SHARE = 0.1
_MOST_GOOD = 25
_CANDIDATES = 128


@dataclass(frozen=True, slots=True)
class TreeParzen:
    """Configurations that look like the good ones and unlike the others.

    Two densities are estimated, l(x) over the best tenth of the trials (at most 25) and g(x) over all others; of 128
    configurations drawn from l, the one of the largest l/g is tried, which is the one of the largest expected
    improvement. From the sixth trial on; the first five are drawn at random. Both densities are multivariate, so that
    what works only in combination is seen as such, and know which parameters are active together (`Parzen`).

    Failed trials are bad ones. So are those still running, lest all workers rush to the same place, and those stopped
    at a lower fidelity than enough others reached, d + 1 in d dimensions (`comparable`). Below it, the search is what
    BOHB puts on top of Hyperband.

    It exploits when the configuration was drawn near a good one, which it names, and explores when it came from the
    space's own distribution, of which l holds one part in 1 + the number of good ones.

    Source: Bergstra et al. (2011), "Algorithms for Hyper-Parameter Optimization", NeurIPS; Falkner, Klein & Hutter
    (2018), "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", ICML; Watanabe (2023), "Tree-Structured
    Parzen Estimator: Understanding Its Algorithm Components". Tenth, 25 and 5 are settings that did well on synthetic
    and surrogate problems of 2 to 12 dimensions.
    """

    n_configs: float
    _proposed: Proposed = field(default_factory=Proposed, repr=False, compare=False)
    _tried: Tried = field(default_factory=Tried, repr=False, compare=False)

    name: ClassVar[str] = "tpe"

    @classmethod
    def for_study(cls, space: SearchSpace, *, seed: int, n_trials: int | None) -> Self:  # noqa: ARG003  (needs neither)
        """Set the search up; its randomness comes with every question."""
        return cls(space.n_configs)

    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        """Return the likeliest good configuration among some drawn, or None when all were proposed."""
        left = untried(space, self.n_configs, history, self._proposed)
        if left is not None and not left:
            return None
        tried = self._tried.units(space, history)
        losses, level = comparable(history, enough=len(space.dimensions) + 1)
        known = int(np.isfinite(losses).sum())
        if known < _STARTS:
            config = _random(space, left, rng)
            return self._suggest(space, config, tried, "explore", f"drawn at random: {known} results are too few")

        n_good = min(math.ceil(_GOOD_SHARE * known), _MOST_GOOD)
        order = np.argsort(losses, kind="stable")
        good, bad = (Parzen.around(space, tried[part]) for part in (order[:n_good], order[n_good:]))
        points, origins = good.draw(_CANDIDATES, rng) if left is None else _drawn_from(space, left, n_good, rng)
        log_ratios = good.log_density(points) - bad.log_density(points)
        seen = self._proposed.keys(space, history)
        for k in np.argsort(-log_ratios, kind="stable").tolist():
            config = space.from_unit(points[k])
            if space.key(config) in seen:
                continue
            ratio = math.exp(min(float(log_ratios[k]), 50.0))
            best = f"the best {n_good}" if n_good > 1 else "the best"
            why = f"{ratio:.3g} times as likely like {best} of {known} as like the rest"
            if level < 1:
                why += f" at {level:.3g} of the full resource"
            if origins[k] == n_good:
                return self._suggest(space, config, tried, "explore", f"from anywhere in the space; {why}")
            near = history[int(order[origins[k]])].trial
            return self._suggest(space, config, tried, "exploit", f"drawn near trial {near}; {why}")
        return self._suggest(space, _random(space, left, rng), tried, "explore", "drawn at random: all near are known")

    def _suggest(self, space: SearchSpace, config: Config, tried: Floats, mode: Mode, why: str) -> Suggestion:
        evidence = Evidence(distance=distance_to(space.to_unit(config), tried), source=self.name)
        return Suggestion(config, mode, why, evidence)


def _random(space: SearchSpace, left: dict[str, Config] | None, rng: np.random.Generator) -> Config:
    return space.sample(rng) if left is None else list(left.values())[int(rng.integers(len(left)))]


def _drawn_from(
    space: SearchSpace, left: dict[str, Config], n_good: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64]]:
    """Return candidates as `Parzen.draw` does, from a list of what is left of the space."""
    configs = list(left.values())
    chosen = rng.permutation(len(configs))[:_CANDIDATES]
    return space.to_units([configs[k] for k in chosen]), np.full(len(chosen), n_good)
