"""Did it help to let rare classes count more, or is it enough to move the threshold?

Chances are bent back after every kind of balancing (see `models.balance`), so all configurations can be held against
each other by one score. The best of those that learned from classes as they are is held against the best of the others,
each choice replayed on the same draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from luthier.canonical import finite
from luthier.evaluation.chain import replays_for
from luthier.evaluation.course import LEVEL, Z, as_good, only, spread
from luthier.evaluation.evidence import Evidence, Unanswered
from luthier.evaluation.words import with_interval
from luthier.models.balance import AS_THEY_ARE, BALANCE
from luthier.models.catalogue import split_config
from luthier.scoring import Estimate
from luthier.scoring.replay import replay
from luthier.scoring.spoken import spoken

HARDLY = 0.05
"""Chance that the best of the plain ones is as good, below which it is not enough."""


@dataclass(frozen=True, slots=True)
class Balancing:
    """The best that learned from classes as they are against the best that did not.

    Attributes
    ----------
    metric
        What was measured.
    plain, balanced
        Trials of either kind that were complete and good enough to be kept.
    kind
        How the best of the balanced ones let classes count.
    gain
        Of balancing, honest for both choices; positive is better, for losses too.
    plain_as_good
        Chance that the best without balancing is as good.
    """

    metric: str
    plain: int
    balanced: int
    kind: str
    gain: Estimate
    plain_as_good: float

    @property
    def helps(self) -> bool:
        """Whether balancing is told to be better."""
        return self.gain.low > 0 and self.plain_as_good < HARDLY

    def to_dict(self) -> dict[str, Any]:
        """JSON values; numbers that are not finite are None."""
        return {
            "metric": self.metric,
            "trials": {"plain": self.plain, "balanced": self.balanced},
            "kind": self.kind,
            "gain": self.gain.to_json(),
            "plain_as_good": finite(self.plain_as_good),
            "helps": self.helps,
        }

    @property
    def sentence(self) -> str:
        """Whether it is enough to move the threshold."""
        much = f"{spoken(self.metric)} better by {with_interval(self.gain)}"
        if self.helps:
            return f"letting rare classes count more helped in this search: {much}, against the best that did not"
        return f"letting rare classes count more is not told to help: {much}; to move the threshold is enough"

    def lines(self) -> list[str]:
        """The verdict, and what it rests on."""
        chance = f"the first would do as well with a chance of {self.plain_as_good:.0%}"
        counted = f"{self.plain} trials with classes as they are, {self.balanced} others"
        return [self.sentence, f"{counted}, the best of them by {self.kind!r}; {chance}"]


def balancing(evidence: Evidence) -> Balancing | Unanswered:
    """Hold the configurations that let rare classes count more against those that do not."""
    if evidence.task == "regression":
        return Unanswered("there are no classes")
    if not evidence.balanced:
        return Unanswered(
            "classes counted as they are; `tune --balance` lets the search choose how much rare ones count"
        )
    table, metric = evidence.table, evidence.metric
    kinds = {trial: _kind(evidence.history.trials[trial].config) for trial in table.trials}
    plain = [trial for trial in table.trials if kinds[trial] == AS_THEY_ARE]
    others = [trial for trial in table.trials if kinds[trial] != AS_THEY_ARE]
    if not plain or not others:
        return Unanswered("there was no time for a trial of either kind")
    seed = int(evidence.rng("balance").integers(2**63))
    first, second = (
        replay(only(table, part), metric, n_replays=replays_for(len(table.y)), rng=np.random.default_rng(seed))
        for part in (plain, others)
    )
    if first.winner is None or second.winner is None:
        return Unanswered(f"{metric.name} is undefined on these rows")
    sign = 1.0 if metric.greater_is_better else -1.0
    value, se = sign * (second.estimate.value - first.estimate.value), spread(first, second)
    gain = Estimate(value, value - Z * se, value + Z * se, first.estimate.n, LEVEL, "both choices replayed")
    return Balancing(metric.name, len(plain), len(others), kinds[second.winner], gain, as_good(first, second))


def _kind(config: Any) -> str:
    return str(split_config(config)[1].get(BALANCE, AS_THEY_ARE))
