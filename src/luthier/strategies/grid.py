"""Grid search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from luthier.space import Config, SearchSpace
from luthier.strategies.observation import Observation
from luthier.strategies.proposed import Proposed
from luthier.strategies.strategy import Suggestion

_FIRST = 16
_FINER = 4
_WHOLE = 4096


@dataclass(slots=True)
class _Points:
    """The grids made so far, one after the other, without repetitions: only ever computed, never learned."""

    configs: dict[str, Config] = field(default_factory=dict)
    n_grids: int = 0
    left_out: str = "everything"


@dataclass(frozen=True, slots=True)
class GridSearch:
    """Every combination of some values of each parameter, in an order shuffled by the study's seed.

    With a number of trials, the grid is as fine as that allows. Without one, a space of at most 4,096 configurations is
    taken whole; others are covered by a grid of 16, then of 64, 256, ... configurations, so that whenever time runs out
    the coarser grids are complete. The reasons given with the suggestions say what a grid leaves out.

    Attributes
    ----------
    seed
        Of the study.
    size
        Largest number of configurations of the first grid.
    refine
        Whether finer grids follow.
    """

    seed: int
    size: int
    refine: bool
    _points: _Points = field(default_factory=_Points, repr=False, compare=False)
    _proposed: Proposed = field(default_factory=Proposed, repr=False, compare=False)

    name: ClassVar[str] = "grid"

    @classmethod
    def for_study(cls, space: SearchSpace, *, seed: int, n_trials: int | None) -> Self:
        """Choose the resolution. The default configuration is one of the trials, and may or may not lie on the grid."""
        n_configs = space.n_configs
        if n_configs <= (_WHOLE if n_trials is None else n_trials):
            return cls(seed, int(n_configs), refine=False)
        if n_trials is None:
            return cls(seed, _FIRST, refine=True)
        return cls(seed, max(n_trials - 1, 1), refine=False)

    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:  # noqa: ARG002  (the seed settles the order)
        """Return the first configuration of the grid that was not proposed yet, or None when there is none."""
        proposed = self._proposed.keys(space, history)
        first = 0
        while True:
            for number, (key, config) in enumerate(self._points.configs.items()):
                if number >= first and key not in proposed:
                    return Suggestion(config, "grid", self._reason(number))
            first = len(self._points.configs)
            if not self._extend(space):
                return None

    def _reason(self, number: int) -> str:
        left_out = f"; it leaves out: {self._points.left_out}" if self._points.left_out else ""
        return f"point {number + 1} of a grid of {len(self._points.configs)}{left_out}"

    def _extend(self, space: SearchSpace) -> bool:
        """Make the next finer grid; return whether there is one."""
        points = self._points
        if not points.left_out or (points.n_grids and not self.refine):
            return False
        configs, points.left_out = space.grid(self.size * _FINER**points.n_grids)
        shuffle = np.random.default_rng([self.seed, points.n_grids]).permutation(len(configs))
        points.configs.update((space.key(configs[k]), configs[k]) for k in shuffle)
        points.n_grids += 1
        return True
