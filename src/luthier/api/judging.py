"""Read the verdict off a study's out-of-fold table, at the end and, more cheaply, on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.api.problem import Problem
from luthier.data import Dataset
from luthier.data.slices import as_text
from luthier.data.suggest import closest
from luthier.errors import BadColumn
from luthier.evaluation import Blender, Final, Verdict, judge, judge_partial
from luthier.evaluation.chain import replays_for
from luthier.evaluation.cost import (
    BESIDE,
    FEWEST_OWN_REPLAYS,
    FEWEST_REPLAYS,
    Effort,
    blend_s,
    contest_s,
    finish_effort,
    own_call_s,
    replay_s,
)
from luthier.evaluation.judging import judge_with_spare
from luthier.evaluation.simplest import Simplest
from luthier.evaluation.worst_group import FEWEST_ROWS, WorstGroup
from luthier.scoring import AdditiveMetric, Estimate, OutOfFold, RankMetric
from luthier.tuning import History, Progress, StudyLog, Trial, seed_of

SELECT = ("best", "simplest", "worst:COLUMN")
"""Which configuration wins."""
WORST = "worst:"
FIFTHS = 5
"""Groups of a column of numbers with more values than ten."""

MAX_JUDGED = 200
"""Configurations the replay chooses among, best first: those far below the best are never chosen and only cost time."""

REFIT_ROOM = 1.3
"""How much longer than its longest fold, rows allowed for, a fit on all rows may take."""

JUDGING_SHARE = 0.06
"""Share of a budget of time that judging may take; a second is always allowed."""

WATCH_REPLAYS = 100
WATCH_SHARE = 0.02
"""Share of the time that the live honest score may take."""

MOST_PACE = 4.0
"""Beyond this a machine was so busy at the moment of measuring that it says nothing of the next."""

MS_PER_1000 = 40.0
"""Most that the members of a blend may take together to answer 1,000 rows, by what their folds took."""


class Judging:
    """Judges a study within its share of the budget.

    Parameters
    ----------
    problem, log
        The study.
    final
        Whether a blend may be shipped.
    select
        Which configuration wins, of `SELECT`.
    """

    def __init__(self, problem: Problem, log: StudyLog, final: Final = "refit", select: str = "best") -> None:
        self._problem, self._log, self._final, self._select = problem, log, final, select
        self._y = problem.dataset.y[problem.splits.rows]
        self._n_units = len(np.unique(problem.splits.units))
        self._call_s = own_call_s(len(self._y))
        self._groups = {"best": 0, "simplest": 1}.get(select, 0)
        if select.startswith(WORST):
            self._groups = len(np.unique(group_values(problem.dataset, select.removeprefix(WORST))))
        self._pace = 1.0

    def pooled_score(self, trial: int, _fold_scores: Sequence[float]) -> float:
        """Score of a complete trial over all slab rows."""
        (p,) = self._log.read_predictions([trial])
        begun = time.perf_counter()
        score = float(self._problem.metric.score(self._y, p, self._problem.splits.weights))
        self._call_s = max(self._call_s, time.perf_counter() - begun)
        return score

    @property
    def pace(self) -> float:
        """How much slower than the machine of our measurements this one was so far."""
        return self._pace

    def learn_pace(self, spent_s: float, expected_s: float) -> None:
        """Note how long judging took here: a slow or busy machine is one on which everything takes longer."""
        self._pace = min(max(spent_s / expected_s, 1.0), MOST_PACE)

    def seconds(self, n_complete: int) -> float:
        """Seconds that `verdicts` will take, from above."""
        effort = self.effort(n_complete)
        return self._pace * (effort.seconds + self._finish(effort)[1])

    def finish_replays(self, n_complete: int) -> int:
        """How often the choice and the last steps after it are replayed together."""
        return self._finish(self.effort(n_complete))[0]

    def _finish(self, effort: Effort) -> tuple[int, float]:
        metric, rows, outputs = self._problem.metric, len(self._y), self._problem.facts.n_outputs
        if self._problem.facts.task == "regression":
            return 0, 0.0
        choose_one_s = 0.0
        if effort.blend_replays:
            choose_one_s = blend_s(metric, rows=rows, outputs=outputs, configs=effort.configs, replays=1)
        elif self._groups:
            size = {"rows": rows, "outputs": outputs, "groups": self._groups}
            choose_one_s = contest_s(metric, **size, replays=1, call_s=self._call_s)
        return finish_effort(
            self._allowed_s() / 2,
            metric,
            rows=rows,
            outputs=outputs,
            most_replays=replays_for(rows),
            choose_one_s=choose_one_s,
        )

    def _allowed_s(self) -> float:
        limit_s = self._problem.plan.budget.limit_s
        return math.inf if limit_s is None else max(1.0, JUDGING_SHARE * limit_s)

    def effort(self, n_complete: int) -> Effort:
        """How thoroughly so many configurations are judged."""
        return Effort.within(
            self._allowed_s(),
            self._problem.metric,
            rows=len(self._y),
            units=self._n_units,
            outputs=self._problem.facts.n_outputs,
            configs=max(1, min(n_complete, MAX_JUDGED)),
            blend=self._final != "refit",
            call_s=self._call_s,
            groups=self._groups,
        )

    def glance_s(self, n_complete: int) -> float:
        """Seconds that `glance` will take, from above."""
        effort = self.effort(n_complete)
        metric, rows = self._problem.metric, len(self._y)
        if not isinstance(metric, AdditiveMetric | RankMetric):
            return self._call_s * (effort.configs + BESIDE) * FEWEST_OWN_REPLAYS
        outputs, configs = self._problem.facts.n_outputs, effort.configs
        return replay_s(metric, rows=rows, units=self._n_units, outputs=outputs, configs=configs, replays=WATCH_REPLAYS)

    def verdicts(self, history: History, *, left_s: float = math.inf) -> tuple[Verdict, Verdict]:
        """How far to believe the best of a study, and the same if only a single model can be shipped.

        Parameters
        ----------
        history
            The study.
        left_s
            Seconds that the members of a blend may take together to be fitted on all rows.
        """
        problem = self._problem
        if not history.complete:
            done = {trial.number: len(_done(history, trial.number)) for trial in history.trials}
            verdict = self.verdict_on_one(history, max(done, key=lambda number: done[number]))
            return verdict, verdict
        effort = self.effort(len(history.complete))
        table = self._table(history, effort.configs)
        return judge_with_spare(
            table,
            problem.metric,
            default_trial=0,
            rng=self._rng(),
            n_replays=effort.replays,
            blender=blender_for(problem, history, table.trials, left_s) if effort.blend_replays else None,
            final=self._final,
            n_blend_replays=effort.replays if self._groups else effort.blend_replays or FEWEST_REPLAYS,
            chooser=chooser_of(problem, history, table, self._select),
            select=self._select,
        )

    def verdict_on_one(self, history: History, trial: int, *, passed_over: int = 0) -> Verdict:
        """The verdict on a trial by the folds it has finished, because it will be shipped whatever the others did.

        `passed_over`: complete configurations among which no choice could be made, because no time was left to fit one.
        """
        (predictions,) = self._log.read_predictions([trial])
        return judge_partial(
            self._problem.splits,
            self._y,
            predictions,
            _done(history, trial),
            self._problem.metric,
            trial=trial,
            default_trial=0,
            rng=self._rng(),
            n_replays=self.effort(1).replays,
            passed_over=passed_over,
        )

    def glance(self, history: History) -> Estimate:
        """The honest score of the best so far, from few replays."""
        return judge(
            self._table(history, self.effort(len(history.complete)).configs),
            self._problem.metric,
            default_trial=None,
            rng=np.random.default_rng(0),
            n_replays=WATCH_REPLAYS,
        ).score

    def _table(self, history: History, most: int) -> OutOfFold:
        trials = best_trials(history, self._problem.metric.greater_is_better, most)
        return OutOfFold(self._problem.splits, self._y, tuple(trials), self._log.read_predictions(trials))

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(seed_of(self._problem.plan.seed, "replay"))


def blender_for(problem: Problem, history: History, trials: Sequence[int], left_s: float) -> Blender:
    """How a blend of these trials is chosen; `left_s`: seconds its members may take together to be fitted."""
    costs = [[refit_s(problem, history.trials[t]), _ms_per_1000(problem, history.trials[t])] for t in trials]
    kinds = [problem.kind_of(history.trials[t].config) for t in trials]
    anchor = 0 if problem.splits.kind == "forward" and 0 in trials else None
    return Blender(kinds, np.array(costs), np.array([left_s, MS_PER_1000]), anchor=anchor)


def chooser_of(problem: Problem, history: History, table: OutOfFold, select: str) -> Simplest | WorstGroup | None:
    """What chooses a single configuration; None where the best score does."""
    if select == "simplest":
        return simplest_of(problem, history, table)
    if not select.startswith(WORST):
        return None
    default = table.index(0) if 0 in table.trials else None
    values = group_values(problem.dataset, select.removeprefix(WORST))[table.splits.rows]
    rng = np.random.default_rng(seed_of(problem.plan.seed, "worst group"))
    return WorstGroup.among(table, problem.metric, values, default, rng)


def group_values(dataset: Dataset, column: str) -> NDArray[Any]:
    """(n,): the group of every row by a feature: its word, or the fifth its number is in.

    Raises
    ------
    BadColumn
        There is no such feature, or it does not split the rows into groups that are large enough to be judged.
    """
    if column not in dataset.frame:
        meant = closest(column, map(str, dataset.frame.columns))
        raise BadColumn(
            f"there is no feature {column!r} whose groups could be judged",
            fix=f"did you mean {meant!r}?" if meant else "name a column that the model is shown",
        )
    values = dataset.frame[column]
    if values.dtype.kind in "fiu" and values.nunique() > 2 * FIFTHS:
        import pandas as pd

        values = pd.qcut(values, FIFTHS, duplicates="drop").astype(str)
    named = as_text(values).astype(str)
    counts = np.unique(named, return_counts=True)[1]
    large = int((counts >= FEWEST_ROWS).sum())
    if large + (counts[counts < FEWEST_ROWS].sum() >= FEWEST_ROWS) < 2:
        raise BadColumn(
            f"{column!r} has no two groups of at least {FEWEST_ROWS} rows",
            fix="name a column with fewer, larger groups",
        )
    return named


def simplest_of(problem: Problem, history: History, table: OutOfFold) -> Simplest:
    """How the simplest configuration is chosen: by the median seconds of the folds of each."""
    seconds = [float(np.median(history.trials[t].seconds_of_done())) for t in table.trials]
    rng = np.random.default_rng(seed_of(problem.plan.seed, "simplest"))
    return Simplest.among(table, problem.metric, seconds, rng)


def refit_s(problem: Problem, trial: Trial) -> float:
    """Seconds that a fit on all rows will take, from above, by what the trial's folds took."""
    return REFIT_ROOM * max(trial.seconds_of_done(), default=math.inf) / problem.train_share


