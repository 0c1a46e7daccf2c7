"""A weighted blend of a few configurations, chosen greedily from the out-of-fold table.

Beginning with the best configuration, the one whose addition helps the mean most is added, again and again and with
replacement, so that how often it was added becomes its weight. Nothing is fitted, so nothing can run away: weights are
fractions of a few additions, never negative.

Source: Caruana, Niculescu-Mizil, Crew & Ksikes (2004), "Ensemble Selection from Libraries of Models", ICML.
studies/final compares the choices made here by the test scores they lead to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from luthier.scoring import Metric, OutOfFold
from luthier.scoring.metrics import RankMetric
from luthier.scoring.pool import Pool, from_scale, pooled, to_scale

Floats = NDArray[np.float64]

MOST_MEMBERS = 4
CONTENDERS = 12
STEPS = 8
ANCHORED = 0.5
"""Weight of the anchor; studies/final has what a quarter and three quarters do."""
MOST_ROWS = 3000
"""Rows a choice looks at, evenly spread over the slab: weights are flat around their optimum, so more would not move
them, and the replay makes the choice a hundred times."""
BINS = 2048
"""Places into which probabilities are sorted while blends are compared by a rank metric; final scores are exact."""


@dataclass(frozen=True, slots=True)
class Blend:
    """Which configurations, how much of each, and how they are averaged.

    Attributes
    ----------
    members
        Trials, the heaviest first.
    weights
        One a member, > 0, adding up to one.
    pool
        The scale of the average.
    """

    members: tuple[int, ...]
    weights: tuple[float, ...]
    pool: Pool

    def __post_init__(self) -> None:
        if len(self.members) != len(self.weights) or not self.members or min(self.weights) <= 0:
            raise ValueError(f"a blend needs a weight above zero for each of its members, not {self!r}")

    def predictions(self, table: OutOfFold) -> NDArray[Any]:
        """(m, k): what the blend said of every row of the table."""
        return pooled([table.values[table.index(trial)] for trial in self.members], self.weights, self.pool)

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"members": list(self.members), "weights": list(self.weights), "pool": self.pool}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Blend:
        """The blend that `to_json` wrote."""
        return cls(tuple(body["members"]), tuple(body["weights"]), body["pool"])


@dataclass(frozen=True, slots=True)
class Blender:
    """Chooses blends from a table. Calling it is a choice that `replay` can replay.

    Attributes
    ----------
    kinds
        (C,): family of every configuration of the table.
    costs
        (C, L): what a configuration costs as a member, in L currencies (seconds to fit it, milliseconds to ask it).
    limits
        (L,): most that the members of a blend may cost together.
    most_members
        Members at most.
    contenders, of_a_kind
        Configurations the greedy steps choose among, the best first, and how many of them may be of one family: near
        copies of the best bring a blend nothing.
    steps
        Additions, of which the weights are fractions.
    anchor
        Trial that gets half of the weight whatever was chosen, and the choice the other half. On rows in order of time
        it is the default: what was best in the past is not what will be, and half a default forgives that.
    """

    kinds: Sequence[str]
    costs: Floats
    limits: Floats
    most_members: int = MOST_MEMBERS
    contenders: int = CONTENDERS
    of_a_kind: int = 3
    steps: int = STEPS
    anchor: int | None = None

    def __call__(self, table: OutOfFold, metric: Metric, weights: Floats) -> NDArray[Any]:
        """Predictions (m, k) of the blend chosen on rows of these weights."""
        return self.choose(table, metric, weights).predictions(table)

    def choose(self, table: OutOfFold, metric: Metric, weights: Floats) -> Blend:
        """Choose the blend with the best score on rows of these weights (m,)."""
        looked_at = _spread(len(table.y), MOST_ROWS)
        rows = looked_at[weights[looked_at] > 0]
        judge = _Judge(metric, table.y[rows], weights[rows])
        values = np.asarray(table.values[:, rows])
        alone = np.array([judge.score(p) for p in values])
        members, limits = self._room(table)
        contenders = self._contenders(alone, limits, greater_is_better=metric.greater_is_better)
        if len(contenders) == 0:
            return Blend((table.trials[0] if self.anchor is None else self.anchor,), (1.0,), "linear")
        pool = judge.better_pool(values[contenders[: self.most_members]])
        scaled = to_scale(values[contenders], pool)
        counts = self._grow(judge, scaled, pool, contenders, members, limits)
        chosen = 1.0 if self.anchor is None else 1 - ANCHORED
        shares = {table.trials[contenders[c]]: chosen * count / counts.total() for c, count in counts.items()}
        if self.anchor is not None:
            shares[self.anchor] = shares.get(self.anchor, 0.0) + ANCHORED
        ranked = sorted(shares.items(), key=lambda item: -item[1])
        return Blend(tuple(trial for trial, _ in ranked), tuple(share for _, share in ranked), pool)

    def _room(self, table: OutOfFold) -> tuple[int, Floats]:
        """How many members are to be chosen, and what they may cost."""
        if self.anchor is None:
            return self.most_members, self.limits
        return self.most_members - 1, self.limits - self.costs[table.index(self.anchor)]

    def _contenders(self, alone: Floats, limits: Floats, *, greater_is_better: bool) -> NDArray[np.intp]:
        """Positions in the table of the best configurations, the best first, with few of a kind."""
        order = np.argsort(-alone if greater_is_better else alone, kind="stable")
        of_kind: Counter[str] = Counter()
        chosen = []
        for c in order[np.isfinite(alone[order])]:
            of_kind[self.kinds[c]] += 1
            if of_kind[self.kinds[c]] <= self.of_a_kind and (self.costs[c] <= limits).all():
                chosen.append(c)
        return np.array(chosen[: self.contenders], dtype=np.intp)

    def _grow(
        self,
        judge: _Judge,
        scaled: NDArray[Any],
        pool: Pool,
        contenders: NDArray[np.intp],
        most_members: int,
        limits: Floats,
    ) -> Counter[int]:
        """How often every contender was added when the blend was at its best.

        A step that gains nothing ends nothing: a model worth an eighth hurts while it still counts for a half.
        """
        costs = self.costs[contenders]
        counts: Counter[int] = Counter({0: 1})
        found = counts.copy()
        total = scaled[0].copy()
        best = judge.score(from_scale(total, pool))
        for step in range(2, self.steps + 1):
            spent = costs[list(counts)].sum(axis=0)
            scores = {
                c: judge.score(from_scale((total + scaled[c]) / step, pool))
                for c in range(len(scaled))
                if c in counts or (len(counts) < most_members and (spent + costs[c] <= limits).all())
            }
            added = max(scores, key=lambda c: judge.sign * scores[c])
            counts[added] += 1
            total += scaled[added]
            if judge.sign * (scores[added] - best) > 0:
                best, found = scores[added], counts.copy()
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """Scores predictions of some rows, quickly."""

    metric: Metric
    y: NDArray[Any]
    weights: Floats

    @property
    def sign(self) -> Literal[-1, 1]:
        return 1 if self.metric.greater_is_better else -1

    def score(self, p: NDArray[Any]) -> float:
        metric = self.metric
        if not isinstance(metric, RankMetric):
            return metric.score(self.y, p, self.weights)
        if p.shape[1] == 1:
            return self._of_class(metric, self.y == 1, p[:, 0])
        scores = np.array([self._of_class(metric, self.y == k, p[:, k]) for k in range(p.shape[1])])
        of_class = np.bincount(self.y, weights=self.weights, minlength=len(scores))
        share = of_class if metric.average == "weighted" else np.ones(len(scores))
        known = np.isfinite(scores)
        return float(np.average(scores[known], weights=share[known])) if share[known].sum() > 0 else float("nan")

    def _of_class(self, metric: RankMetric, positive: NDArray[np.bool_], p: NDArray[Any]) -> float:
        low, high = p.min(), p.max()
        place = ((p - low) * ((BINS - 1) / max(high - low, 1e-12))).astype(np.intp)
        positives = np.bincount(place, weights=self.weights * positive, minlength=BINS)
        negatives = np.bincount(place, weights=self.weights * ~positive, minlength=BINS)
        return float(metric.of_places(positives.astype(np.float64), negatives.astype(np.float64)))

    def better_pool(self, values: NDArray[Any]) -> Pool:
        """The pool under which the plain mean of the best few scores better."""
        if "regression" in self.metric.tasks and np.issubdtype(self.y.dtype, np.floating):
            return "linear"
        pools: tuple[Pool, ...] = ("linear", "logarithmic")
        scores = [self.sign * self.score(from_scale(to_scale(values, pool).mean(axis=0), pool)) for pool in pools]
        return pools[int(scores[1] > scores[0])]


def _spread(n: int, most: int) -> NDArray[np.intp]:
    """At most so many of n positions, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.intp))
