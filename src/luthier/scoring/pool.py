"""How the predictions of several models become one.

A linear pool averages what the models say; a logarithmic pool averages the log odds (for several classes the log
probabilities) and is the sharper of the two where models that learned different things agree. Values of a regression
are always pooled linearly.

Source: Genest & Zidek (1986), "Combining Probability Distributions", Statistical Science 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

Pool = Literal["linear", "logarithmic"]
Predictions = NDArray[np.floating]

SURE = 1e-4
"""No model may be surer than this in a logarithmic pool: one that calls the impossible what then happens would outvote
all others."""


def pooled(predictions: Sequence[Predictions], weights: Sequence[float], pool: Pool) -> Predictions:
    """One prediction from several.

    Parameters
    ----------
    predictions
        (n, k) each, in the shapes the house agrees on.
    weights
        One a model, adding up to one.
    pool
        How they are averaged.

    Returns
    -------
    (n, k)
    """
    total = sum(weight * to_scale(p, pool) for weight, p in zip(weights, predictions, strict=True))
    return from_scale(np.asarray(total), pool)


def to_scale(p: Predictions, pool: Pool) -> Predictions:
    """Predictions (..., k) on the scale on which the pool is a plain mean; keeps the type."""
    if pool == "linear":
        return p
    bounded = np.clip(p, SURE, 1 - SURE)
    return np.log(bounded / (1 - bounded)) if p.shape[-1] == 1 else np.log(bounded)


def from_scale(z: Predictions, pool: Pool) -> Predictions:
    """Inverse of `to_scale`, but for the bounds."""
    if pool == "linear":
        return z
    p: Predictions = expit(z) if z.shape[-1] == 1 else softmax(z, axis=-1)
    return p
