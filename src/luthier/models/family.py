"""What every model family can do, and what every fitted model can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from luthier.models.facts import Facts
from luthier.space import Config, SearchSpace

Floats = NDArray[np.float64]
__all__ = ["Config", "Family", "Files", "Fitted", "FittedPath", "Floats", "PathFamily", "prefixes"]

Files = Mapping[str, bytes]


@runtime_checkable
class Fitted(Protocol):
    """A model that has seen its training rows."""

    def predict(self, X: Any) -> Floats:
        """Predict (n, k): the positive class's probability, a probability per class in code order, or the value."""
        ...

    def dump(self) -> dict[str, bytes]:
        """Write the model as named files without pickle; the family's `load` reads them."""
        ...


@runtime_checkable
class FittedPath(Fitted, Protocol):
    """A fitted model of a family whose `path` is not None."""

    def predict_path(self, X: Any, values: Sequence[int]) -> Floats:
        """Predict (len(values), n, k), as fits with each value of the family's path parameter would.

        No value may exceed what the model was fitted with (for k nearest neighbours any value will do).
        """
        ...


@runtime_checkable
class Family(Protocol):
    """A kind of model: what may be tuned, what it costs, and how it is fitted."""

    name: ClassVar[str]
    input: ClassVar[Literal["matrix", "frame"]]
    """Whether `fit` and `predict` take the coded float matrix or the frame of the feature columns."""
    path: ClassVar[str | None]
    """The parameter that one fit can score at every value (see `FittedPath`), or None."""

    def unsuited(self, facts: Facts) -> str | None:
        """Say why the family should not be tried on such a table, or None."""
        ...

    def default(self, facts: Facts) -> Config:
        """Return the library's own default configuration, as a point of `space`."""
        ...

    def space(self, facts: Facts) -> SearchSpace:
        """Return what may be tuned on such a table, names without the family's prefix."""
        ...

    def work(self, config: Config, facts: Facts) -> float:
        """Estimate the CPU seconds of one fit on `facts.n_rows` rows with one core, to an order of magnitude."""
        ...

    def fit(
        self,
        config: Config,
        facts: Facts,
        X: Any,
        y: NDArray[Any],
        *,
        weights: Floats | None = None,
        seed: int = 0,
        threads: int = 1,
    ) -> Fitted:
        """Fit one configuration.

        Parameters
        ----------
        config
            A configuration of `space(facts)`.
        facts
            The facts of the whole table; `X` may hold fewer rows and need not show every class.
        X
            The (n, p) matrix, NaN where missing, or the frame (see `input`). Never written to.
        y
            The coded target: class codes 0..k-1, or the value.
        weights
            Relative importance of the rows, >= 0. Rows of weight 0 count as absent; multiplying all weights by a
            constant changes nothing.
        seed, threads
            Everything random follows from `seed`; at most `threads` threads are used.
        """
        ...

    def load(self, files: Files) -> Fitted:
        """Read what `Fitted.dump` wrote.

        Raises
        ------
        DamagedModel
            The files are not what this family writes.
        """
        ...


@runtime_checkable
class PathFamily(Family, Protocol):
    """A family where other values of the path parameter may well be better than the one that was fitted.

    Forests are not among them: more trees are never worse but by chance, so only chance would choose fewer.
    """

    def path_values(self, config: Config, facts: Facts) -> tuple[int, ...]:
        """Return the values, rising, that a fit of `config` is worth being scored at; its own is one of them."""
        ...


N_PREFIXES = 12
"""Values of a path that one fit is scored at: neighbours differ by a factor of 1.4, over which scores hardly change."""


def prefixes(n: int, least: int) -> tuple[int, ...]:
    """Return up to `N_PREFIXES` rounds from `n` downward, about half of them more than the next but one.

    >>> prefixes(100, 16)
    (18, 25, 35, 50, 71, 100)
    """
    values = {round(n / 2 ** (i / 2)) for i in range(N_PREFIXES)}
    return (*sorted(value for value in values if least <= value < n), n)
