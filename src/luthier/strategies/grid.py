"""Grid search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import ClassVar, Self

import numpy as np

from luthier.space import SearchSpace
from luthier.strategies.observation import Observation
from luthier.strategies.proposed import Proposed
from luthier.strategies.strategy import Suggestion

_FIRST = 16
_FINER = 4
_WHOLE = 4096


@dataclass(slots=True)
class _Points:
    """The grids made so far, one after the other, without repetitions: only ever computed, never learned."""

    suggestions: dict[str, Suggestion] = field(default_factory=dict)  # by the configuration's key
    n_grids: int = 0
    left_out: str = "everything"


@dataclass(frozen=True, slots=True)
class GridSearch:
    """Every combination of some values of each parameter, in an order shuffled by the study's seed.

    With a number of trials, the grid is as fine as that allows. Without one, a space of at most 4,096 configurations is
    taken whole; others are covered by a grid of 16, then of 64, 256, ... configurations, so that whenever time runs out
    the coarser grids are complete. The reason given with the first point of a grid says what the grid leaves out.

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
        looked_at = 0
        while True:
            for key, suggestion in islice(self._points.suggestions.items(), looked_at, None):
                if key not in proposed:
                    return suggestion
            looked_at = len(self._points.suggestions)
            if not self._extend(space):
                return None

    def _extend(self, space: SearchSpace) -> bool:
        """Make the next finer grid; return whether there is one."""
        points = self._points
        if not points.left_out or (points.n_grids and not self.refine):
            return False
        configs, points.left_out = space.grid(self.size * _FINER**points.n_grids)
        shuffle = np.random.default_rng([self.seed, points.n_grids]).permutation(len(configs))
        fresh = {key: configs[k] for k in shuffle if (key := space.key(configs[k])) not in points.suggestions}
        for number, (key, config) in enumerate(fresh.items(), start=1):
            why = f"point {number} of a grid of {len(fresh)}"
            if number == 1 and points.left_out:  # once is enough: it may be long, and the log keeps every reason
                why += f"; left out: {points.left_out}"
            points.suggestions[key] = Suggestion(config, "grid", why)
        points.n_grids += 1
        return True
