"""For whom it has become worse: the slices of rows whose loss has risen most beyond chance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.monitoring.window import Reference

Floats = NDArray[np.float64]

FEWEST = 20
"""Rows of a slice on either side below which nothing is said of it."""
LEAST_Z = 2.5
"""Standard errors by which the loss of a slice must have risen more than that of all rows: our judgement, for a hint
that follows an alarm, not for a test."""


@dataclass(frozen=True, slots=True)
class WorseSlice:
    """Rows with one value, or one quarter of the values, of one column; mean losses before and now, in [0, 1]."""

    column: str
    level: str
    n: int
    before: float
    now: float

    def words(self) -> str:
        """In a few words."""
        return f"{self.column} {self.level}: loss {self.before:.3f} → {self.now:.3f} ({self.n:,} rows)"

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"column": self.column, "level": self.level, "n": self.n, "before": self.before, "now": self.now}


def worse_slices(
    reference: Reference, X: Floats, losses: Floats, X_now: Floats, losses_now: Floats, *, most: int = 3
) -> tuple[WorseSlice, ...]:
    """The slices whose loss has risen most, in standard errors, beyond the rise of all rows.

    Parameters
    ----------
    reference
        Names the columns and levels that the codes stand for.
    X, losses, X_now, losses_now
        (m, d), (m,), (n, d), (n,): codes and losses before and now.
    """
    rise = losses_now.mean() - losses.mean()
    found: list[tuple[float, WorseSlice]] = []
    for j, column in enumerate(reference.compared):
        assert column.bins is not None
        for level, inside, inside_now in _levels(column.bins, X[:, j], X_now[:, j]):
            if min(inside.sum(), inside_now.sum()) < FEWEST:
                continue
            before, now = losses[inside], losses_now[inside_now]
            se = np.sqrt(before.var() / len(before) + now.var() / len(now))
            z = (now.mean() - before.mean() - rise) / max(float(se), 1e-12)
            if z >= LEAST_Z:
                slice_ = WorseSlice(column.name, level, len(now), float(before.mean()), float(now.mean()))
                found.append((float(z), slice_))
    return tuple(slice_ for _, slice_ in sorted(found, key=lambda pair: -pair[0])[:most])


def _levels(bins: Any, values: Floats, values_now: Floats) -> list[tuple[str, NDArray[Any], NDArray[Any]]]:
    if bins.kind == "words":
        named = [*map(repr, bins.levels[:12])]
        return [(f"= {name}", values == code, values_now == code) for code, name in enumerate(named)]
    known = values[~np.isnan(values)]
    if not len(known):
        return []
    cuts = np.unique(np.quantile(known, (0.25, 0.5, 0.75)))
    ends = [-np.inf, *cuts.tolist(), np.inf]
    return [
        (_span(low, high), (values > low) & (values <= high), (values_now > low) & (values_now <= high))
        for low, high in pairwise(ends)
    ]


def _span(low: float, high: float) -> str:
    if low == -np.inf:
        return f"up to {high:.4g}"
    return f"above {low:.4g}" if high == np.inf else f"{low:.4g} to {high:.4g}"
