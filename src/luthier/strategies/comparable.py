"""Losses that can be compared with each other, where some trials were carried further than others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from luthier.space.config import Floats
from luthier.strategies.observation import Observation


def comparable(history: Sequence[Observation], enough: int) -> tuple[Floats, float]:
    """Return every trial's loss at the highest fidelity that `enough` trials have reached, and that fidelity.

    A trial that went further is read off its curve, where it has one. Some folds of a trial are a noisy reading of all:
    their mean counts with one standard deviation on top, so that luck with the first folds does not pass for merit.

    Parameters
    ----------
    history
        n trials.
    enough
        At least 1. When fewer have a loss at all, the level is the lowest that any of those has.

    Returns
    -------
    losses
        (n,), infinite where a trial failed, is still running, or was stopped earlier: whatever it may be worth, nothing
        speaks for it yet.
    fidelity
        Share of the full resource at which they are compared; 1 when there is no loss.

    Source: Falkner, Klein & Hutter (2018), "BOHB", section 4.1, which models the largest budget with enough points;
    that trials stopped below it count as bad, and curves, are ours.
    """
    reached = sorted((o.fidelity for o in history if _is_known(o)), reverse=True)
    if not reached:
        return np.full(len(history), np.inf), 1.0
    level = reached[min(enough, len(reached)) - 1]
    losses = [_loss_at(o, level) if _is_known(o) and o.fidelity >= level else math.inf for o in history]
    return np.array(losses), level


def _is_known(o: Observation) -> bool:
    return o.state in ("partial", "complete") and math.isfinite(o.loss)


def _loss_at(o: Observation, level: float) -> float:
    loss = o.loss
    if o.fidelity > level:
        before = [seen for share, seen in o.curve if share <= level + 1e-9]
        loss = before[-1] if before else loss
    if o.folds_done < o.folds and o.fidelity == 1:
        loss += o.loss_sd
    return loss if math.isfinite(loss) else math.inf
