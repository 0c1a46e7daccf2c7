"""Columns: two that say the same, in other numbers or words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding
from luthier.data.cells import Cells

Floats = NDArray[np.float64]

CODE = "columns.repeated"
LEAST_ROWS = 20
LEAST_DISTINCT = 3
"""Two columns of two values agree up to their names too easily."""
EXACT = 1e-9


def look(context: Context) -> Answer:
    """Columns that repeat another: value for value, as an exact multiple (12 monthly payments), or in other words.

    Of two such columns one is superfluous: importance is divided between them at random, and a model that was trained
    on both fails when one of them is filled differently. A column that repeats the target is told by leak.target.
    """
    roles = {column.name: column for column in context.dataset.schema.columns}
    usable = {
        name: cells
        for name, cells in context.columns.items()
        if name in roles and (roles[name].role in {"feature", "time"} or roles[name].kind == "duplicate")
    }
    found = []
    for first, second, relation in same_columns(usable):
        found.append(
            Finding(
                CODE,
                f"{second!r} {relation.replace('*', repr(first))} in every row",
                "info",
                (first, second),
                {"relation": relation.replace("*", first)},
                f"keep one of them: --drop {second!r}",
            )
        )
    return tuple(found)


def same_columns(columns: Mapping[str, Cells]) -> list[tuple[str, str, str]]:
    """Pairs of columns of which the second says what the first does, and how ('*' stands for the first)."""
    pairs: list[tuple[str, str, str]] = []
    first_of: dict[bytes, str] = {}
    lines: dict[bytes, list[str]] = {}
    for name, cells in columns.items():
        key = _key(cells)
        if key is None:
            continue
        if key in first_of:
            pairs.append((first_of[key], name, _relation(columns[first_of[key]], cells)))
            continue
        first_of[key] = name
        if cells.kind == "number":
            shape = _shape(cells.array.astype(np.float64))
            before = next((other for other in lines.get(shape, []) if _line(columns[other], cells) is not None), None)
            if before is not None:
                pairs.append((before, name, _relation(columns[before], cells)))
                continue
            lines.setdefault(shape, []).append(name)
    return pairs


def _key(cells: Cells) -> bytes | None:
    """The same for columns that say the same; None where too little is said to tell.

    Where values come again and again, columns that part the rows alike; where they hardly do, which all columns do
    then, columns that put the rows into the same order, or the opposite one.
    """
    gone = cells.missing
    codes = np.asarray(pd.factorize(np.where(gone, -1, cells.array) if cells.levels is not None else cells.array)[0])
    n_distinct, n = len(np.unique(codes[~gone])), int((~gone).sum())
    if n < LEAST_ROWS or n_distinct < LEAST_DISTINCT:
        return None
    if 2 * n_distinct <= n:
        return bytes(codes.tobytes())
    if cells.kind not in {"number", "datetime"}:
        return bytes(codes.tobytes()) if n_distinct < n else None
    places = np.unique(cells.array, return_inverse=True)[1].astype(np.int64)
    known = np.flatnonzero(~gone)
    if places[known[0]] > places[known[-1]]:
        places = n_distinct - 1 - places
    places[gone] = -1
    return bytes(places.tobytes())


def _shape(x: Floats) -> bytes:
    """The same for all columns a + b x: a few rows on the scale of the whole, rounded."""
    present = x[~np.isnan(x)]
    z = (x[:: max(1, len(x) // 50)] - present.mean()) / present.std()
    first = z[~np.isnan(z) & (np.abs(z) > 0.01)][:1]
    turned = np.nan_to_num(z, nan=99.0) * np.sign(first if len(first) else 1.0)
    return bytes((np.round(turned, 4) + 0.0).tobytes())


def _line(x: Cells, y: Cells) -> tuple[float, float] | None:
    """(a, b) with y = a + b x in every row, and the same rows missing; None where there is none."""
    if x.kind != "number" or y.kind != "number" or (x.missing != y.missing).any():
        return None
    u, v = (cells.array[~x.missing].astype(np.float64) for cells in (x, y))
    low, high = int(u.argmin()), int(u.argmax())
    if u[low] == u[high]:
        return None
    slope = (v[high] - v[low]) / (u[high] - u[low])
    start = v[low] - slope * u[low]
    scale = np.abs(v).max()
    if slope == 0 or not (np.abs(start + slope * u - v) <= EXACT * scale).all():
        return None
    return (0.0 if abs(start) <= EXACT * scale else float(start)), float(slope)


def _relation(x: Cells, y: Cells) -> str:
    line = _line(x, y)
    if line is None:
        return "says what * says, in other values,"
    start, slope = line
    if start == 0 and abs(slope - 1) <= EXACT:
        return "is *"
    return (
        f"is {slope:.6g} times *"
        if start == 0
        else f"is {slope:.6g} times * {'plus' if start > 0 else 'minus'} {abs(start):.6g}"
    )


CHECK = Check(CODE, "Does a column repeat another?", look)
