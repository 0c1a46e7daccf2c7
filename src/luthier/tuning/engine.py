"""Spend the budget: ask the strategy, run folds, write down what happened, stop in time.

The engine is the only writer of the record, and it acts on nothing that is not in the record: every result is applied
to the `History` as the event that was written. A study killed at any instant is therefore continued by replaying its
record.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from luthier.errors import BudgetTooSmall, NoModel
from luthier.scoring import Estimate
from luthier.space import Config
from luthier.strategies import Strategy, Suggestion
from luthier.tuning.budget import say_seconds
from luthier.tuning.history import LOST_TRIES, History, Trial
from luthier.tuning.jobs import Executor, Job, Outcome
from luthier.tuning.plan import LAG, StudyPlan, seed_of
from luthier.tuning.record import Event, StudyLog, chained
from luthier.tuning.scheduling import N_RIVALS, FoldPolicy, FullCV, failure, next_fold, trial_seconds
from luthier.tuning.timing import Duration, FoldTimes

MAX_DUPLICATES = 200
"""So many duplicate suggestions in a row mean the space is exhausted for this strategy."""

MAX_TOO_LONG = 20
"""So many suggestions in a row that would not be done in time end the search."""

DEAR = 0.15
"""A trial whose other folds would take more of the time left than this goes on only while it is ahead."""

ALL_ROWS = -1
"""The fold number of the final fit, which trains on every row."""

Stage = Literal["checks", "search", "judging", "final fit"]
Ending = Literal["budget", "trials", "exhausted", "no time for another trial"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a study stands, for people who watch it."""

    study: str
    stage: Stage
    plan: StudyPlan
    history: History
    running: tuple[tuple[int, int, float], ...]  # (trial, fold, seconds so far)
    spent_s: float
    honest: Estimate | None = None  # of the best so far, corrected for having been selected, where it was worked out


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the engine needs of the world, so that it owns none of it.

    Attributes
    ----------
    clock
        Seconds on a clock that only goes forward.
    now_utc
        The time of day for the record, ISO 8601 with a trailing Z.
    predictions_digest
        Digest of a fold's predictions, as the store will verify it.
    pooled_score
        Score of a complete trial from all its predictions, given its number and its fold scores.
    work_hint
        Rough seconds of one fold of a configuration, before anything is measured.
    kind_of
        Which kind of model a configuration is: kinds learn their speed apart.
    has_path
        Whether one fit of a configuration can be scored at other values of one of its parameters.
    raced_among
        Which trials race against each other: those for whose configurations it says the same.
    reserve_s
        Seconds to keep for the honest finish and the final fit, given the history and the predicted duration of a fold
        of the trial that leads.
    on_progress
        Called after every change with the state of the study.
    """

    clock: Callable[[], float]
    now_utc: Callable[[], str]
    predictions_digest: Callable[[np.ndarray[Any, np.dtype[np.float32]]], str]
    pooled_score: Callable[[int, list[float]], float]
    work_hint: Callable[[Config], float] = lambda _: 1.0
    kind_of: Callable[[Config], str] = lambda _: ""
    has_path: Callable[[Config], bool] = lambda _: False
    raced_among: Callable[[Config], str] = lambda _: ""
    reserve_s: Callable[[History, float], float] = lambda _, refit_s: refit_s
    on_progress: Callable[[Progress], None] = lambda _: None


@dataclass(slots=True)
class Engine:
    """Runs one study to the end of its budget. Build it, `open` it, `search`, then `fit_all`.

    Parameters
    ----------
    plan
        What to do.
    strategy
        Proposes configurations.
    log
        The study's record, empty or from an earlier run that was cut short.
    executor
        Runs the folds.
    around
        Clock, hints and callbacks.
    policy
        Whether trials go on after each fold.
    started
        Reading of the clock at which this run began to spend the budget.
    """

    plan: StudyPlan
    strategy: Strategy
    log: StudyLog
    executor: Executor
    around: Surroundings
    policy: FoldPolicy = field(default_factory=FullCV)
    started: float | None = None
    history: History = field(init=False)
    _times: FoldTimes = field(init=False, default_factory=FoldTimes)
    _last: Event | None = field(init=False, default=None)
    _unwritten: list[Event] = field(init=False, default_factory=list)
    _busy: dict[tuple[int, int], tuple[Job, float]] = field(init=False, default_factory=dict)
    _spent_before: float = field(init=False, default=0.0)
    _n_jobs: int = field(init=False, default=0)
    _slab: list[int] = field(init=False, default_factory=list)
    _over: Ending | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.history = History(self.plan.space, self.plan.n_folds, greater_is_better=self.plan.greater_is_better)
        if self.started is None:
            self.started = self.around.clock()

    # --- the verbs ----------------------------------------------------------------------------------------------------

    def open(self, slab: list[int], how: Mapping[str, Any]) -> None:
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
        self.history.replay(events)
        self._last = events[-1] if events else None
        self._spent_before = self.history.spent_s
        if events:
            for trial in self.history.trials:
                for fold in trial.folds.values():
                    if fold.state == "DONE":
                        self._learn(trial.config, fold.seconds)
            self._say("study.resumed", {**how, "spent_s": self.spent_s})
            for trial in self.history.running:
                if trial.folds:
                    self._consider(trial)
        else:
            self._say("study.opened", {"plan": self.plan.to_json(), **how, "spent_s": 0.0})
        self._write()

    def search(self) -> Ending:
        """Evaluate configurations until the budget, less what the finish needs, is spent.

        Raises
        ------
        BudgetTooSmall
            When the time was up before a single fold had finished.
        NoModel
            When every configuration failed.
        KeyboardInterrupt
            When the user stopped it: all finished folds are kept, and the record says it was paused.
        """
        try:
            ending = self._search()
        except KeyboardInterrupt:
            self._halt()
            self._say("study.paused", {"reason": "interrupted", "spent_s": self.spent_s})
            self._write()
            raise
        self._say("search.ended", {"reason": ending, "spent_s": self.spent_s})
        self._write()
        if not any(fold.state == "DONE" for trial in self.history.trials for fold in trial.folds.values()):
            self._explain_nothing(ending)
        return ending

    def fit_all(self, trial: Trial, limit_s: float | None) -> Outcome:
        """Fit a trial's configuration on every row, within `limit_s` seconds.

        A worker that is lost on the way (killed, crashed) says little about the configuration, so, as for a fold,
        another one tries again with what is left of the time.
        """
        # The search has ended, so nothing else is running.
        begun = self.around.clock()
        for attempt in range(1, LOST_TRIES + 1):
            start = self.around.clock()
            left = None if limit_s is None else limit_s - (start - begun)
            job = self._job(trial, ALL_ROWS, keep_model=True, limit_s=left)
            self._busy[trial.number, ALL_ROWS] = (job, start)
            self.executor.submit(job)
            while not (arrived := self.executor.wait(0.2)):
                self.show("final fit")
            del self._busy[trial.number, ALL_ROWS]
            (outcome,) = arrived
            in_time = limit_s is None or self.around.clock() - begun < limit_s
            if outcome.state != "LOST" or attempt == LOST_TRIES or not in_time:
                break
        return outcome

    def note(self, kind: str, body: Mapping[str, Any]) -> None:
        """Add an event of the finish (judged, fitted, ended) to the record, at once."""
        self._say(kind, {**body, "spent_s": self.spent_s})
        self._write()

    def refit_s(self, trial: Trial, train_share: float) -> float:
        """Predicted seconds of fitting a trial's configuration on all rows: as likely too many as too few.

        Parameters
        ----------
        trial
            The trial; its own folds are the best evidence.
        train_share
            Share of all rows that a fold trains on.
        """
        return self._predict(trial.config, trial).median_s / max(train_share, 1e-3)

    @property
    def spent_s(self) -> float:
        """Seconds of the budget spent so far, those of earlier runs of the same study included."""
        assert self.started is not None
        return self._spent_before + self.around.clock() - self.started

    @property
    def left_s(self) -> float:
        """Seconds until the answer is due; infinite without a limit of time or money."""
        limit = self.plan.budget.limit_s
        return math.inf if limit is None else limit - self.spent_s

    # --- the loop -----------------------------------------------------------------------------------------------------

    def _search(self) -> Ending:
        while True:
            ending = self._fill()
            if not self._busy:
                return ending or "no time for another trial"
            left = self._search_left_s()
            arrived = self.executor.wait(min(max(left, 0.0), 0.25))
            for outcome in arrived:
                self._take(outcome)
            if self._search_left_s() <= 0:
                self._halt()
                return "budget"
            self.show("search")

    def _fill(self) -> Ending | None:
        """Give every free slot a fold; the reason when there is nothing more to start."""
        while len(self._busy) < self.executor.slots:
            job = self._next_of_running()
            if job is not None:
                self._busy[job.trial, job.fold] = (job, self.around.clock())
                self.executor.submit(job)
                continue
            # Time only shrinks and a strategy that has nothing left stays so: once over, always over.
            if self._over is None:
                proposed = self._propose()
                if proposed is None:
                    return None  # deterministic mode waits for earlier trials
                if isinstance(proposed, Trial):
                    continue
                self._over = proposed
                continue
            return self._over
        return None

    def _next_of_running(self) -> Job | None:
        # At the end a free slot has nothing better to do than a fold that its trial may not need.
        ahead = self._over is not None and not self.plan.deterministic
        for trial in self.history.running:
            n_folds = self.plan.n_folds
            if self._scouts(trial):
                n_folds = 1  # what the others are to fit is not settled yet
            elif not ahead:
                n_folds = self.policy.horizon(trial, self._rivals(trial), n_folds)
            fold = next_fold(trial, n_folds, self._busy)
            if fold is None:
                continue
            if self._is_first_fold():
                return self._job(trial, fold, keep_model=True, limit_s=self.plan.fold_limit_s)
            if self._predict(trial.config, trial).p90_s > self._search_left_s():
                continue
            return self._job(trial, fold, keep_model=False, limit_s=self.plan.fold_limit_s)
        return None

    def _propose(self) -> Trial | Ending | None:
        """Add a trial to the history. None: not yet; a word: never again."""
        plan, number = self.plan, len(self.history.trials)
        if plan.budget.trials is not None and self.history.n_evaluated >= plan.budget.trials:
            return "trials"
        if self._search_left_s() <= 0 and number > 0:
            return "budget"
        if self.history.consecutive_duplicates() >= MAX_DUPLICATES:
            return "exhausted"
        too_long = 0
        while too_long < MAX_TOO_LONG:
            opening = plan.opening(number)
            if opening is not None:
                suggestion = opening
            else:
                visible = self._visible(number)
                if visible is not None and not self.history.settled_up_to(visible - 1):
                    return None
                known = self.history.observations() if visible is None else self.history.observations_until(visible)
                rng = np.random.default_rng(seed_of(plan.seed, number, "ask"))
                asked = self.strategy.ask(plan.space, known, rng) or self._second_thought(number)
                if asked is None:
                    return "exhausted"
                suggestion = asked
            twin = self.history.twin_of(suggestion.config)
            continues = None if twin is None else self._continued(twin, number)
            if continues is not None:
                self._copy_folds(self.history.trials[continues], number)
                twin = None
            body: dict[str, Any] = {
                "trial": number,
                "config": dict(suggestion.config),
                "mode": suggestion.mode,
                "why": suggestion.why,
                "evidence": None if suggestion.evidence is None else suggestion.evidence.to_json(),
                "twin": twin,
                "continues": continues,
                "spent_s": self.spent_s,
            }
            self._say("trial.proposed", body)
            trial = self.history.trials[-1]
            if number == 0 or twin is not None or self._fits_in_time(trial):
                return trial
            self._settle(trial, "dropped", reason="it would not have been done in time")
            too_long, number = too_long + 1, number + 1
        return "no time for another trial"

    def _scouts(self, trial: Trial) -> bool:
        """Whether the trial's next fold is to settle its configuration. Defaults are taken at their word."""
        if not self.plan.scouting or trial.mode == "default" or trial.continues is not None:
            return False
        return self.around.has_path(trial.config) and not trial.fold_scores

    def _visible(self, number: int) -> int | None:
        """In deterministic mode a trial's fate hangs on trials below this number only, and on itself."""
        return max(number - LAG + 1, 0) if self.plan.deterministic else None

    def _rivals(self, trial: Trial) -> list[Trial]:
        return self._rivals_before(trial, self._visible(trial.number))

    def _rivals_before(self, trial: Trial, visible: int | None) -> list[Trial]:
        among = self.around.raced_among
        return self.history.rivals(N_RIVALS, visible, lambda other: among(other.config) == among(trial.config))

    def _second_thought(self, number: int) -> Suggestion | None:
        """When nothing new is proposed: the likeliest of the dropped trials that the present incumbent would spare."""
        visible = self._visible(number)
        spared = [
            trial
            for trial in self.history.resumable(visible)
            if self.policy.drop(trial, self._rivals_before(trial, visible)) is None
        ]
        if not spared:
            return None
        likeliest = min(spared, key=lambda trial: (self.history.observations()[trial.number].loss, trial.number))
        why = f"trial {likeliest.number} was dropped, but is not clearly behind the present best"
        return Suggestion(likeliest.config, "exploit", why)

    def _continued(self, twin: int, number: int) -> int | None:
        """The dropped trial that a new one of the same configuration should continue, if it was dropped wrongly."""
        visible = self._visible(number)
        for trial in self.history.resumable(visible):
            if trial.number == twin and self.policy.drop(trial, self._rivals_before(trial, visible)) is None:
                return twin
        return None

    def _copy_folds(self, trial: Trial, number: int) -> None:
        """Let a new trial begin with the predictions of the one that it continues."""
        kept = {fold: done for fold, done in trial.folds.items() if done.state == "DONE" and done.predictions}
        if kept:
            (slab,) = self.log.read_predictions([trial.number])
            ends = [*self._slab[1:], len(slab)]
            for fold in kept:
                self.log.write_fold(number, self._slab[fold], slab[self._slab[fold] : ends[fold]])

    def _fits_in_time(self, trial: Trial) -> bool:
        left = self._search_left_s()
        if math.isinf(left):
            return True
        fold = self._predict(trial.config, trial)
        return trial_seconds(fold, self.plan.n_folds, self.executor.slots) <= left and fold.p90_s <= left

    def _take(self, outcome: Outcome) -> None:
        """Write down how a fold ended and draw the consequences for its trial."""
        job, result = outcome.job, outcome.result
        self._busy.pop((job.trial, job.fold), None)
        trial = self.history.trials[job.trial]
        sealed = model = None
        if result is not None and result.predictions is not None:
            self.log.write_fold(job.trial, self._slab[job.fold], result.predictions)
            sealed = self.around.predictions_digest(result.predictions)
        if result is not None and result.model is not None:
            model = {name: self.log.keep(data) for name, data in result.model.items()}
        self._say(
            "fold.finished",
            {
                "trial": job.trial,
                "fold": job.fold,
                "state": outcome.state,
                "score": None if result is None or not math.isfinite(result.score) else result.score,
                "seconds": outcome.seconds,
                "predict_s": 0.0 if result is None else result.predict_s,
                "error": outcome.error,
                "predictions": sealed,
                "model": model,
                **({} if result is None or result.notes is None else {"notes": dict(result.notes)}),
                **({} if result is None or result.config is None else {"config": dict(result.config)}),
                "spent_s": self.spent_s,
            },
        )
        if outcome.state in ("DONE", "TIMEOUT"):
            self._learn(job.config, outcome.seconds)
        if trial.state == "running" and outcome.state != "STOPPED":
            self._consider(trial)
        self._write()

    def _consider(self, trial: Trial) -> None:
        """Settle a trial whose fate is decided."""
        if reason := failure(trial):
            self._stop_folds_of(trial)
            self._settle(trial, "failed", reason=reason)
        elif trial.broke_off is not None:
            state, reason = trial.broke_off
            self._settle(trial, state, reason=reason)
        elif sum(fold.state == "DONE" for fold in trial.folds.values()) == self.plan.n_folds:
            score = self.around.pooled_score(trial.number, trial.fold_scores)
            if math.isfinite(score):
                self._settle(trial, "complete", score=score)
            else:
                self._settle(trial, "failed", reason="its score is not a finite number")
        elif trial.number > 0 and (drop := self.policy.drop(trial, self._rivals(trial))):
            self._stop_folds_of(trial)
            self._settle(trial, "dropped", reason=drop.reason, projected=drop.projected)
        elif trial.number > 0 and not self.plan.deterministic and (reason := self._too_dear(trial)):
            self._stop_folds_of(trial)
            self._settle(trial, "dropped", reason=reason)

    def _too_dear(self, trial: Trial) -> str | None:
        """Why the rest of a trial is not worth its time: it would take a large part of it, and is not ahead."""
        left, leader = self._search_left_s(), self.history.best
        done = {fold: seen.score for fold, seen in trial.folds.items() if seen.state == "DONE"}
        if math.isinf(left) or leader is None or not done:
            return None
        rest_s = trial_seconds(self._predict(trial.config, trial), self.plan.n_folds - len(done), self.executor.slots)
        if rest_s <= DEAR * left:
            return None
        pairs = [(score, leader.folds[fold].score) for fold, score in done.items() if fold in leader.folds]
        gains = [
            self.history.loss(theirs) - self.history.loss(own)
            for own, theirs in pairs
            if own is not None and theirs is not None
        ]
        if gains and sum(gains) > 0:
            return None
        return (
            f"its other folds would take {say_seconds(rest_s)} of the {say_seconds(max(left, 0.0))} that are left, "
            f"and on those done it is not ahead of trial {leader.number}"
        )

    def _settle(
        self,
        trial: Trial,
        state: str,
        *,
        score: float | None = None,
        reason: str | None = None,
        projected: tuple[float, float] | None = None,
    ) -> None:
        body = {"trial": trial.number, "state": state, "score": score, "reason": reason, "spent_s": self.spent_s}
        self._say("trial.finished", body if projected is None else {**body, "projected": list(projected)})

    # --- stopping -----------------------------------------------------------------------------------------------------

    def _stop_folds_of(self, trial: Trial) -> None:
        self.executor.stop([job.id for job, _ in self._busy.values() if job.trial == trial.number])

    def _halt(self) -> None:
        """End all that runs; what finished meanwhile still counts."""
        self.executor.stop([job.id for job, _ in self._busy.values()])
        while self._busy:
            for outcome in self.executor.wait(None):
                self._take(outcome)

    def _search_left_s(self) -> float:
        """Seconds left for the search, after what the finish will need."""
        left = self.left_s
        if math.isinf(left) or self._is_first_fold():
            return left
        leader = self.history.best or self.history.default
        assert leader is not None
        return left - self.around.reserve_s(self.history, self._predict(leader.config, leader).p90_s)

    def _is_first_fold(self) -> bool:
        return self.history.n_fold_fits == 0

    def _explain_nothing(self, ending: str) -> None:
        errors = [fold.error for trial in self.history.trials for fold in trial.folds.values() if fold.error]
        if ending == "budget" or not errors:
            first = self.history.trials[0].config
            enough = 1.5 * self._predict(first, None).p90_s + 2 * (self.plan.budget.limit_s or 0.0)
            raise BudgetTooSmall(
                f"not one fit was done within the budget of {self.plan.budget}",
                fix=f"allow about {math.ceil(enough)}s, or choose a faster family with --models linear",
            )
        raise NoModel(
            f"every configuration failed; the first error was: {errors[0]}",
            fix="look at the errors with `luthier runs show`, and at the data or the search space they point to",
        )

    # --- small parts --------------------------------------------------------------------------------------------------

    def _job(self, trial: Trial, fold: int, *, keep_model: bool, limit_s: float | None) -> Job:
        self._n_jobs += 1
        seed = seed_of(self.plan.seed, trial.number, fold)
        scout = fold != ALL_ROWS and self._scouts(trial)
        return Job(self._n_jobs, trial.number, fold, trial.config, seed, limit_s, keep_model, scout=scout)

    def _predict(self, config: Config, trial: Trial | None) -> Duration:
        own = trial.seconds_of_done() if trial else []
        return self._times.predict(self.around.kind_of(config), self.around.work_hint(config), own)

    def _learn(self, config: Config, seconds: float) -> None:
        self._times.learn(self.around.kind_of(config), self.around.work_hint(config), seconds)

    def _say(self, kind: str, body: Mapping[str, Any]) -> None:
        """Add an event to the record's next transaction and act on it: nobody else reads meanwhile."""
        event = chained(self._last, kind, body, self.around.now_utc())
        self._last = event
        self._unwritten.append(event)
        self.history.apply(event)

    def _write(self) -> None:
        if self._unwritten:
            self.log.append(self._unwritten)
            self._unwritten = []

    def show(self, stage: Stage) -> None:
        """Tell those who watch where the study stands."""
        now = self.around.clock()
        running = tuple((trial, fold, now - since) for (trial, fold), (_, since) in self._busy.items())
        self.around.on_progress(Progress(self.log.study, stage, self.plan, self.history, running, self.spent_s))
