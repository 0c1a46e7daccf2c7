"""Whether a source of labels tells another story than the others do: flipped, sold, or mixed up on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, norm

FEWEST = 30
"""Labels of a source, and of all others, before which nothing is said of it."""
LEAST_EFFECT = 0.1
"""By how much the mean loss of a source must exceed that of the others: our judgement."""


@dataclass(frozen=True, slots=True)
class LabelSource:
    """One source of labels beside all others.

    Attributes
    ----------
    name
        As feedback calls it.
    n
        Labels.
    loss, others
        Mean loss of the model by its labels, and by those of the others, in [0, 1].
    p
        Of a difference as large, were it one of the others.
    suspicious
        Whether its labels should not be learned from, nor be held against the model, before somebody has looked.
    """

    name: str
    n: int
    loss: float
    others: float
    p: float
    suspicious: bool

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "name": self.name,
            "n": self.n,
            "loss": self.loss,
            "others": self.others,
            "p": self.p,
            "suspicious": self.suspicious,
        }


def screen_sources(losses: NDArray[Any], sources: Any, *, level: float = 0.05) -> tuple[LabelSource, ...]:
    """Look for sources whose labels disagree with the model more than those of all other sources do.

    A change of the world shows in all sources alike; a flipped or mixed-up batch shows in its own. So what is compared
    is one source with the others at the same time. Where there is only one source nothing can be told.

    Parameters
    ----------
    losses
        (n,) in [0, 1]: the loss of every labelled prediction.
    sources
        (n,): who told the label; missing ones are a source of their own.
    level
        Chance of suspecting any source where all are alike (Benjamini & Hochberg over the sources).

    Returns
    -------
    tuple of LabelSource
        Those with enough labels, the most suspicious first.
    """
    names, codes = np.unique(pd.Series(sources, dtype=object).fillna("").astype(str), return_inverse=True)
    losses = np.asarray(losses, np.float64)
    counts, sums, squares = (np.bincount(codes, w, len(names)) for w in (np.ones(len(losses)), losses, losses**2))
    rest = len(losses) - counts
    known = np.flatnonzero((counts >= FEWEST) & (rest >= FEWEST))
    if not len(known):
        return ()
    mean, other = sums[known] / counts[known], (losses.sum() - sums[known]) / rest[known]
    variance = squares[known] / counts[known] - mean**2
    other_variance = ((losses**2).sum() - squares[known]) / rest[known] - other**2
    se = np.sqrt(np.maximum(variance / counts[known] + other_variance / rest[known], 1e-12))
    p = norm.sf((mean - other) / se)
    q = false_discovery_control(p)
    found = [
        LabelSource(
            str(names[k]), int(counts[k]), float(mean[i]), float(other[i]), float(p[i]),
            bool(q[i] <= level and mean[i] - other[i] >= LEAST_EFFECT),
        )
        for i, k in enumerate(known)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda source: source.p))
