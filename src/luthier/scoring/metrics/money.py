"""What decisions cost, in the user's own money."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from luthier.errors import BadMetric
from luthier.scoring.metrics.counts import decide
from luthier.scoring.metrics.metric import BINARY, AdditiveMetric, Floats, Predictions, Target, share

OUTCOMES = ("tp", "fp", "fn", "tn")


@dataclass(frozen=True, slots=True)
class Costs:
    """What each outcome of a decision between two classes costs; a gain is a cost below zero.

    Attributes
    ----------
    fn, fp
        A positive case that is missed, and a negative case that is called positive.
    tp, tn
        The two right decisions, mostly zero.

    Raises
    ------
    BadMetric
        A cost is not a finite number, or it never pays to decide as it is: both errors must cost more than the right
        decision in their place.
    """

    fn: float
    fp: float
    tp: float = 0.0
    tn: float = 0.0

    def __post_init__(self) -> None:
        if not all(math.isfinite(getattr(self, name)) for name in OUTCOMES):
            raise BadMetric(f"costs are finite numbers, which {self} are not", fix='say it as in "fn=50,fp=2"')
        if not (self.fn > self.tp and self.fp > self.tn):
            raise BadMetric(
                f"at {self} an error costs no more than the right decision, so there is nothing to decide",
                fix="give fn more than tp, and fp more than tn",
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Costs as people write them: "fn=50,fp=2", also with tp and tn.

        Raises
        ------
        BadMetric
            The text cannot be read, or its costs contradict each other.

        Examples
        --------
        >>> Costs.parse("fn=50, fp=2").break_even
        0.038461538461538464
        """
        found: dict[str, float] = {}
        for word in text.split(","):
            name, _, number = (part.strip() for part in word.partition("="))
            try:
                found[name.lower()] = float(number)
            except ValueError:
                found = {}
                break
        if not {"fn", "fp"} <= found.keys() <= set(OUTCOMES):
            raise BadMetric(
                f"the costs {text!r} cannot be read",
                fix='name what each error costs, as in "fn=50,fp=2"; tp and tn may be added',
            )
        return cls(**found)

    @property
    def break_even(self) -> float:
        """The chance above which it pays to call a case positive. Source: Elkan (2001), IJCAI, eq. 2."""
        wrong_call, missed = self.fp - self.tn, self.fn - self.tp
        return wrong_call / (wrong_call + missed)

    @property
    def metric(self) -> AdditiveMetric:
        """Mean cost of a case, as a metric: lower is better."""

        def row_stats(y: Target, p: Predictions) -> Floats:
            decided, true = decide(p) == 1, np.asarray(y) == 1
            right = np.where(true, self.tp, self.tn)
            wrong = np.where(true, self.fn, self.fp)
            return np.column_stack([np.where(decided == true, right, wrong), np.ones(len(true))])

        return AdditiveMetric("cost", greater_is_better=False, tasks=BINARY, row_stats=row_stats, value=_mean)

    def __str__(self) -> str:
        shown = [f"{name}={getattr(self, name):g}" for name in ("fn", "fp", "tp", "tn")]
        return ",".join(shown if self.tp or self.tn else shown[:2])

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {name: getattr(self, name) for name in OUTCOMES}


def _mean(sums: Floats) -> Floats:
    return share(sums[..., 0], sums[..., 1])
