"""Columns: single values far away from all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding

CODE = "columns.outliers"
FAR = 10.0
MOST_SHARE = 0.01
LEAST_ROWS, LEAST_DISTINCT = 100, 20
MOST_SHOWN = 20


def look(context: Context) -> Answer:
    """Numbers far from all others on the scale as it stands and on a logarithmic one.

    A value is far when it lies ten times as far from the median as the middle half is wide, both as it stands and after
    the signed logarithm log(1 + |x| / spread), so that long tails, which are no errors, are left in peace. At most 1 % of
    the rows: more is another group, not outliers. Often such values are a slip of the unit or a code for "unknown"
    (999999).
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
                f"{len(rows):,} values of {column.name!r} lie far from all others, such as {x[rows[0]]:g}, where 98 % lie "
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


def far(x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) where a value is far from all others, on both scales."""
    present = x[~np.isnan(x)]
    middle = np.median(present)
    spread = float(np.subtract(*np.quantile(present, [0.75, 0.25])))
    if not spread > 0:
        return np.zeros(len(x), bool)
    logs = np.sign(x) * np.log1p(np.abs(x) / spread)
    known = logs[~np.isnan(x)]
    log_spread = float(np.subtract(*np.quantile(known, [0.75, 0.25])))
    with np.errstate(invalid="ignore"):
        plain = np.abs(x - middle) > FAR * spread
        return np.asarray(plain & (np.abs(logs - np.median(known)) > FAR * max(log_spread, 1e-12) / 3))


CHECK = Check(CODE, "Are there values far from all others?", look)
