"""What a study has learned so far: the present state of its record, kept up event by event."""

from __future__ import annotations

import math
from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev
from typing import Any, Literal, cast

from luthier.space import Config, SearchSpace
from luthier.strategies import Observation
from luthier.strategies.observation import ObservationState
from luthier.tuning.jobs import FoldState
from luthier.tuning.record import Event

TrialState = Literal["running", "complete", "failed", "dropped", "duplicate"]

LOST_TRIES = 2
"""A worker may die for reasons of its own (a kill, a full machine), so a lost fold is run once more; a second loss is a
fact about the configuration."""


@dataclass(slots=True)
class Fold:
    """One fold of one trial, as the record has it."""

    state: FoldState
    score: float | None
    seconds: float
    error: str | None
    losses: int = 0  # times the worker died under it
    predictions: str | None = None  # digest of the fold's predictions
    predict_s: float = 0.0
    scout: bool = False  # fitted under the proposal, before it settled the configuration

    @property
    def settled(self) -> bool:
        """Whether this fold needs no further run."""
        return self.state in ("DONE", "FAILED", "TIMEOUT", "OOM") or (
            self.state == "LOST" and self.losses >= LOST_TRIES
        )


@dataclass(slots=True)
class Trial:
    """One configuration and its folds.

    Attributes
    ----------
    score
        Of all rows pooled, in the metric's sign; None until the trial is complete.
    spent_s
        Clock of the study when the trial was settled.
    twin
        The earlier trial with the same configuration that answers for this one, when `state` is "duplicate".
    evidence
        What the strategy knew of the configuration before it was tried (`Evidence` as JSON), if it said so.
    notes
        What an objective told (`objectives.Told` as JSON): its `config` replaces the one proposed.
    proposal
        The configuration proposed, where another one was evaluated.
    continues
        The earlier, dropped trial of the same configuration whose folds this one took over, if any.
    projected
        Score that a dropped trial would probably have got, and its standard deviation, where the policy said so.
    """

    number: int
    config: Config
    mode: str
    why: str
    state: TrialState = "running"
    folds: dict[int, Fold] = field(default_factory=dict)
    score: float | None = None
    spent_s: float | None = None
    reason: str | None = None
    twin: int | None = None
    evidence: Mapping[str, Any] | None = None
    notes: Mapping[str, Any] | None = None
    proposal: Config | None = None
    continues: int | None = None
    projected: tuple[float, float] | None = None

    @property
    def broke_off(self) -> tuple[TrialState, str] | None:
        """How an objective says that it ended without a value, and why; None when it did not."""
        if self.notes is None:
            return None
        if self.notes["error"] is not None:
            return "failed", self.notes["error"]
        if self.notes["pruned"]:
            # without a finite report it gives no loss, as a failure does
            return ("dropped" if self.fold_scores else "failed"), "pruned"
        return None

    @property
    def fold_scores(self) -> list[float]:
        """Scores of the finished folds, in fold order."""
        return [fold.score for _, fold in sorted(self.folds.items()) if fold.state == "DONE" and fold.score is not None]

    @property
    def seconds(self) -> float:
        """Seconds of work spent on all its folds, however they ended; not on those it took over."""
        return sum(fold.seconds for fold in self.folds.values())

    def seconds_of_done(self) -> list[float]:
        """Seconds of each finished fold that was fitted under the trial's own configuration, if there is any."""
        done = [fold for fold in self.folds.values() if fold.state == "DONE"]
        return [fold.seconds for fold in [f for f in done if not f.scout] or done]


