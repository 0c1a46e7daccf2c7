"""A table cut into few bins a column: what a slice may be made of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.data.slices import Condition, as_text

Codes = NDArray[np.int16]
Floats = NDArray[np.float64]

RESOLUTIONS = (10, 5, 2)
"""Bins of a column of numbers, fine and coarse: a slice of two conditions is soon too small in tenths alone."""
FINE_RESOLUTIONS = (40, 20)
"""Bins of a column of numbers where it stands alone: a tail of few rows is lost in a tenth of them."""
MOST_LEVELS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Binned:
    """The columns of a table in bins.

    Attributes
    ----------
    codes
        (n, d): bin of every row in every cut; -1 in none (a rare level).
    conditions
        For each cut, what each of its bins means.
    columns
        (d,): position of the column that each cut is one of.
    fine
        The cuts that are too fine to be combined with others.
    """

    codes: Codes
    conditions: tuple[tuple[Condition, ...], ...]
    columns: tuple[int, ...]
    fine: frozenset[int] = frozenset()


def binned(
    frame: pd.DataFrame, *, resolutions: Sequence[int] = RESOLUTIONS, fine: Sequence[int] = FINE_RESOLUTIONS
) -> Binned:
    """Cut every column into bins, with one more for missing values.

    Numbers are cut at their quantiles, once for each of the resolutions, or stay what they are when there are few
    different ones; of words the commonest levels are kept. Columns of dates and lists are left out.
    """
    codes: list[Codes] = []
    conditions: list[tuple[Condition, ...]] = []
    columns: list[int] = []
    alone: list[int] = []
    for position, name in enumerate(frame.columns):
        column = frame[name]
        missing = column.isna().to_numpy(bool)
        for code, found, is_fine in _cuts(str(name), column, resolutions, fine):
            if missing.any():
                code[missing] = len(found)
                found.append(Condition(str(name), missing=True))
            if len(found) > 1:
                if is_fine:
                    alone.append(len(codes))
                codes.append(code)
                conditions.append(tuple(found))
                columns.append(position)
    stacked = np.asfortranarray(np.column_stack(codes)) if codes else np.empty((len(frame), 0), np.int16)
    return Binned(stacked, tuple(conditions), tuple(columns), frozenset(alone))


def _cuts(
    name: str, column: pd.Series, resolutions: Sequence[int], fine: Sequence[int]
) -> list[tuple[Codes, list[Condition], bool]]:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return [] if pd.api.types.is_datetime64_any_dtype(column) else [(*_levels(name, column), False)]
    values = column.to_numpy(np.float64, na_value=np.nan)
    distinct = np.unique(values[~np.isnan(values)])
    if len(distinct) <= MOST_LEVELS:
        return [(*_levels(name, column), False)]
    return [(*_ranges(name, values, distinct, most), most in fine) for most in (*fine, *resolutions)]


def _ranges(name: str, values: Floats, distinct: Floats, most: int) -> tuple[Codes, list[Condition]]:
    at = np.quantile(values[~np.isnan(values)], np.arange(1, most) / most, method="higher")
    starts = np.unique(at[at > distinct[0]])
    # The shortest number between the last value below and the first one in the bin parts them just as well.
    edges = [_shortest(distinct[np.searchsorted(distinct, start) - 1], start) for start in starts]
    code = np.searchsorted(np.array(edges), values, side="right").astype(np.int16)
    ends = [None, *edges, None]
    return code, [
        Condition(name, low=low, high=high) for low, high in itertools.pairwise(ends) if (low, high) != (None, None)
    ]


def _levels(name: str, column: pd.Series) -> tuple[Codes, list[Condition]]:
    texts = as_text(column)
    texts[column.isna().to_numpy(bool)] = ""
    levels, where, counts = np.unique(texts.astype(str), return_inverse=True, return_counts=True)
    counts = np.where(levels == "", 0, counts)  # an empty word is as good as none
    kept = [k for k in np.argsort(-counts, kind="stable")[:MOST_LEVELS] if counts[k]]
    code_of = np.full(len(levels), -1, np.int16)
    code_of[kept] = np.arange(len(kept))
    return code_of[where], [Condition(name, level=str(levels[k])) for k in kept]


def _shortest(below: float, value: float) -> float:
    """The number of fewest digits in (below, value]."""
    for digits in range(1, 17):
        short = float(f"{value:.{digits}g}")
        if below < short <= value:
            return short
    return float(value)
