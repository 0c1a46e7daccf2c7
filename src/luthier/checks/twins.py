"""Rows that are the same, or nearly."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

NEIGHBOURS = 10
NEAR = 0.05
"""Distance to the nearest row over that to the tenth, below which two rows are near twins."""
DIMENSIONS = 8


def hashes(X: Floats, y: NDArray[np.generic] | None = None) -> NDArray[np.uint64]:
    """(n,) a number for the content of every row: equal rows, gaps included, have equal numbers."""
    table = np.column_stack([X + 0.0, y]) if y is not None else X + 0.0  # + 0.0: minus zero is zero
    table[np.isnan(table)] = np.nan  # of the many NaNs, one
    return np.asarray(pd.util.hash_pandas_object(pd.DataFrame(table), index=False), dtype=np.uint64)


def near_twins(X: Floats, categorical: set[int], rng: np.random.Generator) -> tuple[Indices, float]:
    """Units of near twins, and the share of rows with a near twin that is to be expected without any copy.

    Columns are brought to a common scale by their quartiles, categories spread at random, and all projected at random
    on 8 dimensions. Were rows strewn evenly in d dimensions, the nearest row would be nearer than q times the tenth
    with probability 1 - (1 - q^d)^9; d is read off the third nearest, which a copy or two leave alone.

    Returns
    -------
    units : (n,)
        Rows of one unit are near twins; all others are units of their own.
    expected : float
        In [0, 1].
    """
    n = len(X)
    Z = _projected(X, categorical, rng)
    tree = cKDTree(Z)
    distance, neighbour = tree.query(Z, k=min(NEIGHBOURS + 1, n))
    far = distance[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        nearest = np.where(far > 0, distance[:, 1] / far, 1.0)
        third = np.where(far > 0, distance[:, 3] / far, 1.0)
    middle = float(np.median(third[third > 0])) if (third > 0).any() else 1.0
    d = math.log(0.286) / math.log(min(max(middle, 1e-6), 0.99))  # Beta(3, 7) has its median at 0.286
    expected = 1.0 - (1.0 - NEAR**d) ** (NEIGHBOURS - 1)
    close = (nearest < NEAR) & (distance[:, 1] > 0)
    pairs = coo_array((np.ones(int(close.sum())), (np.flatnonzero(close), neighbour[close, 1])), shape=(n, n))
    return connected_components(pairs, directed=False)[1].astype(np.int64), expected


def _projected(X: Floats, categorical: set[int], rng: np.random.Generator) -> Floats:
    n, p = X.shape
    out = np.zeros((n, min(p, DIMENSIONS)))
    for j in range(p):
        x = X[:, j]
        gone = np.isnan(x)
        if j in categorical:
            spread = rng.normal(size=(int(np.nanmax(x, initial=0)) + 2, out.shape[1]))
            out += spread[np.where(gone, -1, np.nan_to_num(x)).astype(int) + 1]
            continue
        if gone.all():
            continue
        low, middle, high = np.nanquantile(x, (0.25, 0.5, 0.75))
        scale = (high - low) / 1.35 or float(np.nanstd(x)) or 1.0
        out += np.where(gone, 3.0, np.clip((x - middle) / scale, -5, 5))[:, None] * rng.normal(size=out.shape[1])
    return out
