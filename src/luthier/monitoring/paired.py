"""Champion against challenger on the same requests: a comparison that may be looked at after every label."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr

PairedVerdict = Literal["better", "not worse", "no gain", "worse", "open"]

FEWEST = 100
"""Labels before which nothing is decided: the bound rests on a variance that has to be known first."""

RHO_SQUARED = 8.0 / 500
"""rho^2 in units of the variance of one difference. A bound is tightest where rho^2 V is about 8: here after 500
labels; ten times more or fewer cost about a fifth more labels."""


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """How much less the challenger loses than the champion, per request, with bounds that hold at all times together.

    With S the sum of the differences and V the sum of their squared deviations from the mean before them, the mixture

        E = 2 / sqrt(rho^2 V + 1) exp(rho^2 S^2 / (2 (rho^2 V + 1))) Phi(rho S / sqrt(rho^2 V + 1))

    of bets on every positive mean, half-normal with standard deviation rho, is on average at most 1 at any time, also
    at one chosen by looking, while the mean is not above 0. S is beyond the bound where E reaches 1 / alpha.

    Attributes
    ----------
    alpha
        Chance of ever being wrong in one direction.
    margin
        By how much a challenger may lose more and still be called not worse, in units of the loss.
    least
        The gain below which a change is not worth it, in units of the loss.
    n, total, spread, mean
        Differences so far, S, V and their mean.

    References
    ----------
    Robbins, H. (1970). Statistical methods related to the law of the iterated logarithm. Annals of Mathematical
    Statistics 41. Howard, S. R. et al. (2021). Time-uniform, nonparametric, nonasymptotic confidence sequences. Annals
    of Statistics 49, eq. (14). With the variance estimated: Waudby-Smith, I. et al. (2024). Time-uniform central limit
    theory and asymptotic confidence sequences. Annals of Statistics 52.
    """

    alpha: float = 0.05
    margin: float = 0.0
    least: float = 0.0
    n: int = 0
    total: float = 0.0
    spread: float = 0.0

    def __post_init__(self) -> None:
        if not (0.0 < self.alpha < 0.5 and self.margin >= 0 and self.least >= 0):
            raise ValueError(f"alpha in (0, 0.5), margin and least at least 0, not {self!r}")

    def after(self, champion: Any, challenger: Any) -> PairedComparison:
        """With the losses of both on further requests, (m,) each."""
        d = np.asarray(champion, np.float64).ravel() - np.asarray(challenger, np.float64).ravel()
        sums = self.total + np.cumsum(d) - d  # before each
        seen = self.n + np.arange(len(d))
        before = np.divide(sums, seen, out=np.zeros(len(d)), where=seen > 0)
        return PairedComparison(
            self.alpha, self.margin, self.least, self.n + len(d), self.total + float(d.sum()),
            self.spread + float(((d - before) ** 2).sum()),
        )  # fmt: skip

    @property
    def mean(self) -> float:
        """The challenger's gain so far: positive where it loses less."""
        return self.total / self.n if self.n else math.nan

    @property
    def low(self) -> float:
        """Bound below the gain that holds at all times with probability 1 - alpha."""
        return self.mean - self._reach() / self.n if self.n >= FEWEST else -math.inf

    @property
    def high(self) -> float:
        """Bound above the gain, likewise."""
        return self.mean + self._reach() / self.n if self.n >= FEWEST else math.inf

    @property
    def verdict(self) -> PairedVerdict:
        """What is certain so far; "open" where nothing is."""
        if self.low > 0:
            return "better"
        if self.high < -self.margin:
            return "worse"
        if self.high <= self.least:
            return "no gain"
        if self.margin > 0 and self.low > -self.margin:
            return "not worse"
        return "open"

    def _reach(self) -> float:
        """The S at which the mixture reaches 1 / alpha, for the V so far."""
        variance = self.spread / self.n
        if not variance > 0:
            return 0.0
        v = self.spread / variance * RHO_SQUARED + 1.0

        def log_evidence(z: float) -> float:  # z = rho S / sqrt(rho^2 V + 1)
            return math.log(2.0) - 0.5 * math.log(v) + 0.5 * z * z + float(log_ndtr(z)) + math.log(self.alpha)

        z = float(brentq(log_evidence, -1.0, 50.0))
        return z * math.sqrt(v / RHO_SQUARED * variance)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "alpha": self.alpha,
            "margin": self.margin,
            "least": self.least,
            "n": self.n,
            "total": self.total,
            "spread": self.spread,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        """The state that `to_json` wrote."""
        return cls(**body)
