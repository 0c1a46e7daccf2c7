"""Grid search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from luthier.space import Config, SearchSpace
from luthier.strategies.observation import Observation
from luthier.strategies.proposed import Proposed
from luthier.strategies.strategy import Suggestion

_FIRST = 16
_FINER = 4


@dataclass(frozen=True, slots=True)
class _Grid:
    """One grid's points, without those of coarser ones, by key; and in words what it leaves out of the space."""

    points: dict[str, Suggestion]
    left_out: str


@dataclass(frozen=True, slots=True)
class GridSearch:
    """Every combination of some values of each parameter, in an order shuffled by the study's seed.

    With a number of trials, the grid is as fine as that allows. Where time decides, how many trials it will be shows
    only when it is up: so the space is covered by a grid of 16, then of 64, 256, ... configurations, and whenever that
    is, the coarser grids are complete. The reason given with the first point of a grid says what the grid leaves out.

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
    _grids: list[_Grid] = field(default_factory=list, repr=False, compare=False)  # only ever computed, never learned
    _proposed: Proposed = field(default_factory=Proposed, repr=False, compare=False)

    name: ClassVar[str] = "grid"

    @classmethod
    def for_study(cls, space: SearchSpace, *, seed: int, n_trials: int | None) -> Self:
        """Choose the resolution. The default configuration is one of the trials, and may or may not lie on the grid."""
        n_configs = space.n_configs
        if n_trials is None:
            return cls(seed, _FIRST, refine=True)
        return cls(seed, int(n_configs) if n_configs <= n_trials else max(n_trials - 1, 1), refine=False)

    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:  # noqa: ARG002  (the seed settles the order)
        """Return the first configuration of the grid that was not proposed yet, or None when there is none."""
        proposed = self._proposed.keys(space, history)
        for grid in self._each(space):
            for key, suggestion in grid.points.items():
                if key not in proposed:
                    return suggestion
        return None

    def covered(self, space: SearchSpace, configs: Iterable[Config]) -> str:
        """Return in words how far the search got when these configurations were tried, and what it leaves out."""
        keys = {space.key(config) for config in configs}
        text = ""
        for number, grid in enumerate(self._each(space)):
            tried, size = len(grid.points.keys() & keys), len(grid.points)
            if size and not tried:
                break
            text = f"all {size} points of a grid" if tried == size else f"{tried} of {size} points of a grid"
            text += f" after {number} coarser" * (number > 0)
            text += f", which leaves out: {grid.left_out}" * bool(grid.left_out)
        return text

    def _each(self, space: SearchSpace) -> Iterator[_Grid]:
        """Give one grid after the other, the coarsest first."""
        yield from self._grids
        while not self._grids or (self.refine and self._grids[-1].left_out):
            n = len(self._grids)
            configs, left_out = space.grid(self.size * _FINER**n)
            shuffle = np.random.default_rng([self.seed, n]).permutation(len(configs))
            known = {key for grid in self._grids for key in grid.points}
            fresh = {key: configs[k] for k in shuffle if (key := space.key(configs[k])) not in known}
            points = {}
            for number, (key, config) in enumerate(fresh.items(), start=1):
                why = f"point {number} of a grid of {len(fresh)}"
                if number == 1 and left_out:  # once is enough: it may be long, and the log keeps every reason
                    why += f"; left out: {left_out}"
                points[key] = Suggestion(config, "grid", why)
            self._grids.append(_Grid(points, left_out))
            yield self._grids[-1]
