"""How long the next fold will take, learned from the folds so far."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

Z90 = 1.2816
"""Standard normal quantile at 0.9."""

_PRIOR_SD = 0.9
"""Our judgement: a work hint is right within a factor of about 2.5 before anything has been measured."""

_SAME_CONFIG_SD = 0.2
"""Folds of one configuration differ by about 20 % in our measurements (early stopping, scheduling)."""


@dataclass(slots=True)
class _LogMoments:
    """Running mean and sum of squared deviations (Welford 1962) of log ratios."""

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0

    def add(self, x: float) -> None:
        self.n += 1
        step = x - self.mean
        self.mean += step / self.n
        self.m2 += step * (x - self.mean)


@dataclass(frozen=True, slots=True)
class Duration:
    """A predicted duration in seconds: the middle of the guess and its 90th percentile."""

    median_s: float
    p90_s: float


@dataclass(slots=True)
class FoldTimes:
    """Log-normal model of seconds per fold, relative to the work hint of its configuration.

    Each kind of model has its own ratio of seconds to hint, shrunk towards the ratio of all kinds with the weight of
    one observation; a configuration that already finished folds is predicted by those.
    """

    _kinds: dict[str, _LogMoments] = field(default_factory=lambda: defaultdict(_LogMoments))
    _all: _LogMoments = field(default_factory=_LogMoments)

    def learn(self, kind: str, hint_s: float, seconds: float) -> None:
        """One fold of `kind` with that hint took so many seconds."""
        ratio = math.log(max(seconds, 1e-4) / max(hint_s, 1e-4))
        self._kinds[kind].add(ratio)
        self._all.add(ratio)

    def predict(self, kind: str, hint_s: float, same_config_s: list[float]) -> Duration:
        """Duration of one more fold.

        Parameters
        ----------
        kind
            Which kind of model.
        hint_s
            The configuration's work hint in seconds.
        same_config_s
            Seconds of the folds this very configuration has finished.
        """
        if same_config_s:
            longest = max(same_config_s)
            return Duration(sum(same_config_s) / len(same_config_s), longest * math.exp(Z90 * _SAME_CONFIG_SD))
        centre = self._all.mean if self._all.n else 0.0
        own = self._kinds[kind] if kind in self._kinds else _LogMoments()
        mean = (centre + own.n * own.mean) / (1 + own.n)
        # Scaled-inverse-chi-square shrinkage: two pseudo-observations at the prior spread.
        variance = (2 * _PRIOR_SD**2 + own.m2) / (2 + own.n)
        middle = max(hint_s, 1e-4) * math.exp(mean)
        return Duration(middle, middle * math.exp(Z90 * math.sqrt(variance * (1 + 1 / (1 + own.n)))))
