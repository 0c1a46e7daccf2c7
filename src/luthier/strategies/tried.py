"""Where in the unit cube the configurations tried so far lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import is_

import numpy as np

from luthier.space import Config, SearchSpace
from luthier.space.config import Floats
from luthier.strategies.observation import Observation


@dataclass(slots=True)
class Tried:
    """The coordinates of a history's configurations, each computed once.

    A cache, not a memory: what it answers depends on the arguments alone.
    """

    _configs: list[Config] = field(default_factory=list)
    _units: Floats = field(default_factory=lambda: np.empty((0, 0)))  # rows beyond the known ones are spare
    _space: SearchSpace | None = None

    def units(self, space: SearchSpace, history: Sequence[Observation]) -> Floats:
        """Return (n, d) coordinates, NaN where a parameter is inactive. The array is shared and must not be changed."""
        configs = [observation.config for observation in history]
        known = len(self._configs)
        # the very same objects up to where we were? then only the new ones need coordinates
        if self._space is not space or known > len(configs) or not all(map(is_, self._configs, configs)):
            known, self._space = 0, space
        if len(configs) > len(self._units) or known == 0:
            larger = np.empty((max(2 * len(configs), 16), len(space.dimensions)))
            larger[:known] = self._units[:known] if known else 0.0
            self._units = larger
        self._units[known : len(configs)] = space.to_units(configs[known:])
        self._configs = configs
        return self._units[: len(configs)]


def distance_to(point: Floats, tried: Floats) -> float | None:
    """Return how far a point is from the nearest one tried, as `Evidence.distance` has it.

    Parameters
    ----------
    point
        (d,), NaN where inactive.
    tried
        (n, d), NaN where inactive.

    >>> distance_to(np.array([0.5, np.nan]), np.array([[0.1, np.nan], [0.5, 0.2]]))
    0.4
    """
    return float(distances(point, tried).min()) if len(tried) else None


def distances(point: Floats, tried: Floats) -> Floats:
    """Return (n,): how far a point (d,) is from each one tried (n, d), as `Evidence.distance` has it."""
    here, there = np.isfinite(point), np.isfinite(tried)
    either = (here | there).sum(axis=1)
    squares = np.where(here & there, (tried - point) ** 2, 0.0).sum(axis=1) + (here ^ there).sum(axis=1)
    roots: Floats = np.sqrt(squares / np.maximum(either, 1))
    return roots
