"""What `TuneCV` was built with, checked when it is used: scikit-learn wants constructors that look at nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.utils import check_random_state

from luthier.models.own_point import exact_point
from luthier.space import SearchSpace
from luthier.strategies import get_strategy
from luthier.tuning import Budget, StudyPlan

N_TRIALS = 50
"""Configurations evaluated where nobody said how many, and there is no finite grid to be gone through."""


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """The parameters of a `TuneCV`, under its names."""

    estimator: Any
    space: Any
    budget: Any
    strategy: str
    scoring: Any
    cv: Any
    refit: Any
    n_jobs: int | None
    executor: str
    random_state: Any
    error_score: Any
    return_train_score: bool
    keep_default: bool
    n_replays: int
    fold_limit_s: float | None
    verbose: int

    def __post_init__(self) -> None:
        if not hasattr(self.estimator, "fit") or not hasattr(self.estimator, "get_params"):
            raise TypeError(
                f"estimator should be an estimator implementing 'fit' method, {self.estimator!r} was passed"
            )
        if self.error_score != "raise" and not isinstance(self.error_score, Real):
            raise ValueError(f"error_score must be the string 'raise' or a numeric value, not {self.error_score!r}")
        if not _is_integer(self.n_replays) or self.n_replays < 0:
            raise ValueError(f"n_replays counts draws, so it cannot be {self.n_replays!r}")
        if not (isinstance(self.refit, (bool, np.bool_, str)) or callable(self.refit)):
            raise ValueError(  # noqa: TRY004  (as scikit-learn's InvalidParameterError)
                f"refit must be True, False, the name of a score or a callable, not {self.refit!r}"
            )

    @classmethod
    def of(cls, tuner: Any) -> Self:
        """Read them off.

        Raises
        ------
        ValueError, TypeError
            One of them cannot be.
        """
        return cls(**{part.name: getattr(tuner, part.name) for part in fields(cls)})

    def check_refit(self, names: Sequence[str], *, several: bool) -> None:
        """Check that `refit` says by which of several scores to choose; ValueError when it does not."""
        if several and self.refit is not False and not callable(self.refit) and self.refit not in names:
            raise ValueError(
                "For multi-metric scoring, the parameter refit must be set to a scorer key or a callable to refit an "
                "estimator with the best parameter setting on the whole data and make the best_* attributes available "
                f"for that metric. If this is not needed, refit should be set to False explicitly. {self.refit!r} was "
                f"passed; the scores are {', '.join(names)}."
            )

    def plan(self, space: SearchSpace, n_folds: int) -> StudyPlan:
        """The study: first the estimator as it is, where the space holds it, then whatever the strategy proposes."""
        strategy = get_strategy(self.strategy).name
        budget = self.budget
        if budget is None:
            whole = strategy == "grid" and math.isfinite(space.n_configs)
            budget = Budget(trials=int(space.n_configs) if whole else N_TRIALS)
        default = exact_point(space, self.estimator.get_params(deep=True))
        return StudyPlan(
            question={"estimator": type(self.estimator).__name__},
            space=space,
            starts=() if default is None else (default,),
            strategy=strategy,
            n_folds=n_folds,
            greater_is_better=True,
            budget=Budget.parse(budget),
            seed=self._seed(),
            deterministic=self.random_state is not None,
            fold_limit_s=self.fold_limit_s,
        )

    def _seed(self) -> int:
        if _is_integer(self.random_state):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, (bool, np.bool_))
