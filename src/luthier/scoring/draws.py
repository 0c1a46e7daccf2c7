"""Units drawn with replacement: the randomness of a replay, made once and read many times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.scoring.splits import Splits

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Counts = NDArray[np.uint16]

MOST_UNITS = 20_000
"""Units drawn one by one; more are drawn in random batches, which keeps memory bounded. Our judgement: the variance of
a score estimated from 20,000 batches is off by about one percent."""

CHUNK_BYTES = 2**25
"""Size of one working array of weights: small enough for any machine, large enough for BLAS to be at its best."""


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """How often every unit was drawn, in every replay.

    Attributes
    ----------
    counts
        (replays, U): times unit u was drawn; every replay draws U units with replacement.
    units
        (m,): unit of every row, codes 0..U-1, each used.
    weights
        (m,): base weight of every row.
    n_units
        Independent units behind the rows. More than U when they are drawn in batches.
    """

    counts: Counts
    units: Indices
    weights: Floats
    n_units: int
    _order: Indices  # rows sorted by unit, and where each unit starts: what `by_unit` needs
    _starts: Indices

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def width(self) -> int:
        """U, the number of things drawn."""
        return int(self.counts.shape[1])

    def on(self, rows: Indices) -> Draws:
        """The same draws, of these rows only."""
        judged = self.weights[rows] > 0
        kept, codes = np.unique(self.units[rows][judged], return_inverse=True)
        return _drawn(self.counts[:, kept], codes, self.weights[rows], min(self.n_units, len(rows)))

    def chunks(self, width: int) -> list[slice]:
        """The replays in runs whose weights over `width` rows or units fit a working array."""
        step = max(1, CHUNK_BYTES // (8 * max(width, 1)))
        return [slice(start, min(start + step, len(self))) for start in range(0, len(self), step)]

    def times(self, replays: Indices | slice, *, drawn: bool) -> Floats:
        """(B, U): how often every unit was drawn in some replays; or, for those not drawn, one, and zero for others."""
        counts = self.counts[replays]
        times: Floats = (counts if drawn else counts == 0).astype(np.float64)
        return times

    def row_weights(self, replay: int, *, drawn: bool = True) -> Floats:
        """(m,): row weights of one replay: base weight times times drawn, or of the rows not drawn."""
        counts = self.counts[replay]
        times = counts if drawn else counts == 0
        weights: Floats = times[self.units] * self.weights
        return weights

    def by_unit(self, rows: Floats) -> Floats:
        """(U, ...): sums over the rows of every unit of values (m, ...) that carry their base weights already."""
        if len(self.units) == self.width:  # one row a unit: a permutation
            out = np.empty_like(rows)
            out[self.units] = rows
            return out
        sums: Floats = np.add.reduceat(rows[self._order], self._starts, axis=0)
        return sums


def draw(splits: Splits, n_replays: int, rng: np.random.Generator) -> Draws:
    """Draw the units of a slab with replacement, `n_replays` times."""
    return draw_units(splits.units, splits.weights, n_replays, rng)


def draw_units(units: Indices, weights: Floats, n_replays: int, rng: np.random.Generator) -> Draws:
    """Draw with replacement as many units as there are, `n_replays` times.

    Rows without weight are no part of any unit: a unit all of whose rows weigh nothing is not drawn.
    """
    judged = weights > 0
    named, codes = np.unique(units[judged], return_inverse=True)
    n_units = len(named)
    if n_units == 0:
        raise ValueError("no row has a weight above zero, so there is nothing to draw")
    width = min(n_units, MOST_UNITS)
    if n_units > width:
        codes = (rng.permutation(n_units) % width)[codes]
    counts = np.empty((n_replays, width), np.uint16)
    for replay in range(n_replays):
        counts[replay] = np.bincount(rng.integers(width, size=width), minlength=width)
    return _drawn(counts, codes, np.asarray(weights, np.float64), n_units)


def _drawn(counts: Counts, codes: Indices, weights: Floats, n_units: int) -> Draws:
    """Draws of rows whose units are `codes`, told for rows with a weight above zero only."""
    units = np.zeros(len(weights), np.int64)
    units[weights > 0] = codes  # rows without weight may sit in any unit: they add nothing to it
    order = np.argsort(units, kind="stable")
    starts = np.searchsorted(units[order], np.arange(counts.shape[1]))
    return Draws(counts, units, weights, n_units, order, starts)
