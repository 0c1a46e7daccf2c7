"""The same rows judged twice: by models that learned from what came before them, and from as many rows of any time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from luthier.checks.flattery import Flattery, compare
from luthier.checks.sample import Sample
from luthier.scoring.forward import time_blocks

Floats = NDArray[np.float64]

WINDOWS = 4
LEARNED_FIRST = 0.4
"""Share of the rows before the first window."""
FITS = 3 * WINDOWS


def forward_and_shuffled(sample: Sample, order: Floats, rng: np.random.Generator, seed: int) -> Flattery:
    """What shuffled folds promise beyond what looking forward keeps, the number of rows learned from being equal.

    Parameters
    ----------
    order
        (n,) numbers that order the rows.
    """
    by_time = np.argsort(order, kind="stable")
    n = len(by_time)
    edges = np.linspace(LEARNED_FIRST * n, n, WINDOWS + 1).astype(int)
    ahead, shuffled, sizes = [], [], []
    for start, stop in pairwise(edges):
        window = by_time[start:stop]
        sizes.append(len(window))
        ahead.append((by_time[:start], window))
        half = rng.permutation(len(window)) % 2 == 0
        for judged in (window[half], window[~half]):
            others = np.setdiff1d(by_time, judged)
            shuffled.append((np.sort(rng.permutation(others)[:start]), judged))
    units = np.zeros(n, np.int64)
    units[by_time[edges[0] :]] = time_blocks(sizes)
    return compare(sample, sample.predict(shuffled, seed), sample.predict(ahead, seed), units)