def _ms_per_1000(problem: Problem, trial: Trial) -> float:
    # A call costs something however few its rows are, so short folds are not scaled up.
    sizes = [max(len(valid), 1000) for _, valid in problem.splits.folds]
    return float(np.median([1e6 * fold.predict_s / sizes[number] for number, fold in trial.folds.items()]))


def best_trials(history: History, greater_is_better: bool, most: int) -> list[int]:
    """The complete trials among which the choice is made, in trial order: the best so many, and the default."""
    sign = -1.0 if greater_is_better else 1.0

    def loss(number: int) -> float:
        score = history.trials[number].score
        assert score is not None
        return sign * score

    ranked = sorted(history.complete, key=loss)[:most]
    if 0 in history.complete and 0 not in ranked:
        ranked[-1] = 0
    return sorted(ranked)


def _done(history: History, trial: int) -> list[int]:
    return sorted(number for number, fold in history.trials[trial].folds.items() if fold.state == "DONE")


class HonestWatch:
    """Adds the honest score of the best so far to what people see, as often as it costs little.

    Parameters
    ----------
    judging
        Works it out.
    on_progress
        Who watches.
    """

    def __init__(self, judging: Judging, on_progress: Callable[[Progress], None]) -> None:
        self._judging = judging
        self._on_progress = on_progress
        self._honest: Estimate | None = None
        self._judged = 0
        self._cost_s = 0.0  # of the last time it was worked out
        self._worked_at_s = 0.0

    def see(self, progress: Progress) -> None:
        """Pass progress on, with the honest score as last worked out."""
        complete = len(progress.history.complete)
        if progress.stage == "search" and complete > self._judged:
            expected_s = self._cost_s or self._judging.glance_s(complete)
            if progress.spent_s - self._worked_at_s >= expected_s / WATCH_SHARE:
                begun = time.monotonic()
                self._honest, self._judged = self._judging.glance(progress.history), complete
                self._cost_s, self._worked_at_s = time.monotonic() - begun, progress.spent_s
                self._judging.learn_pace(self._cost_s, self._judging.glance_s(complete))
        self._on_progress(replace(progress, honest=self._honest))
