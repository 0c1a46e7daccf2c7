"""Who is best, in which direction, and what an undefined score is worth."""

from __future__ import annotations

import numpy as np

from luthier.scoring.draws import Floats, Indices


def best_of(scores: Floats, *, greater_is_better: bool) -> Indices:
    """(B,): position of the best of (B, C) scores; -1 where all are NaN."""
    worst = -np.inf if greater_is_better else np.inf
    known = np.where(np.isnan(scores), worst, scores)
    best: Indices = (known.argmax(axis=1) if greater_is_better else known.argmin(axis=1)).astype(np.int64)
    best[np.isnan(scores).all(axis=1)] = -1
    return best
