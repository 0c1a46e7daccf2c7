"""Which of the things that were tried is the cheapest that suffices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SURE = 1.645
"""Standard errors by which a response must beat the champion on the judging rows to be worth a challenger. Whether it
is promoted is decided later, on requests that had no part in this choice."""


OFTEN = 3
"""Responses in a row before which an earlier refit would surely have helped, for it to be advised."""


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
            "labels": len(self.losses),
            "loss": float(self.losses.mean()),
            "gain": gain,
            "se": se,
            "seconds": self.seconds,
        }


def cost_of_waiting(tried: Sequence[Sequence[Mapping[str, Any]]]) -> str | None:
    """What it cost to wait for the alarm in place of refitting on schedule, in a sentence; None where nothing surely.

    Parameters
    ----------
    tried
        Of every response so far, the newest last, what was tried, as `Tried.to_dict`: a refit that learned of every
        label before the ones it answered is what a refit on schedule would have been.
    """
    sure = [
        any(one["response"] == "refit" and one["gain"] > max(SURE * one["se"], 0) for one in response)
        for response in tried
    ]
    if not sure or not sure[-1]:
        return None
    (refit,) = [one for one in tried[-1] if one["response"] == "refit"]
    much = f"{refit['gain']:.4f} ± {refit['se']:.4f} less a label, over {refit['labels']:,}"
    said = f"a refit in use before the alarm would have lost {much}"
    if len(sure) >= OFTEN and all(sure[-OFTEN:]):
        return (
            f"{said}, {OFTEN} times in a row: waiting for alarms is not worth it here; refit on schedule "
            '([lifecycle] every_days, with proof = "labels")'
        )
    return said


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
