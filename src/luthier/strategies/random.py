"""Random search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from luthier.space import SearchSpace
from luthier.strategies.observation import Observation
from luthier.strategies.proposed import Proposed, untried
from luthier.strategies.strategy import Suggestion


@dataclass(frozen=True, slots=True)
class RandomSearch:
    """Every suggestion drawn from the space's own distributions, blind to results: the baseline others have to beat.

    When a finite space is nearly used up, the rest is drawn without replacement, and the search ends with it.

    Source: Bergstra & Bengio (2012), "Random Search for Hyper-Parameter Optimization", JMLR 13.
    """

    n_configs: float
    _proposed: Proposed = field(default_factory=Proposed, repr=False, compare=False)

    name: ClassVar[str] = "random"

    @classmethod
    def for_study(cls, space: SearchSpace, *, seed: int, n_trials: int | None) -> Self:  # noqa: ARG003  (needs neither)
        """Set the search up; its randomness comes with every question."""
        return cls(space.n_configs)

    def ask(self, space: SearchSpace, history: Sequence[Observation], rng: np.random.Generator) -> Suggestion | None:
        """Return a random configuration, or None when all were proposed."""
        left = untried(space, self.n_configs, history, self._proposed)
        if left is None:
            return Suggestion(space.sample(rng), "explore", "drawn at random")
        if not left:
            return None
        config = list(left.values())[int(rng.integers(len(left)))]
        return Suggestion(config, "explore", f"drawn at random from the {len(left)} configurations left")
