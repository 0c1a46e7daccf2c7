"""What a comparison of strategies found, as values: each contender over its repeats, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from luthier.scoring import Estimate

FRACTIONS = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Of the budget: where scores are read off and ranks are taken."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Best score so far after so many seconds: mean over the repeats, and the worst and the best of them."""

    seconds: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Target:
    """A score to reach, and in words whose it is."""

    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Reach:
    """When a strategy reached a score: mean seconds of the repeats that did (None when none), and how many did."""

    seconds: float | None
    repeats: int


@dataclass(frozen=True, slots=True)
class Contender:
    """One strategy, over all its repeats.

    Attributes
    ----------
    name
        Of the strategy.
    score
        Best score at the end: mean over the repeats; the interval allows for their luck only.
    rank
        Mean over repeats and fractions of the budget; 1 is best.
    explored_share
        Share of its own suggestions that explored instead of building on what did well; None when it made none.
    explored_quarters
        The same in each quarter of the budget.
    curve
        Best so far over its own time.
    at
        Best score so far at each of `FRACTIONS`; None where not every repeat had one.
    reached
        For each of the comparison's targets.
    behind
        How much worse than the leader; positive is worse. The interval allows for the luck of the search (repeats) and
        for that of the rows (folds); None for the leader itself, NaN ends where one repeat cannot tell.
    better_than_default
        Whether it found anything better than the default configuration in any repeat.
    trials, fits, seconds
        Mean over the repeats, of its own clock.
    honest
        What its winner should reach on new rows, allowing for its having been selected; None where not worked out. Of
        the repeat that ended in the middle.
    """

    name: str
    score: Estimate
    rank: Estimate
    explored_share: float | None
    explored_quarters: tuple[float | None, ...]
    curve: tuple[CurvePoint, ...]
    at: tuple[float | None, ...]
    reached: tuple[Reach, ...]
    behind: Estimate | None
    better_than_default: bool
    trials: float
    fits: float
    seconds: float
    honest: Estimate | None = None

    @property
    def surely_behind(self) -> bool:
        """Whether it is worse than the leader beyond what luck explains."""
        return self.behind is not None and self.behind.low > 0

    def to_json(self, targets: tuple[Target, ...], money_of: Callable[[float], float | None]) -> dict[str, Any]:
        """As JSON values; `money_of` turns seconds into money, or into None without a price."""
        score, rank = self.score.to_json(), self.rank.to_json()
        return {
            "name": self.name,
            "score": self.score.value,
            "score_interval": {key: score[key] for key in ("low", "high", "level")},
            "honest": None if self.honest is None else self.honest.to_json(),
            "rank": {key: rank[key] for key in ("value", "low", "high")},
            "behind": None if self.behind is None else {**self.behind.to_json(), "beyond_luck": self.surely_behind},
            "explored_share": self.explored_share,
            "explored_quarters": list(self.explored_quarters),
            "at": [{"share": share, "value": value} for share, value in zip(FRACTIONS, self.at, strict=True)],
            "reached": [
                {"of": target.name, "seconds": reach.seconds, "repeats": reach.repeats}
                for target, reach in zip(targets, self.reached, strict=True)
            ],
            "trials": self.trials,
            "fits": self.fits,
            "seconds": self.seconds,
            "curve": [
                {"seconds": p.seconds, "money": money_of(p.seconds), "value": p.value, "low": p.low, "high": p.high}
                for p in self.curve
            ],
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of a comparison: the contenders, the best first."""

    contenders: tuple[Contender, ...]
    targets: tuple[Target, ...]
    repeats: int
    greater_is_better: bool
    default_score: float
    advice: str

    def to_json(self, money_of: Callable[[float], float | None]) -> dict[str, Any]:
        """As JSON values; `money_of` turns seconds into money, or into None without a price."""
        return {
            "strategies": [contender.to_json(self.targets, money_of) for contender in self.contenders],
            "targets": [{"of": target.name, "score": target.score} for target in self.targets],
            "default_score": self.default_score,
            "advice": self.advice,
        }
