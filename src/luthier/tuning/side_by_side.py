"""Several virtual studies of one problem side by side, every fold measured once for all of them.

The record is that of a study whose trials are the distinct configurations any of them asked for, so its out-of-fold
table holds each configuration once. Beside it stand the suggestions (`arm.asked`): with both, every virtual study can
be lived again from its first second, which is how an interrupted comparison goes on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from luthier.space import Config
from luthier.strategies import Strategy
from luthier.tuning.engine import Surroundings
from luthier.tuning.history import Fold, History, Trial
from luthier.tuning.jobs import Executor, Job, Outcome
from luthier.tuning.plan import StudyPlan, seed_of
from luthier.tuning.record import Event, StudyLog, chained
from luthier.tuning.scheduling import FoldPolicy, failure
from luthier.tuning.virtual import Ask, VirtualStudy


@dataclass(slots=True)
class SideBySide:
    """Runs a comparison to its end. Build it, `add` the studies, `open` it, `run` it.

    Parameters
    ----------
    plan
        Of the comparison: its question, space, folds and seed. Budget and starts are each study's own.
    log
        The comparison's record, empty or from an earlier run that was cut short.
    executor
        Runs the folds.
    around
        Clocks and what the store needs; of its callbacks only `pooled_score` and `predictions_digest` are used.
    cpu_clock
        CPU seconds of this process.
    on_progress
        Called after every change.

    Attributes
    ----------
    shared
        Every configuration any study asked for, with the folds that were measured.
    arms
        The studies, in the order they were added.
    cut_short_s
        Seconds that went into fits which were ended at the deadline of the study that wanted them.
    """

    plan: StudyPlan
    log: StudyLog
    executor: Executor
    around: Surroundings
    cpu_clock: Callable[[], float]
    on_progress: Callable[[SideBySide], None] = lambda _: None
    shared: History = field(init=False)
    arms: list[VirtualStudy] = field(init=False, default_factory=list)
    cut_short_s: float = field(init=False, default=0.0)
    _n_cut: int = field(init=False, default=0)
    _started: float = field(init=False, default=0.0)
    _spent_before: float = field(init=False, default=0.0)
    _last: Event | None = field(init=False, default=None)
    _unwritten: list[Event] = field(init=False, default_factory=list)
    _busy: dict[tuple[int, int], Job] = field(init=False, default_factory=dict)
    _at_least: dict[tuple[int, int], float] = field(init=False, default_factory=dict)
    _slab: Sequence[int] = field(init=False, default=())
    _n_jobs: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.shared = History(self.plan.space, self.plan.n_folds, greater_is_better=self.plan.greater_is_better)
        self._started = self.around.clock()

    # --- the verbs ----------------------------------------------------------------------------------------------------

    def add(self, plan: StudyPlan, strategy: Strategy, policy: FoldPolicy | None = None) -> VirtualStudy:
        """Let one more strategy take part, under its own plan: the same problem, another seed, strategy and starts."""
        arm = len(self.arms)

        def write_down(ask: Ask) -> None:
            self._say("arm.asked", {"arm": arm, "suggestion": ask.suggestion, "cpu_s": ask.cpu_s})

        study = VirtualStudy(plan, strategy, cpu_clock=self.cpu_clock, on_ask=write_down, policy=policy)
        self.arms.append(study)
        return study

    def open(self, slab: Sequence[int], how: Mapping[str, Any]) -> None:
        """Begin, or take up what an earlier run left.

        Parameters
        ----------
        slab
            First slab row of every fold in the out-of-fold table.
        how
            Facts of this run for the record: workers, executor.
        """
        self._slab = slab
        events = self.log.events()
        self.shared.replay(events)
        for event in events:
            if event.kind == "arm.asked":
                self.arms[event.body["arm"]].remember(Ask(event.body["suggestion"], event.body["cpu_s"]))
            elif event.kind == "fold.cut_short":
                self._cut((event.body["trial"], event.body["fold"]), event.body["seconds"])
        self._last = events[-1] if events else None
        self._spent_before = self.shared.spent_s
        if events:
            self._say("study.resumed", how)
        else:
            self._say("study.opened", {"plan": self.plan.to_json(), **how})
        self._write()

    def run(self) -> None:
        """Let every study spend its budget.

        Raises
        ------
        KeyboardInterrupt
            When the user stopped it: everything measured is kept, and the record says it was paused.
        """
        try:
            while self._go_on():
                for outcome in self.executor.wait(0.25):
                    self._take(outcome)
                self.on_progress(self)
        except KeyboardInterrupt:
            self._halt()
            self.note("study.paused", {"reason": "interrupted"})
            raise
        self.note("search.ended", {"reason": "budget"})

    def note(self, kind: str, body: Mapping[str, Any]) -> None:
        """Add an event to the record, at once."""
        self._say(kind, body)
        self._write()

    @property
    def elapsed_s(self) -> float:
        """Real seconds spent so far, those of earlier runs included."""
        return self._spent_before + self.around.clock() - self._started

    @property
    def saved(self) -> tuple[int, float]:
        """Fits and seconds that were not spent because another study had measured the same fold before."""
        folds = [fold for trial in self.shared.trials for fold in trial.folds.values()]
        fits = sum(arm.fits for arm in self.arms) - len(folds) - self._n_cut
        seconds = sum(arm.fit_s for arm in self.arms) - sum(fold.seconds for fold in folds)
        return max(fits, 0), max(seconds - self.cut_short_s, 0.0)

    def shared_trial(self, config: Config) -> Trial | None:
        """The configuration's one entry in the out-of-fold table; None when nobody has asked for it."""
        number = self.shared.twin_of(config)
        return None if number is None else self.shared.trials[number]

    # --- the loop -----------------------------------------------------------------------------------------------------

    def _go_on(self) -> bool:
        """Let every study go as far as what was measured allows; whether any fold is running."""
        # The poorest in time goes first, so that a comparison that is stopped has weighed all for about as long.
        for arm in sorted(self.arms, key=lambda arm: arm.spent_share):
            self._advance(arm)
        self._write()
        return bool(self._busy)

    def _advance(self, arm: VirtualStudy) -> None:
        while (wanted := arm.wants()) is not None:
            config, fold = wanted
            trial = self.shared_trial(config) or self._enter(config)
            measured = self._measured(trial, fold, arm.left_s)
            if measured is None:
                self._measure(trial, fold, arm.left_s)
                return
            arm.take(measured, trial.score)

    def _measured(self, trial: Trial, fold: int, left_s: float) -> Fold | None:
        """How a fold ended, if that is known; what takes longer than `left_s` need not be known any better."""
        known = trial.folds.get(fold)
        if known is not None and known.settled:
            return known
        if self._at_least.get((trial.number, fold), 0.0) >= left_s:
            return Fold("STOPPED", None, math.inf, None)
        return None

    def _measure(self, trial: Trial, fold: int, left_s: float) -> None:
        """Run a fold, no longer than the study that needs it has left; nothing when it runs or no slot is free."""
        place = (trial.number, fold)
        if place in self._busy or len(self._busy) >= self.executor.slots:
            return
        self._n_jobs += 1
        # By the configuration, not by the trial's number: whoever asks first, the fit is the same.
        seed = seed_of(self.plan.seed, self.plan.space.key(trial.config), fold)
        limit = min(left_s, self.plan.fold_limit_s or math.inf)
        job = Job(self._n_jobs, *place, trial.config, seed, None if math.isinf(limit) else max(limit, 0.01))
        self._busy[place] = job
        self.executor.submit(job)

    def _take(self, outcome: Outcome) -> None:
        """Write down how a fold ended and draw the consequences for its configuration."""
        job, result = outcome.job, outcome.result
        place = (job.trial, job.fold)
        self._busy.pop(place, None)
        if outcome.state == "STOPPED":
            return
        if (
            outcome.state == "TIMEOUT"
            and job.limit_s is not None
            and job.limit_s < (self.plan.fold_limit_s or math.inf)
        ):
            self._cut(place, job.limit_s)
            self.note("fold.cut_short", {"trial": job.trial, "fold": job.fold, "seconds": job.limit_s})
            return
        trial = self.shared.trials[job.trial]
        sealed = None
        if result is not None and result.predictions is not None:
            self.log.write_fold(job.trial, self._slab[job.fold], result.predictions)
            sealed = self.around.predictions_digest(result.predictions)
        self._say(
            "fold.finished",
            {
                "trial": job.trial,
                "fold": job.fold,
                "state": outcome.state,
                "score": None if result is None or not math.isfinite(result.score) else result.score,
                "seconds": outcome.seconds,
                "error": outcome.error,
                "predictions": sealed,
            },
        )
        if reason := failure(trial):
            self._settle(trial, "failed", reason=reason)
        elif sum(fold.state == "DONE" for fold in trial.folds.values()) == self.plan.n_folds:
            score = self.around.pooled_score(trial.number, trial.fold_scores)
            if math.isfinite(score):
                self._settle(trial, "complete", score=score)
            else:
                self._settle(trial, "failed", reason="its score is not a finite number")
        self._write()

    # --- small parts --------------------------------------------------------------------------------------------------

    def _cut(self, place: tuple[int, int], seconds: float) -> None:
        """Know that a fold takes longer than this, and that so much was spent to learn it."""
        self._at_least[place] = max(seconds, self._at_least.get(place, 0.0))
        self.cut_short_s += seconds
        self._n_cut += 1

    def _enter(self, config: Config) -> Trial:
        """Give a configuration its entry in the out-of-fold table."""
        number = len(self.shared.trials)
        body = {"trial": number, "config": dict(config), "mode": "explore", "why": "a strategy asked for it"}
        self._say("trial.proposed", {**body, "evidence": None, "twin": None})
        return self.shared.trials[number]

    def _settle(self, trial: Trial, state: str, *, score: float | None = None, reason: str | None = None) -> None:
        self._say("trial.finished", {"trial": trial.number, "state": state, "score": score, "reason": reason})

    def _halt(self) -> None:
        """End all that runs; what finished meanwhile still counts."""
        self.executor.stop([job.id for job in self._busy.values()])
        while self._busy:
            for outcome in self.executor.wait(None):
                self._take(outcome)

    def _say(self, kind: str, body: Mapping[str, Any]) -> None:
        event = chained(self._last, kind, {**body, "spent_s": self.elapsed_s}, self.around.now_utc())
        self._last = event
        self._unwritten.append(event)
        self.shared.apply(event)

    def _write(self) -> None:
        if self._unwritten:
            self.log.append(self._unwritten)
            self._unwritten = []
