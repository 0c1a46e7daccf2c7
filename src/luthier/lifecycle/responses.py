"""Which of the things that were tried is the cheapest that suffices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SURE = 1.645
"""Standard errors by which a response must beat the champion on the judging rows to be worth a challenger. Whether it
is promoted is decided later, on requests that had no part in this choice."""


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """One response, tried: learned on the earlier labels, judged on the later ones.

    Attributes
    ----------
    response
        Of `RESPONSES`.
    words
        What exactly was done.
    losses
        (n,): of its answers on the judging rows, in [0, 1].
    seconds
        What it cost to try.
    """

    response: str
    words: str
    losses: Floats
    seconds: float

    def gain(self, champion: Floats) -> tuple[float, float]:
        """Mean by which it loses less than the champion, and the standard error."""
        d = champion - self.losses
        return float(d.mean()), float(d.std() / math.sqrt(len(d)))

    def to_dict(self, champion: Floats) -> dict[str, Any]:
        """As JSON values."""
        gain, se = self.gain(champion)
        return {
            "response": self.response,
            "words": self.words,
            "loss": float(self.losses.mean()),
            "gain": gain,
            "se": se,
            "seconds": self.seconds,
        }


def cheapest_sufficient(champion: Floats, tried: Sequence[Tried]) -> Tried | None:
    """The first response that beats the champion and is not behind the best by more than a standard error.

    Parameters
    ----------
    champion
        (n,): the champion's losses on the judging rows.
    tried
        The cheapest first.

    Returns
    -------
    Tried or None
        None where no response is better than to go on.

    References
    ----------
    Breiman, L. et al. (1984). Classification and Regression Trees, section 3.4.3: the rule of one standard error.
    """
    better = []
    for one in tried:
        gain, se = one.gain(champion)
        if gain > SURE * se and gain > 0:
            better.append(one)
    if not better:
        return None
    best = min(better, key=lambda one: float(one.losses.mean()))
    for one in better:
        behind = one.losses - best.losses
        if behind.mean() <= behind.std() / math.sqrt(len(behind)):
            return one
    return best
