"""Golden rows: whether the compiled path gives the answers of the ordinary one, found out before it is used.

The rows are made from the schema alone, the same ones wherever the model is loaded: within the training table's
ranges, at and far beyond their ends, missing, never seen, in the spellings that files and programs use, and of a wrong
kind. So what is compared is what would run here, with the libraries that are installed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from luthier.data import Schema
from luthier.data.columns import Column, Feature, Floats
from luthier.errors import UnfitRows
from luthier.serving.typical import typical_value

N_ROWS = 1000
TOLERANCE = 1e-9
"""Largest difference of a probability, or of a value relative to its size: far above rounding, far below meaning."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GoldenVerdict:
    """What the comparison found: how many rows were asked, and the first in which the paths differ, in words."""

    n_rows: int
    difference: str | None

    @property
    def agreed(self) -> bool:
        """Whether the compiled path may be used."""
        return self.difference is None


def golden_rows(schema: Schema, n_rows: int = N_ROWS) -> list[dict[str, Any]]:
    """Rows to ask both paths, the same for the same schema.

    Parameters
    ----------
    schema
        Of the training table.
    n_rows
        How many at least. First one row for every odd value of every field, the others at their typical value; then
        random mixtures.
    """
    rng = np.random.default_rng(0)
    parts: dict[str, Feature] = {}
    for feature in schema.features:
        parts.setdefault(feature.source, feature)
    columns = {source: schema.column(source) for source in parts}
    usual = {source: list(_usual(columns[source], part, rng)) for source, part in parts.items()}
    odd = {source: list(_odd(columns[source], part)) for source, part in parts.items()}
    typical = {source: values[0] for source, values in usual.items()}
    rows = [typical, dict.fromkeys(typical)]
    rows += [{**typical, source: value} for source, values in odd.items() for value in values]
    while len(rows) < n_rows:
        row = {}
        for source in parts:
            pool = odd[source] if rng.random() < 0.1 else usual[source]
            row[source] = pool[int(rng.integers(len(pool)))]
        rows.append(row)
    return rows


def compare_paths(
    rows: Sequence[Row],
    ordinary: Callable[[pd.DataFrame], Floats],
    compiled: Callable[[Sequence[Row]], Floats],
) -> GoldenVerdict:
    """Ask both paths every row.

    Parameters
    ----------
    rows
        As `golden_rows` makes them.
    ordinary
        A frame -> predictions (n, k).
    compiled
        Rows -> predictions (n, k). Both raise UnfitRows for what they cannot read.

    Notes
    -----
    The compiled path is asked row by row, as it is used. The ordinary one gets all rows that the compiled one read in
    one frame of objects, and each of the others alone: they must be refused by both.
    """
    read: list[Row] = []
    answers: list[Floats] = []
    for row in rows:
        try:
            answers.append(compiled([row])[0])
            read.append(row)
        except UnfitRows:
            if not _refuses(ordinary, row):
                return GoldenVerdict(len(rows), f"only the compiled path refuses {row}")
    try:
        expected = ordinary(pd.DataFrame(read, dtype=object))
    except UnfitRows as error:
        return GoldenVerdict(len(rows), f"only the ordinary path refuses a row: {error.what}")
    found = np.array(answers)
    with np.errstate(invalid="ignore"):
        far = np.abs(found - expected) > TOLERANCE * np.maximum(1.0, np.abs(expected))
    far |= np.isnan(found) != np.isnan(expected)
    if far.any():
        at = int(np.argmax(far.any(axis=1)))
        return GoldenVerdict(len(rows), f"{found[at].tolist()} instead of {expected[at].tolist()} for {read[at]}")
    return GoldenVerdict(len(rows), None)


def _refuses(ordinary: Callable[[pd.DataFrame], Floats], row: Row) -> bool:
    try:
        ordinary(pd.DataFrame([row], dtype=object))
    except UnfitRows:
        return True
    return False


def _usual(column: Column, part: Feature, rng: np.random.Generator) -> Iterator[Any]:
    """Values as the training table has them, the typical one first."""
    yield typical_value(column, part)
    if part.kind == "categorical":
        yield from part.levels[:50]
    elif part.kind == "boolean":
        yield from (True, False)
    elif part.kind == "text_hash":
        yield from [word for word, _ in column.top]
    elif isinstance(column.low, str) and isinstance(column.high, str):
        low, high = (np.datetime64(end, "us").astype(np.int64) for end in (column.low, column.high))
        yield from (str(np.datetime64(int(stamp), "us")) for stamp in rng.integers(low, high, 20, endpoint=True))
    elif isinstance(column.low, float) and isinstance(column.high, float):
        yield from rng.uniform(column.low, column.high, 30).tolist()
        yield from np.rint(rng.uniform(column.low, column.high, 10)).astype(int).tolist()
    else:
        yield from (0.0, 1.0)
    if column.missing > 0:
        yield None


def _odd(column: Column, part: Feature) -> Iterator[Any]:
    """Values at the ends, beyond them, missing, of another spelling and of another kind."""
    yield from (None, float("nan"), "", " NA ", "a word never seen", True, 7, -0.0, 2.5, 10**18, 10**400, float("inf"))
    if part.kind == "categorical":
        for level in part.levels[:3]:
            yield from (f" {level} ", level.upper(), f"{level}.0")
    elif part.kind == "boolean":
        yield from ("yes", "No", "TRUE", "0", 1, 0, 1.0, 2)
    elif part.kind == "text_hash":
        yield from ("Some words, some twice: words", 12)
    elif isinstance(column.low, str):
        yield from (column.low, column.high, "2024-02-29", "1969-12-31T23:59:59.999999", "2024/01/31 12:30+01:00")
        yield from ("0000-03-01", "9999-12-31", "2023-02-29", "31.01.2024")
    else:
        yield from ("007", "1e3", "1_000", "12,5", 1e300, -1e300, 5e-324, 16777217, 2**53 + 1)
        if isinstance(column.low, float) and isinstance(column.high, float):
            span = column.high - column.low
            yield from (column.low, column.high, column.low - span, column.high + span, str(column.high))
