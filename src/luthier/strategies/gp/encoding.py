"""Configurations as points between which Euclidean distance means something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from luthier.space import SearchSpace
from luthier.space.config import Floats

_INACTIVE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """Columns of a space's dimensions.

    A dimension with an order has one column, its coordinate in the unit cube. Choices without an order have a column
    each, so that any two of them are at distance 1 (Hamming). Where a parameter is inactive its column is constant: two
    configurations of the same branch do not differ in what neither of them has, and those of different branches differ
    in the parameter that chose the branch.

    Attributes
    ----------
    centres
        For each dimension the coordinates of its choices, or None where it has an order.
    group
        (p,) the dimension each column belongs to.
    """

    centres: tuple[Floats | None, ...]
    group: NDArray[np.intp]

    @classmethod
    def of(cls, space: SearchSpace) -> Self:
        """Return the columns of a space."""
        centres: list[Floats | None] = []
        for parameter in space.dimensions:
            bins = parameter.distribution.bins
            if parameter.distribution.ordered or bins is None:
                centres.append(None)
            else:
                centres.append(np.array([bins.centre(k) for k in range(bins.n)]))
        widths = [1 if own is None else len(own) for own in centres]
        return cls(tuple(centres), np.repeat(np.arange(len(centres)), widths))

    def __call__(self, U: Floats) -> Floats:
        """Return (n, p) columns of (n, d) coordinates of configurations, NaN where inactive."""
        columns: list[Floats] = []
        for j, centres in enumerate(self.centres):
            own = U[:, j]
            if centres is None:
                columns.append(np.where(np.isnan(own), _INACTIVE, own)[:, None])
            else:
                # choices are centres up to rounding, and different ones are much further apart
                chosen = np.abs(own[:, None] - centres[None, :]) < 1e-9
                columns.append(np.sqrt(0.5) * chosen)
        return np.hstack(columns) if columns else np.empty((len(U), 0))
