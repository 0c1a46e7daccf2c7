"""One strategy with one seed, searching in a time of its own.

A virtual study asks its strategy as the engine would, but runs nothing: it says which fold it needs, is told what that
fold gave and took, and moves its clock by those seconds and by the CPU time of its own suggestions. A fold that another
study needed before costs what was measured then. So what a study finds by which second does not depend on who ran
first, on how many cores there were, or on what else they were doing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from luthier.space import Config
from luthier.strategies import Strategy
from luthier.tuning.engine import MAX_DUPLICATES
from luthier.tuning.history import Fold, History, Trial
from luthier.tuning.plan import StudyPlan, seed_of
from luthier.tuning.record import Event
from luthier.tuning.scheduling import N_RIVALS, FoldPolicy, FullCV, failure, next_fold

VirtualEnding = Literal["budget", "trials", "exhausted"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One suggestion, as the record keeps it: what was proposed, and the CPU seconds it took to think of it."""

    suggestion: Mapping[str, Any]
    cpu_s: float


class VirtualStudy:
    """Build it, then answer `wants` with `take` until there is nothing it wants.

    Parameters
    ----------
    plan
        What to do: starts, folds, seed, and the budget in seconds of this study's own clock.
    strategy
        Proposes configurations.
    cpu_clock
        CPU seconds of this process; what suggestions cost is read off it.
    on_ask
        Called with every new suggestion, so that it can be written down.
    policy
        Whether trials go on after each fold.

    Attributes
    ----------
    history
        What the study knows; its `spent_s` are seconds of its own clock.
    clock_s
        Seconds it has spent.
    fits, fit_s
        Folds it has asked for, and the seconds it was charged for them.
    over
        Why it ended; None while it goes on.
    """

    def __init__(
        self,
        plan: StudyPlan,
        strategy: Strategy,
        *,
        cpu_clock: Callable[[], float],
        on_ask: Callable[[Ask], None] = lambda _: None,
        policy: FoldPolicy | None = None,
    ) -> None:
        self.plan = plan
        self.history = History(plan.space, plan.n_folds, greater_is_better=plan.greater_is_better)
        self.clock_s = 0.0
        self.fits = 0
        self.fit_s = 0.0
        self.over: VirtualEnding | None = None
        self._strategy = strategy
        self._cpu_clock = cpu_clock
        self._on_ask = on_ask
        self._policy = policy or FullCV()
        self._remembered: deque[Ask] = deque()

    def remember(self, ask: Ask) -> None:
        """Be told a suggestion of an earlier run, in its order: it is taken up instead of asking again."""
        self._remembered.append(ask)

    @property
    def left_s(self) -> float:
        """Seconds of the budget left on its own clock; infinite without a limit of time or money."""
        limit = self.plan.budget.limit_s
        return math.inf if limit is None else max(limit - self.clock_s, 0.0)

    @property
    def spent_share(self) -> float:
        """Share of the budget spent, in [0, 1], by whichever limit is nearest."""
        budget = self.plan.budget
        shares = [0.0]
        if budget.limit_s is not None:
            shares.append(self.clock_s / budget.limit_s)
        if budget.trials is not None:
            shares.append((self.history.n_evaluated - len(self.history.running)) / budget.trials)
        return min(max(shares), 1.0)

    def wants(self) -> tuple[Config, int] | None:
        """The configuration and the fold it needs next; None when it is over."""
        while self.over is None:
            if (trial := self._trial()) is not None:
                fold = next_fold(trial, self.plan.n_folds, ())
                assert fold is not None
                return trial.config, fold
            self.over = self._propose()
        return None

    def take(self, fold: Fold, whole: float | None) -> None:
        """Be told how the wanted fold ended, in any state that is for good.

        Parameters
        ----------
        fold
            Its state, score and seconds. One that takes longer than what is left ends the study, and counts for
            nothing: at the deadline it would have been stopped.
        whole
            Score of the configuration from the predictions of all its folds; looked at with the last of them.
        """
        trial = self._trial()
        assert trial is not None
        number = next_fold(trial, self.plan.n_folds, ())
        self.fits += 1
        self.fit_s += min(fold.seconds, self.left_s)
        if fold.seconds > self.left_s:
            self.clock_s += self.left_s
            self.over = "budget"
            return
        self.clock_s += fold.seconds
        result = {"state": fold.state, "score": fold.score, "seconds": fold.seconds, "error": fold.error}
        self._say("fold.finished", {"trial": trial.number, "fold": number, "predictions": fold.predictions, **result})
        if reason := failure(trial):
            self._settle(trial, "failed", reason=reason)
        elif len(trial.fold_scores) == self.plan.n_folds:
            state = "failed" if whole is None else "complete"
            self._settle(trial, state, score=whole, reason=None if whole is not None else "it has no score")
        elif trial.number > 0 and (drop := self._policy.drop(trial, self.history.rivals(N_RIVALS))):
            self._settle(trial, "dropped", reason=drop.reason, projected=drop.projected)

    # --- small parts --------------------------------------------------------------------------------------------------

    def _trial(self) -> Trial | None:
        """The trial that is being evaluated: one at a time."""
        return next(iter(self.history.running), None)

    def _propose(self) -> VirtualEnding | None:
        """Add a trial to the history; the reason when there is none to add."""
        budget = self.plan.budget
        if budget.trials is not None and self.history.n_evaluated >= budget.trials:
            return "trials"
        if self.history.consecutive_duplicates() >= MAX_DUPLICATES:
            return "exhausted"
        ask = self._remembered.popleft() if self._remembered else self._ask()
        if ask is None:
            return "exhausted"
        if ask.cpu_s >= self.left_s:
            self.clock_s += self.left_s
            return "budget"
        self.clock_s += ask.cpu_s
        twin = self.history.twin_of(ask.suggestion["config"])
        self._say("trial.proposed", {"trial": len(self.history.trials), **ask.suggestion, "twin": twin})
        return None

    def _ask(self) -> Ask | None:
        plan, number = self.plan, len(self.history.trials)
        start = self._cpu_clock()
        suggestion = plan.opening(number)
        if suggestion is None:
            rng = np.random.default_rng(seed_of(plan.seed, number, "ask"))
            suggestion = self._strategy.ask(plan.space, self.history.observations(), rng)
        if suggestion is None:
            return None
        body = {
            "config": dict(suggestion.config),
            "mode": suggestion.mode,
            "why": suggestion.why,
            "evidence": None if suggestion.evidence is None else suggestion.evidence.to_json(),
        }
        ask = Ask(body, max(self._cpu_clock() - start, 0.0))
        self._on_ask(ask)
        return ask

    def _settle(
        self,
        trial: Trial,
        state: str,
        *,
        score: float | None = None,
        reason: str | None = None,
        projected: tuple[float, float] | None = None,
    ) -> None:
        body = {"trial": trial.number, "state": state, "score": score, "reason": reason}
        self._say("trial.finished", {**body, "projected": projected})

    def _say(self, kind: str, body: Mapping[str, Any]) -> None:
        # This study's record is made of others' (its suggestions, the folds measured for all), so nothing seals it.
        self.history.apply(Event(0, "", kind, {**body, "spent_s": self.clock_s}, "", ""))
