"""An interval for a score that was selected: wide where the selection is unsteady, leaning as the errors lean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from luthier.scoring.draws import Floats

BASE_VARIANCE = 1.1
UNSTEADY_VARIANCE = 0.5
MOST_SKEW = 3.0
"""Found by simulation (studies/replay): percentile and t intervals of heavy-tailed means are ten percent short in
variance at n = 100; a correction taken from the same table adds up to half the variance when replays disagree on the
winner; and the third moment of heavier tails cannot be estimated, so it is not believed beyond 3."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Spread and lean of what single units contribute: second and third central moment of U g_u."""

    second: float
    third: float

    @classmethod
    def of(cls, units: Floats) -> Moments:
        """Moments of the influence of the units a score was computed on."""
        centred = units - units.mean()
        return cls(float((centred**2).mean()), float((centred**3).mean()))

    @property
    def skewness(self) -> float:
        """Third standardised moment, bent so that it never passes `MOST_SKEW`; 0 where nothing varies."""
        if not self.second > 0:
            return 0.0
        return MOST_SKEW * math.tanh(self.third / self.second**1.5 / MOST_SKEW)


def leaning_interval(value: float, se: float, units: Moments, n: int, level: float) -> tuple[float, float]:
    """The values theta that a t test does not reject when the variance may change with theta.

        |value - theta| <= q se(theta),   se(theta)^2 = se^2 + (theta - value) c sd skewness / n

    solved for theta: for shares of successes and c = 1 this is Wilson's interval; c = 3/4 is the shift by which Johnson
    makes the t statistic of a skewed mean symmetric.

    Parameters
    ----------
    value, se
        The score and its standard error.
    units
        Moments of the units' influence on the score.
    n
        Number of units.
    level
        Probability of holding the truth.

    Notes
    -----
    Sources: Wilson (1927), J. American Statistical Association 22; Johnson (1978), ibid. 73, eq. 2.5.
    """
    if not (n > 1 and math.isfinite(value) and math.isfinite(se)):
        return math.nan, math.nan
    q = float(stats.t.ppf(0.5 + level / 2, n - 1))
    shift = 0.75 * q**2 * math.sqrt(units.second) * units.skewness / (2 * n)
    half = math.hypot(q * se, shift)
    return value + shift - half, value + shift + half


def unsteadiness(full: Floats) -> float:
    """The probability that two replays choose differently.

    Parameters
    ----------
    full
        (B,): score on all rows of every replay's choice; choices that score alike there count as one.
    """
    if len(full) == 0:
        return 0.0
    _, times = np.unique(np.round(full, 12), return_counts=True)
    return float(1 - ((times / times.sum()) ** 2).sum())
