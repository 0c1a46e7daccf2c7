"""Columns: single values far away from all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding

Floats = NDArray[np.float64]

CODE = "columns.outliers"
FAR = 10.0
TIMES = 3.0
MOST_SHARE = 0.01
LEAST_ROWS, LEAST_DISTINCT = 100, 20
MOST_SHOWN = 20


def look(context: Context) -> Answer:
    """Numbers that stand apart: far from the median, with nothing between them and the others.

    Far is ten times the width of the middle half; apart is three times as far from the median as the next value. A long
    tail without a gap is no error, and is left in peace. At most 1 % of the rows on either side: more is another group.
    Often such values are a slip of the unit, or a code for "unknown" (999999).
    """
    found = []
    for column in context.dataset.schema.columns:
        cells = context.columns.get(column.name)
        if cells is None or cells.kind != "number" or column.role not in {"feature", "target"}:
            continue
        x = cells.array.astype(np.float64)
        present = x[~np.isnan(x)]
        if len(present) < LEAST_ROWS or len(np.unique(present)) < LEAST_DISTINCT:
            continue
        rows = np.flatnonzero(far(x))
        if not 0 < len(rows) <= MOST_SHARE * len(present):
            continue
        rows = rows[np.argsort(-np.abs(x[rows] - np.median(present)), kind="stable")]
        low, high = np.quantile(present, [0.01, 0.99])
        found.append(
            Finding(
                CODE,
                f"{len(rows):,} {'value' if len(rows) == 1 else 'values'} of {column.name!r} "
                f"{'lies' if len(rows) == 1 else 'lie'} far from all others, such as {x[rows[0]]:g}, where 98 % lie "
                f"between {low:g} and {high:g}",
                "warning" if column.role == "target" else "info",
                (column.name,),
                {
                    "rows": rows[:MOST_SHOWN].tolist(),
                    "values": x[rows[:MOST_SHOWN]].tolist(),
                    "n": len(rows),
                    "median": float(np.median(present)),
                },
                "look at the rows listed: mend the unit, or write a code for 'unknown' as an empty cell",
            )
        )
    return tuple(found)


def far(x: Floats) -> NDArray[np.bool_]:
    """(n,) where a value stands apart from all others."""
    present = np.sort(x[~np.isnan(x)])
    middle = float(np.median(present))
    spread = float(np.subtract(*np.quantile(present, [0.75, 0.25])))
    if not spread > 0:
        return np.zeros(len(x), bool)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (x - middle > _edge(present - middle, spread)) | (middle - x > _edge(middle - present, spread))
        )


def _edge(distance: Floats, spread: float) -> float:
    """The distance from the median beyond which values stand apart on this side; infinite where none do."""
    ordered = np.sort(distance)
    tail = ordered[-1 - int(MOST_SHARE * len(ordered)) :]
    apart = (tail[1:] >= FAR * spread) & (tail[1:] >= TIMES * np.maximum(tail[:-1], spread))
    return float(tail[int(np.argmax(apart))]) if apart.any() else np.inf


CHECK = Check(CODE, "Are there values far from all others?", look)