class History:
    """The study as its record tells it. `apply` is the only way in, so memory and record cannot disagree.

    Attributes
    ----------
    trials
        Every configuration proposed, in trial order.
    spent_s
        Seconds of the budget spent, by the newest event that says so.
    ended
        Why the search ended; None while it goes on.
    judged
        The verdict, as JSON values.
    first_model
        Files of the first fold model, by the digests they are kept under: what there is to ship when there is no time
        to fit anything else.
    n_evaluated
        Trials with fits of their own; n_settled counts all whose fate is decided.
    n_fold_fits
        Folds fitted to the end.
    """

    def __init__(self, space: SearchSpace, n_folds: int, *, greater_is_better: bool) -> None:
        self.n_folds = n_folds
        self.greater_is_better = greater_is_better
        self.trials: list[Trial] = []
        self.spent_s = 0.0
        self.ended: str | None = None
        self.judged: Mapping[str, Any] | None = None
        self.first_model: Mapping[str, str] | None = None
        self._space = space
        self._numbers: dict[str, int] = {}
        self._observations: list[Observation] = []
        self._running: dict[int, Trial] = {}
        self._dropped: dict[int, None] = {}
        self._complete: list[int] = []
        self._ranked: list[tuple[float, int]] = []
        self._duplicates: dict[int, list[Trial]] = defaultdict(list)
        self.n_settled = 0
        self.n_evaluated = 0
        self.n_fold_fits = 0

    # --- reading ------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> list[Trial]:
        """Trials with folds still to run, oldest first."""
        return list(self._running.values())

    @property
    def complete(self) -> list[int]:
        """Numbers of the trials all of whose folds are done, in the order they were completed."""
        return list(self._complete)

    @property
    def best(self) -> Trial | None:
        """The complete trial with the best score; the earliest among equals."""
        return self.trials[self._ranked[0][1]] if self._ranked else None

    def rivals(
        self, count: int, before: int | None = None, like: Callable[[Trial], bool] = lambda _: True
    ) -> list[Trial]:
        """The best complete trials, best first, at most `count`: numbered below `before`, and `like` true of them."""
        found: list[Trial] = []
        for _, number in self._ranked:
            if (before is None or number < before) and like(self.trials[number]):
                found.append(self.trials[number])
                if len(found) == count:
                    break
        return found

    def resumable(self, before: int | None = None) -> list[Trial]:
        """Trials dropped for what their folds promised, not continued since; those numbered below `before` only."""
        return [self.trials[n] for n in self._dropped if before is None or n < before]

    @property
    def default(self) -> Trial | None:
        """The default configuration's trial."""
        return self.trials[0] if self.trials else None

    def loss(self, score: float) -> float:
        """A score as a strategy sees it: lower is better."""
        return -score if self.greater_is_better else score

    def twin_of(self, config: Config) -> int | None:
        """The earlier trial that already evaluates this configuration, if any."""
        # the points of a space still to be discovered have no key
        return self._numbers.get(self._space.key(config)) if len(self._space) else None

    def observations(self) -> list[Observation]:
        """Every trial as strategies see it. The list is shared and must not be changed."""
        return self._observations

    def observations_until(self, settled_below: int) -> list[Observation]:
        """Every trial, but with the results of trials numbered `settled_below` and later withheld."""
        shown = self._observations[:settled_below]
        return shown + [self._pending(trial) for trial in self.trials[settled_below:]]

    def settled_up_to(self, number: int) -> bool:
        """Whether every trial numbered at most `number` is settled."""
        return all(trial > number for trial in self._running)

    def consecutive_duplicates(self) -> int:
        """How many of the latest trials, without a break, were duplicates."""
        count = 0
        for trial in reversed(self.trials):
            if trial.state != "duplicate":
                break
            count += 1
        return count

    # --- writing ------------------------------------------------------------------------------------------------------

    def replay(self, events: Iterable[Event]) -> None:
        """Apply a whole record."""
        for event in events:
            self.apply(event)

    def apply(self, event: Event) -> None:
        """Take in one event. Kinds of no concern to the search (releases, promotions) are passed over."""
        body = event.body
        if "spent_s" in body:
            self.spent_s = max(self.spent_s, body["spent_s"])
        match event.kind:
            case "trial.proposed":
                self._propose(body)
            case "fold.finished":
                self._finish_fold(body)
            case "trial.finished":
                self._settle(self.trials[body["trial"]], body["state"], body)
            case "study.resumed":
                self.ended = None
            case "search.ended":
                self.ended = body["reason"]
            case "study.judged":
                self.judged = body

    def _propose(self, body: Mapping[str, Any]) -> None:
        trial = Trial(
            body["trial"],
            body["config"],
            body["mode"],
            body["why"],
            twin=body.get("twin"),
            evidence=body.get("evidence"),
            continues=body.get("continues"),
        )
        self.trials.append(trial)
        self._observations.append(self._pending(trial))
        if trial.continues is not None:
            self._take_over(trial, self.trials[trial.continues])
            return
        if trial.twin is not None:
            self._duplicates[trial.twin].append(trial)
            self._settle(trial, "duplicate", body)
            return
        self._numbers.setdefault(self._space.key(trial.config), trial.number)
        self._running[trial.number] = trial
        self.n_evaluated += 1

    def _take_over(self, trial: Trial, dropped: Trial) -> None:
        """Go on with the folds of a dropped trial. What they cost was counted where they were fitted."""
        trial.folds = {n: replace(fold, seconds=0.0) for n, fold in dropped.folds.items() if fold.state == "DONE"}
        del self._dropped[dropped.number]
        self._numbers[self._space.key(trial.config)] = trial.number
        trial.proposal, trial.config = trial.config, dropped.config
        self._running[trial.number] = trial

    def _finish_fold(self, body: Mapping[str, Any]) -> None:
        trial = self.trials[body["trial"]]
        before = trial.folds.get(body["fold"])
        trial.folds[body["fold"]] = Fold(
            state=cast("FoldState", body["state"]),
            score=body["score"],
            seconds=body["seconds"] + (before.seconds if before else 0.0),
            error=body["error"],
            losses=(before.losses if before else 0) + (body["state"] == "LOST"),
            predictions=body["predictions"],
            predict_s=body.get("predict_s", 0.0),
            scout=body.get("config") is not None,
        )
        if body.get("config") is not None:
            trial.proposal, trial.config = trial.config, body["config"]
        if body.get("notes") is not None:
            trial.proposal, trial.notes = trial.config, body["notes"]
            trial.config = trial.notes["config"]
        self.n_fold_fits += body["state"] == "DONE"
        if body.get("model") is not None and self.first_model is None:
            self.first_model = body["model"]
        self._observations[trial.number] = self._observation(trial)

    def _settle(self, trial: Trial, state: TrialState, body: Mapping[str, Any]) -> None:
        trial.state = state
        trial.spent_s = body["spent_s"]
        trial.reason = body.get("reason")
        if body.get("projected") is not None:
            score, sd = body["projected"]
            trial.projected = (score, sd)
        if trial.twin is not None:
            trial.score = self.trials[trial.twin].score
        else:
            trial.score = body.get("score")
        self._running.pop(trial.number, None)
        self.n_settled += 1
        if state == "dropped" and not trial.folds:
            self.n_evaluated -= 1  # proposed, but never tried
        elif trial.projected is not None:
            self._dropped[trial.number] = None
        self._observations[trial.number] = self._observation(trial)
        for duplicate in self._duplicates.get(trial.number, ()):
            duplicate.score = trial.score
            self._observations[duplicate.number] = self._observation(duplicate)
        if state == "complete":
            self._complete.append(trial.number)
            if trial.score is not None:
                insort(self._ranked, (self.loss(trial.score), trial.number))

    # --- what strategies see ------------------------------------------------------------------------------------------

    def _pending(self, trial: Trial) -> Observation:
        config = trial.config if trial.proposal is None else trial.proposal
        return Observation(trial.number, config, "running", math.nan, math.nan, 0.0, 0, self.n_folds)

    def _observation(self, trial: Trial) -> Observation:
        if trial.twin is not None:
            twin = self._observations[trial.twin]
            return replace(twin, trial=trial.number, cost_s=0.0)
        scores = trial.fold_scores
        loss = math.nan
        if trial.score is not None:
            loss = self.loss(trial.score)
        elif trial.projected is not None:
            loss = self.loss(trial.projected[0])
        elif scores:
            loss = self.loss(fmean(scores))
        sd = stdev(scores) / math.sqrt(len(scores)) if len(scores) > 1 else math.nan
        if trial.projected is not None:
            sd = trial.projected[1]
        state: ObservationState
        if trial.state == "complete" and trial.score is not None:
            state = "complete"
        elif trial.state == "failed":
            state = "failed"
        elif trial.state == "dropped" and not trial.folds:
            state = "skipped"
        else:
            state = "partial" if scores else "running"
        return Observation(trial.number, trial.config, state, loss, sd, trial.seconds, len(scores), self.n_folds)
