"""What a study sets out to do, written down before it starts: the first event of its record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from luthier.canonical import digest
from luthier.space import Config, SearchSpace
from luthier.strategies import Suggestion
from luthier.tuning.budget import Budget

PLAN_VERSION = 1
DEFAULT = "a library's default configuration"
"""Why a default is tried."""
LAG = 4
"""In deterministic mode suggestion k sees the results of trials 0..k-LAG only, however many workers there are."""


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """The question, and the means allowed for answering it.

    Attributes
    ----------
    question
        Facts that identify the problem: data fingerprint, target, task, metric, splits, models, ... Two runs with equal
        questions, spaces, strategies and seeds are the same study.
    space
        What may be tuned.
    starts
        Configurations evaluated unasked, before anything else; the first is the default the winner has to beat.
    queue
        What is tried next, before the strategy is asked: what did well on other tables, or in earlier studies. No part
        of the identity: a study that is taken up again keeps the queue it was begun with.
    strategy
        Name of the strategy.
    n_folds
        Folds of one trial.
    greater_is_better
        Direction of the scores.
    budget
        What may be spent.
    seed
        Root of all randomness.
    deterministic
        Whether suggestions depend on trial order only, and not on which fold happened to finish first.
    fold_limit_s
        Seconds after which a fold is given up as TIMEOUT; None for no limit but the budget.
    scouting
        Whether a trial's first fold settles the parameter whose values one fit can all be scored at.
    policy
        Name of the fold policy: "full", or "racing", which drops trials that would hardly win.
    facts
        Whatever else the record should say of the run (versions, notes); no part of the identity.
    """

    question: Mapping[str, Any]
    space: SearchSpace
    starts: tuple[Config, ...]
    strategy: str
    n_folds: int
    greater_is_better: bool
    budget: Budget
    seed: int = 0
    deterministic: bool = False
    fold_limit_s: float | None = None
    policy: str = "full"
    scouting: bool = False
    queue: tuple[Suggestion, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Digest that two runs share exactly when one may continue the other, under whatever budget it then has."""
        body = self.to_json()
        del body["facts"], body["budget"], body["queue"]
        return digest(body)

    def opening(self, number: int) -> Suggestion | None:
        """What trial `number` is to be before the strategy is asked; None when it is the strategy's turn."""
        if number < len(self.starts):
            return Suggestion(self.starts[number], "default", DEFAULT)
        queued = number - len(self.starts)
        return self.queue[queued] if queued < len(self.queue) else None

    def with_budget(self, budget: Budget) -> StudyPlan:
        """The same study allowed another amount."""
        return replace(self, budget=budget)

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values."""
        return {
            "version": PLAN_VERSION,
            "question": dict(self.question),
            "space": self.space.to_json(),
            "starts": [dict(start) for start in self.starts],
            "strategy": self.strategy,
            "n_folds": self.n_folds,
            "greater_is_better": self.greater_is_better,
            "budget": self.budget.to_json(),
            "seed": self.seed,
            "deterministic": self.deterministic,
            "fold_limit_s": self.fold_limit_s,
            "policy": self.policy,
            "scouting": self.scouting,
            "queue": [{"config": dict(one.config), "mode": one.mode, "why": one.why} for one in self.queue],
            "facts": dict(self.facts),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> StudyPlan:
        """Inverse of `to_json`."""
        return cls(
            question=body["question"],
            space=SearchSpace.from_json(body["space"]),
            starts=tuple(body["starts"]),
            strategy=body["strategy"],
            n_folds=body["n_folds"],
            greater_is_better=body["greater_is_better"],
            budget=Budget.from_json(body["budget"]),
            seed=body["seed"],
            deterministic=body["deterministic"],
            fold_limit_s=body["fold_limit_s"],
            policy=body.get("policy", "full"),  # records from before there was a choice
            scouting=body.get("scouting", False),
            queue=tuple(Suggestion(one["config"], one["mode"], one["why"]) for one in body.get("queue", ())),
            facts=body["facts"],
        )


def seed_of(study_seed: int, *path: int | str) -> int:
    """A seed in [0, 2**31) for one place of a study: the same whichever worker gets there, and whenever.

    >>> seed_of(0, 3, 1) == seed_of(0, 3, 1) != seed_of(0, 1, 3)
    True
    """
    sealed = hashlib.sha256("/".join(map(str, (study_seed, *path))).encode()).digest()
    return int.from_bytes(sealed[:4], "big") >> 1
