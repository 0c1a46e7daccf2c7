"""Where to cut a probability, given what errors cost, how precision and recall are weighed, or what must be kept to.

All cuts between the predictions of a table are compared at once: sorted from the highest down, the rows called positive
grow by one place at a time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from luthier.errors import BadMetric
from luthier.scoring.metrics import METRICS, AdditiveMetric, Costs, Task, f_beta, rank

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """Every way to cut some predictions.

    Attributes
    ----------
    thresholds
        (g + 1,): falling from above the highest prediction to below the lowest; a row above is called positive.
    tp, fp
        (g + 1,): weight of the positives and of the negatives above each.
    """

    thresholds: Floats
    tp: Floats
    fp: Floats

    @classmethod
    def of(cls, y: NDArray[Any], p: NDArray[Any], weights: Floats) -> Cuts:
        """Cut predictions p (n,) of rows with coded classes y (n,); rows without weight are not looked at."""
        known = weights > 0
        p, w = np.asarray(p[known], np.float64), weights[known]
        order, starts = rank(p)
        positive = w * (np.asarray(y)[known] == 1)
        at = p[order][starts][::-1]
        tp = np.add.reduceat(positive[order], starts)[::-1].cumsum()
        fp = np.add.reduceat((w - positive)[order], starts)[::-1].cumsum()
        # Half way between neighbours, and half way to certainty beyond the ends; nothing lies below zero but this.
        between = (at[:-1] + at[1:]) / 2
        thresholds = np.r_[(1 + at[0]) / 2, between, at[-1] / 2 if at[-1] > 0 else -1e-9]
        return cls(thresholds, np.r_[0.0, tp], np.r_[0.0, fp])

    @property
    def fn(self) -> Floats:
        """(g + 1,): weight of the positives below."""
        return np.asarray(self.tp[-1] - self.tp)

    @property
    def tn(self) -> Floats:
        """(g + 1,): weight of the negatives below."""
        return np.asarray(self.fp[-1] - self.fp)

    @property
    def precision(self) -> Floats:
        """(g + 1,): of those above, the share that is positive; 1 where nobody is."""
        above = self.tp + self.fp
        return np.where(above > 0, self.tp / np.where(above > 0, above, 1.0), 1.0)

    @property
    def recall(self) -> Floats:
        """(g + 1,): of the positives, the share above; 0 where there are none."""
        return self.tp / self.tp[-1] if self.tp[-1] > 0 else np.zeros(len(self.tp))

    def best(self, badness: Floats) -> float:
        """The threshold of least badness (g + 1,): of equals in a row, the middle one."""
        least = np.flatnonzero(badness <= badness.min() + 1e-12 * max(1.0, abs(float(badness.min()))))
        run = least[: int(np.argmax(np.diff(least, append=least[-1] + 2) > 1)) + 1]
        return float(self.thresholds[run[len(run) // 2]])


class Rule(Protocol):
    """How a threshold is chosen, in words by `str`."""

    @property
    def metric(self) -> AdditiveMetric:
        """What is to be reported of the decisions."""
        ...

    def choose(self, y: NDArray[Any], p: NDArray[Any], weights: Floats) -> float:
        """The threshold by coded classes, predictions and weights (n,) of rows the model has not seen."""
        ...

    def __str__(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ByCost:
    """The threshold at which decisions cost least."""

    costs: Costs

    @property
    def metric(self) -> AdditiveMetric:
        """Mean cost of a case."""
        return self.costs.metric

    def choose(self, y: NDArray[Any], p: NDArray[Any], weights: Floats) -> float:
        """As `Rule`."""
        cuts, c = Cuts.of(y, p, weights), self.costs
        return cuts.best(c.tp * cuts.tp + c.fp * cuts.fp + c.fn * cuts.fn + c.tn * cuts.tn)

    def __str__(self) -> str:
        return f"lowest cost at {self.costs}"


@dataclass(frozen=True, slots=True)
class ByFBeta:
    """The threshold with the highest F-beta."""

    beta: float = 1.0

    @property
    def metric(self) -> AdditiveMetric:
        """F-beta."""
        return f_beta(self.beta)

    def choose(self, y: NDArray[Any], p: NDArray[Any], weights: Floats) -> float:
        """As `Rule`."""
        cuts, b = Cuts.of(y, p, weights), self.beta**2
        below = (1 + b) * cuts.tp + b * cuts.fn + cuts.fp
        return cuts.best(-np.divide((1 + b) * cuts.tp, below, out=np.zeros_like(below), where=below > 0))

    def __str__(self) -> str:
        return f"highest F{self.beta:g}"


@dataclass(frozen=True, slots=True)
class KeepingTo:
    """The best recall among thresholds with a precision of at least so much, or the other way round.

    Where no threshold keeps to it, the one that comes nearest.
    """

    kept: str
    at_least: float

    @property
    def metric(self) -> AdditiveMetric:
        """What is kept to: whether it holds on new rows is the question."""
        metric = METRICS[self.kept]
        assert isinstance(metric, AdditiveMetric)
        return metric

    def choose(self, y: NDArray[Any], p: NDArray[Any], weights: Floats) -> float:
        """As `Rule`."""
        cuts = Cuts.of(y, p, weights)
        kept, gained = cuts.precision, cuts.recall
        if self.kept == "recall":
            kept, gained = gained, kept
        kept[0] = -math.inf  # with nobody above, precision is a convention, and recall is nothing
        held = kept >= self.at_least
        if not held.any():
            return cuts.best(-kept)
        return cuts.best(np.where(held, -gained, math.inf))

    def __str__(self) -> str:
        other = "recall" if self.kept == "precision" else "precision"
        return f"highest {other} with {self.kept} of at least {self.at_least:g}"


@dataclass(frozen=True, slots=True)
class Fixed:
    """A threshold somebody has named."""

    threshold: float

    @property
    def metric(self) -> AdditiveMetric:
        """F1, for want of anything that was asked for."""
        return f_beta(1.0)

    def choose(self, y: NDArray[Any], p: NDArray[Any], weights: Floats) -> float:  # noqa: ARG002 - nothing to learn
        """As `Rule`."""
        return self.threshold

    def __str__(self) -> str:
        return f"threshold {self.threshold:g} as given"


_F_BETA = re.compile(r"f(\d+(?:\.\d+)?)")
_KEEPING = re.compile(r"(precision|recall)\s*>=\s*(0?\.\d+|1(?:\.0*)?|0)")


def read_rule(text: str) -> Rule:
    """A rule as people write it: "f1", "f0.5", "precision>=0.9", "recall>=0.8", or a threshold such as "0.3".

    Raises
    ------
    BadMetric
        It is none of these.

    Examples
    --------
    >>> str(read_rule("precision>=0.9"))
    'highest recall with precision of at least 0.9'
    """
    word = text.strip().lower()
    forms: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Rule]], ...] = (
        (_F_BETA, lambda found: ByFBeta(float(found[1]))),
        (_KEEPING, lambda found: KeepingTo(found[1], float(found[2]))),
        (re.compile(r"0?\.\d+"), lambda found: Fixed(float(found[0]))),
    )
    for form, make in forms:
        if found := form.fullmatch(word):
            return make(found)
    raise BadMetric(
        f"the threshold {text!r} cannot be read",
        fix='say "f1", "f2", "precision>=0.9", "recall>=0.8" or a number like "0.3"; or name costs: --cost fn=50,fp=2',
    )


def check_wish(cost: Costs | str | None, threshold: str | float | None, task: Task) -> None:
    """Refuse a cost or a threshold that cannot be read, or that is asked for where there are not two classes.

    Raises
    ------
    BadMetric
        As said.
    """
    _, rule = read_wish(cost, threshold)
    if rule is not None and task != "binary":
        raise BadMetric(
            f"a threshold, or what errors cost, is for a target of two classes; this task is {task}",
            fix="leave out the cost and the threshold",
        )


def read_wish(cost: Costs | str | None, threshold: str | float | None) -> tuple[Costs | None, Rule | None]:
    """What decisions cost, and how a threshold is to be chosen, as people say it.

    Raises
    ------
    BadMetric
        One of them cannot be read.
    """
    costs = Costs.parse(cost) if isinstance(cost, str) else cost
    if threshold is not None:
        return costs, read_rule(str(threshold))
    return costs, None if costs is None else ByCost(costs)
