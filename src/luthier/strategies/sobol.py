"""Sobol search: points that fill the space more evenly than random ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from luthier.space import SearchSpace
from luthier.space.config import Floats
from luthier.strategies.observation import Observation
from luthier.strategies.proposed import Proposed, untried
from luthier.strategies.strategy import Suggestion

_BLOCK = 1024
"""Points made at a time: reaching the n-th point costs n steps, so they are not made one by one."""


@dataclass(frozen=True, slots=True)
class SobolSearch:
    """Suggestion n is point n of a Sobol sequence in the unit cube, scrambled by the study's seed.

    Blind to results. Every power of two of consecutive points covers each parameter's range, and each pair's, more
    evenly than random points do. In a conditional space the coordinates of inactive parameters are passed over. A
    finite space is searched to its end without repeating much.

    Source: Sobol (1967), USSR Computational Mathematics and Mathematical Physics 7; scrambling: Owen (1998),
    "Scrambling Sobol' and Niederreiter-Xing Points", J. Complexity 14, in the form of Matousek (1998) that SciPy has.
    """

    seed: int
    n_configs: float
    _proposed: Proposed = field(default_factory=Proposed, repr=False, compare=False)
    _blocks: dict[int, Floats] = field(default_factory=dict, repr=False, compare=False)

    name: ClassVar[str] = "sobol"

    @classmethod
    def for_study(cls, space: SearchSpace, *, seed: int, n_trials: int | None) -> Self:  # noqa: ARG003  (any number)
        """Set the search up: the seed settles the whole sequence."""
        return cls(seed, space.n_configs)

    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:  # noqa: ARG002  (the seed settles the sequence)
        """Return the configuration at the next point, or None when all were proposed."""
        number = len(history)
        config = space.from_unit(self._point(number, len(space.dimensions)))
        left = untried(space, self.n_configs, history, self._proposed)
        if left is None or space.key(config) in left:
            return Suggestion(config, "explore", f"point {number} of a Sobol sequence")
        if not left:
            return None
        config = next(iter(left.values()))
        return Suggestion(config, "explore", f"one of the {len(left)} configurations the Sobol sequence has left out")

    def _point(self, number: int, d: int) -> Floats:
        if d == 0:
            return np.empty(0)
        block, row = divmod(number, _BLOCK)
        if block not in self._blocks:
            from scipy.stats import qmc  # heavy, and needed by nobody who only reads what a study has tried

            sequence = qmc.Sobol(d, scramble=True, rng=np.random.default_rng([self.seed, d]))
            if block:
                sequence.fast_forward(block * _BLOCK)
            self._blocks.clear()
            self._blocks[block] = sequence.random(_BLOCK)
        point: Floats = self._blocks[block][row]
        return point
