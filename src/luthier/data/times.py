"""Finding the column that orders the rows in time, declared or not.

Where rows are ordered in time, folds that shuffle them promise what the future does not keep; so the order is looked
for unasked: dates that run with the rows, and running numbers whose name speaks of time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from luthier.data.cells import Cells
from luthier.data.columns import Floats
from luthier.data.words import suggests_time

# Our judgement. A clock set back in autumn, or a few late entries, leave the order in time clear; a panel (the series
# of one shop below that of another) has as few steps back, but each goes far, which the rank correlation sees.
MOST_STEPS_BACK = 0.01  # share of neighbouring rows
LEAST_RANK_CORRELATION = 0.99
LEAST_DISTINCT = 10  # by chance ten values stand in order once in 3.6 million tables


def find_time(cells: Mapping[str, Cells]) -> str | None:
    """The column that orders the rows in time, or None.

    Dates come before numbers, names that speak of time before others, finer before coarser, earlier before later.
    """
    found = [name for name, column in cells.items() if runs_with_rows(name, column)]
    return max(found, key=lambda name: _rank(name, cells[name]), default=None)


def _rank(name: str, cells: Cells) -> tuple[bool, bool, int]:
    return cells.kind == "datetime", suggests_time(name), len(np.unique(cells.array))


def runs_with_rows(name: str, cells: Cells) -> bool:
    """Whether the column holds dates, or numbers named after time, that rise or fall with the rows."""
    if cells.kind == "datetime":
        return is_ordered(cells)
    return cells.kind == "number" and suggests_time(name) and is_ordered(cells)


def is_ordered(cells: Cells) -> bool:
    """Whether every row has a value and the values, all but a few, rise from row to row, or fall."""
    if cells.missing.any():
        return False
    values = cells.array.view(np.int64) if cells.kind == "datetime" else cells.array
    if len(values) < LEAST_DISTINCT:
        return False
    steps = np.sign(np.diff(values))
    allowed = MOST_STEPS_BACK * len(steps)
    if min((steps < 0).sum(), (steps > 0).sum()) > allowed or len(np.unique(values)) < LEAST_DISTINCT:
        return False
    return bool(abs(spearmanr(values, np.arange(len(values))).statistic) >= LEAST_RANK_CORRELATION)


def order(cells: Cells) -> Floats:
    """Numbers that order the rows: numbers as they are, dates as seconds since 1970-01-01 UTC."""
    if cells.kind == "datetime":
        stamps: NDArray[np.int64] = cells.array.astype("datetime64[us]").view(np.int64)
        return stamps / 1e6
    return cells.array.astype(np.float64)


def latest(times: Floats | None) -> float | None:
    """The last moment of all; None where no time is known."""
    known = times is not None and not np.isnan(times).all()
    return float(np.nanmax(times)) if times is not None and known else None
