"""Read the verdict off a study's out-of-fold table, at the end and, more cheaply, on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from luthier.api.problem import Problem
from luthier.evaluation import Blender, Final, Verdict, judge, judge_partial
from luthier.evaluation.judge import blend_replays
from luthier.scoring import AdditiveMetric, Estimate, OutOfFold
from luthier.tuning import History, Progress, StudyLog, Trial, seed_of

MAX_JUDGED = 200
"""Configurations the replay chooses among, best first: those far below the best are never chosen and only cost time."""

REFIT_ROOM = 1.3
"""How much longer than its longest fold, rows allowed for, a fit on all rows may take."""

N_REPLAYS = 1000
WATCH_REPLAYS = 100
WATCH_SHARE = 0.02
"""Share of the time that the live honest score may take."""


MS_PER_1000 = 40.0
"""Most that the members of a blend may take together to answer 1,000 rows, by what their folds took."""


def judged(
    problem: Problem,
    log: StudyLog,
    history: History,
    *,
    only: int | None = None,
    final: Final = "refit",
    left_s: float = math.inf,
) -> Verdict:
    """How far to believe the best of a study.

    Parameters
    ----------
    problem, log, history
        The study.
    only
        Judge this trial alone, by the folds it has finished, because it will be shipped whatever the others did.
    final
        Whether a blend may be shipped.
    left_s
        Seconds that the members of a blend may take together to be fitted on all rows.
    """
    rng = np.random.default_rng(seed_of(problem.plan.seed, "replay"))
    if only is None and history.complete:
        table = _table(problem, log, history)
        return judge(
            table,
            problem.metric,
            default_trial=0,
            rng=rng,
            n_replays=N_REPLAYS,
            blender=_blender(problem, history, table.trials, left_s),
            final=final,
        )
    done = {trial.number: _done(history, trial.number) for trial in history.trials}
    trial = only if only is not None else max(done, key=lambda number: len(done[number]))
    (predictions,) = log.read_predictions([trial])
    y = problem.dataset.y[problem.splits.rows]
    return judge_partial(
        problem.splits,
        y,
        predictions,
        done[trial],
        problem.metric,
        trial=trial,
        default_trial=0,
        rng=rng,
        n_replays=N_REPLAYS,
    )


def _blender(problem: Problem, history: History, trials: Sequence[int], left_s: float) -> Blender:
    costs = [[refit_s(problem, history.trials[t]), _ms_per_1000(problem, history.trials[t])] for t in trials]
    kinds = [problem.kind_of(history.trials[t].config) for t in trials]
    return Blender(kinds, np.array(costs), np.array([left_s, MS_PER_1000]))


def refit_s(problem: Problem, trial: Trial) -> float:
    """Seconds that a fit on all rows will take, from above, by what the trial's folds took."""
    return REFIT_ROOM * max(trial.seconds_of_done(), default=math.inf) / problem.train_share


def _ms_per_1000(problem: Problem, trial: Trial) -> float:
    # A call costs something however few its rows are, so short folds are not scaled up.
    sizes = [max(len(valid), 1000) for _, valid in problem.splits.folds]
    return float(np.median([1e6 * fold.predict_s / sizes[number] for number, fold in trial.folds.items()]))


def judge_s(problem: Problem, n_complete: int, *, final: Final = "refit") -> float:
    """Seconds that `judged` will take, from above: measured on one core, with room for a busy machine."""
    blend_s = 0.0
    if final != "refit" and n_complete > 1:
        rows, replays = len(problem.splits.rows), blend_replays(len(problem.splits.rows))
        blend_s = replays * (0.01 + 1.5e-6 * min(rows, 6000) + 1.2e-6 * rows) * problem.facts.n_outputs**0.5
    return blend_s + _single_s(problem, n_complete)


def _single_s(problem: Problem, n_complete: int) -> float:
    configurations = max(1, min(n_complete, MAX_JUDGED))
    cells = configurations * len(problem.splits.rows) * problem.facts.n_outputs
    if isinstance(problem.metric, AdditiveMetric):
        return 0.3 + 6e-7 * cells
    return 0.6 + 1.5e-6 * cells


def _table(problem: Problem, log: StudyLog, history: History) -> OutOfFold:
    splits = problem.splits
    trials = _best(history, problem.metric.greater_is_better)
    return OutOfFold(splits, problem.dataset.y[splits.rows], tuple(trials), log.read_predictions(trials))


def _best(history: History, greater_is_better: bool) -> list[int]:
    sign = -1.0 if greater_is_better else 1.0

    def loss(number: int) -> float:
        score = history.trials[number].score
        assert score is not None
        return sign * score

    ranked = sorted(history.complete, key=loss)[:MAX_JUDGED]
    if 0 in history.complete and 0 not in ranked:
        ranked[-1] = 0
    return sorted(ranked)


def _done(history: History, trial: int) -> list[int]:
    return sorted(number for number, fold in history.trials[trial].folds.items() if fold.state == "DONE")


class HonestWatch:
    """Adds the honest score of the best so far to what people see, as often as it costs little.

    Parameters
    ----------
    problem, log
        The study.
    on_progress
        Who watches.
    """

    def __init__(self, problem: Problem, log: StudyLog, on_progress: Callable[[Progress], None]) -> None:
        self._problem = problem
        self._log = log
        self._on_progress = on_progress
        self._honest: Estimate | None = None
        self._judged = 0
        self._next_at = 0.0

    def see(self, progress: Progress) -> None:
        """Pass progress on, with the honest score as last worked out."""
        complete = len(progress.history.complete)
        if progress.stage == "search" and complete > self._judged and progress.spent_s >= self._next_at:
            start = time.monotonic()
            verdict = judge(
                _table(self._problem, self._log, progress.history),
                self._problem.metric,
                default_trial=None,
                rng=np.random.default_rng(0),
                n_replays=WATCH_REPLAYS,
            )
            self._honest, self._judged = verdict.score, complete
            self._next_at = progress.spent_s + (time.monotonic() - start) / WATCH_SHARE
        self._on_progress(replace(progress, honest=self._honest))
