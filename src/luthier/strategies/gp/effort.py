"""What trying a configuration costs, as a smooth function of its columns."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from luthier.space import Config, SearchSpace
from luthier.space.config import Floats
from luthier.strategies.gp.encoding import Encoding

_DRAWN = 400
_LEAST_S = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Effort:
    """The logarithm of a configuration's work, by least squares on its columns and their squares.

    What a model costs is mostly a product of powers of its parameters, which most spaces hold on a log scale, within a
    family: so the logarithm is close to linear where every family has columns of its own. Learned from what is said
    beforehand, never from a clock, so that the same seed gives the same suggestions.

    Attributes
    ----------
    weights
        (2 p + 1,) of the columns, their squares and a constant.
    """

    weights: Floats

    @classmethod
    def learned(cls, space: SearchSpace, encoding: Encoding, work: Callable[[Config], float], seed: int) -> Self:
        """Learn it from configurations drawn from the space.

        Parameters
        ----------
        work
            Seconds that a configuration roughly takes, above 0.
        seed
            Of the draws.
        """
        rng = np.random.default_rng(seed)
        configs = [space.sample(rng) for _ in range(_DRAWN)]
        terms = _terms(encoding(space.to_units(configs)))
        said = np.log([max(work(config), _LEAST_S) for config in configs])
        ridge = 1e-3 * math.sqrt(len(configs)) * np.eye(terms.shape[1])
        weights, *_ = np.linalg.lstsq(np.vstack([terms, ridge]), np.append(said, np.zeros(len(ridge))), rcond=None)
        return cls(weights)

    def __call__(self, X: Floats) -> Floats:
        """Return (n,) logarithms of seconds for (n, p) columns."""
        return _terms(X) @ self.weights


def _terms(X: Floats) -> Floats:
    return np.column_stack([X, X**2, np.ones(len(X))])
