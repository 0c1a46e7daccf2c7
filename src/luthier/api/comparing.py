"""`luthier.compare`: strategies weighed against each other on the user's own problem, each with the same budget."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import platform
import time as clocks
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from luthier.api.compared import ComparedStrategies
from luthier.api.facts import data_facts, library_versions
from luthier.api.judging import MAX_JUDGED, Judging
from luthier.api.problem import Order, Problem, plan_for, pose, searching
from luthier.api.study import Means, check_writable, memory_mb, now_utc, open_study
from luthier.data import Task
from luthier.errors import BudgetTooSmall, NoModel, UnknownChoice, UsageError
from luthier.evaluation import Comparison, compared, judge, trace_of
from luthier.executors import make_executor
from luthier.report import ComparisonFacts, MetricFacts, render_comparison
from luthier.scoring import Estimate, OutOfFold
from luthier.scoring.spoken import spoken
from luthier.store import Store, StoredStudyLog, predictions_digest, write_text_atomic
from luthier.tuning import SideBySide, StudyPlan, Surroundings, VirtualStudy, say_seconds, seed_of

USUAL = ("grid", "random", "gp", "tpe", "auto")
"""What is compared unless told otherwise."""

N_REPLAYS = 300
HONEST_SHARE = 0.1
"""Share of the time spent so far that working out honest scores may take; a few seconds are always granted."""


@dataclass(frozen=True, slots=True)
class ArmProgress:
    """Where one strategy's repeat stands: share of its budget spent, trials done, best score so far."""

    strategy: str
    repeat: int
    spent_share: float
    trials: int
    best: float | None


@dataclass(frozen=True, slots=True)
class ComparisonProgress:
    """Where a comparison stands; `saved_fits` needed no fitting, because another strategy had asked before."""

    arms: tuple[ArmProgress, ...]
    fits: int
    saved_fits: int
    elapsed_s: float


def compare(
    data: Any,
    target: str,
    *,
    strategies: Sequence[str] | str | None = None,
    budget: Any = "2m",
    repeats: int = 3,
    task: Task | None = None,
    metric: Any = None,
    models: Any = None,
    space: Any = None,
    time: str | Literal[False] | None = None,
    group: str | None = None,
    weight: str | None = None,
    positive: Any = None,
    drop: tuple[str, ...] | list[str] = (),
    cv: Any = None,
    price: Any = None,
    fold_limit_s: float | None = None,
    n_jobs: int | None = None,
    executor: str = "processes",
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
    resume: bool = True,
    name: str | None = None,
    on_progress: Callable[[ComparisonProgress], None] | None = None,
) -> ComparedStrategies:
    """Let strategies search the same problem with the same budget, and say which to take.

    Every strategy starts with the default configuration, works on the same folds, and is repeated under several seeds.
    A fold that any of them had fitted before is not fitted again: whoever asks later is charged the seconds that were
    measured then. Each repeat has a clock of its own, which advances by the seconds of its folds and by the CPU time of
    its suggestions; what it finds by when does not depend on the other strategies or on the number of workers.

    Parameters
    ----------
    data, target, task, metric, models, space, time, group, weight, positive, drop, cv, price, fold_limit_s
        As for `luthier.tune`.
    strategies
        Names, as a list or separated by commas. Default: grid, random, gp, tpe and auto.
    budget
        For each repeat of each strategy, on its own clock, which counts as one worker would: seconds, or text such as
        "2m", "60 trials" or "$0.50".
    repeats
        How often each strategy is run, each time under another seed. One repeat cannot tell skill from luck.
    n_jobs
        Folds fitted at the same time; None for one per core. It changes how long you wait, not the budgets.
    executor
        "processes" or "inline".
    seed
        Root of all randomness; repeat r searches with seed + r.
    out
        Folder for `comparison.html`.
    store
        Where the record is kept. Default: `LUTHIER_STORE`, else `.luthier` in the current folder.
    resume
        Take up an unfinished comparison of the same strategies on the same question.
    name
        What to call the data set.
    on_progress
        Called with a `ComparisonProgress` after every change.

    Returns
    -------
    ComparedStrategies
        Ranks, curves, costs and the advice.

    Raises
    ------
    UsageError
        The request cannot be carried out as asked; nothing was written.
    NoModel
        Every fit failed.

    Notes
    -----
    All repeats share the folds, so they tell how much luck the search needs; how much luck the rows bring is read off
    the folds. Both enter the interval that decides whether a difference is worth a choice.

    Examples
    --------
    >>> found = luthier.compare(frame, "churn", strategies=["random", "auto"], budget="1m")  # doctest: +SKIP
    >>> print(found.advice)  # doctest: +SKIP
    for 1m on these data: auto; random is 0.004 worse and costs the same
    """
    order = Order(
        target,
        task=task,
        metric=metric,
        budget=budget,
        strategy="random",
        models=models,
        space=space,
        time=time,
        group=group,
        weight=weight,
        positive=positive,
        drop=tuple(drop),
        cv=cv,
        price=price,
        fold_limit_s=fold_limit_s,
        seed=seed,
        name=name,
        racing=False,  # what strategies are weighed by is the whole score of everything they try
    )
    means = Means(n_jobs, executor, None if out is None else Path(out), store, report=out is not None)
    return carry_out(
        data, order, means, strategies, repeats, resume=resume, on_progress=on_progress or (lambda _: None)
    )


def compare_and_report(
    data: Any,
    target: str,
    *,
    strategies: str | None,
    repeats: int,
    out: Path | None = None,
    n_jobs: int | None = None,
    executor: str = "processes",
    resume: bool = True,
    on_start: Callable[[list[str]], None] = lambda _: None,
    on_progress: Callable[[ComparisonProgress], None] = lambda _: None,
    **order: Any,
) -> ComparedStrategies:
    """Compare as `compare` does, with the page written: the verb of the command line.

    Parameters
    ----------
    on_start
        Called once with what was found in the data and how long it may take, as lines for people.
    """
    asked = Order(target, strategy="random", racing=False, **order)
    means = Means(n_jobs, executor, out, report=True)
    return carry_out(data, asked, means, strategies, repeats, resume=resume, on_progress=on_progress, on_start=on_start)


def carry_out(
    data: Any,
    order: Order,
    means: Means,
    strategies: Sequence[str] | str | None,
    repeats: int,
    *,
    resume: bool,
    on_progress: Callable[[ComparisonProgress], None],
    on_start: Callable[[list[str]], None] = lambda _: None,
) -> ComparedStrategies:
    """From a question to a result: check it, open or take up its record, let everybody search, weigh, write."""
    names = _names(strategies)
    if repeats < 1:
        raise UsageError(f"a strategy is run at least once, not {repeats} times", fix="leave out --repeats, or say 3")
    problem = pose(data, order)
    arms = [(name, repeat) for name in names for repeat in range(repeats)]
    plans = [plan_for(problem, name, order.seed + repeat) for name, repeat in arms]
    problem = replace(problem, plan=_plan(problem, names, repeats))
    if means.out is not None:
        check_writable(means.out)
    with Store.open(means.store) as store:
        log, lock = open_study(store, problem, resume=resume)
        try:
            with lock:
                log.check_predictions(log.events(), problem.slab_starts)
                runner = make_executor(means.executor, problem.work, n_jobs=means.n_jobs, memory_mb=memory_mb(means))
                with contextlib.closing(runner):
                    on_start(_announced(problem, log, names, repeats, runner.slots))
                    table = _table(problem, log, runner, plans)
                    table.on_progress = lambda state: on_progress(_progress(state, arms))
                    table.open(problem.slab_starts, {"slots": runner.slots, "executor": means.executor})
                    table.run()
                return _weighed(problem, store, log, table, arms, means, runner.slots)
        except BudgetTooSmall:
            store.remove(log.study)
            raise


def _names(strategies: Sequence[str] | str | None) -> list[str]:
    if strategies is None:
        return list(USUAL)
    parts = strategies.split(",") if isinstance(strategies, str) else list(strategies)
    names = [part.strip() for part in parts if part.strip()]
    if not names:
        raise UnknownChoice("there are no strategies to compare", fix="name some, as in --strategies random,auto")
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise UnknownChoice(
            f"{twice[0]!r} is named {names.count(twice[0])} times",
            fix="name each strategy once; --repeats says how often each is run",
        )
    if len(names) == 1:
        raise UnknownChoice(
            f"there is nothing to compare {names[0]!r} with",
            fix=f"name another one too, as in --strategies {names[0]},{'sobol' if names[0] == 'random' else 'random'}",
        )
    return names


def _plan(problem: Problem, names: Sequence[str], repeats: int) -> StudyPlan:
    """The comparison as a study of its own: whoever asks for the same may continue it."""
    plan = problem.plan
    # A strategy may plan for a number of trials, so another number is another comparison; more time is the same one.
    question = {**plan.question, "compared": list(names), "repeats": repeats, "trials": plan.budget.trials}
    return replace(plan, question=question, strategy=", ".join(names))


def _table(problem: Problem, log: StoredStudyLog, runner: Any, plans: Sequence[StudyPlan]) -> SideBySide:
    y_slab = problem.dataset.y[problem.splits.rows]

    def pooled_score(trial: int, _fold_scores: list[float]) -> float:
        (p,) = log.read_predictions([trial])
        return float(problem.metric.score(y_slab, p, problem.splits.weights))

    around = Surroundings(
        clock=clocks.monotonic, now_utc=now_utc, predictions_digest=predictions_digest, pooled_score=pooled_score
    )
    table = SideBySide(problem.plan, log, runner, around, cpu_clock=clocks.process_time)
    for plan in plans:
        table.add(plan, searching(plan, problem))
    return table


def _announced(problem: Problem, log: StoredStudyLog, names: Sequence[str], repeats: int, slots: int) -> list[str]:
    schema, splits, budget = problem.dataset.schema, problem.splits, problem.plan.budget
    n_features = sum(column.role == "feature" for column in schema.columns)
    n_arms = len(names) * repeats
    limit = budget.limit_s
    times = "once" if repeats == 1 else f"{repeats} times"
    if limit is None:
        fits = n_arms * (budget.trials or 0) * problem.plan.n_folds
        wait = f"at most {fits} fits, {slots} at a time; what several strategies ask for is fitted once"
    else:
        workers = "one worker" if slots == 1 else f"{slots} workers"
        whole = say_seconds(n_arms * limit / min(slots, n_arms))
        wait = f"at most about {whole} of your time with {workers}; what several strategies ask for is fitted once"
    again = " (continued)" if log.events() else ""
    return [
        f"study {log.study}{again}",
        f"{problem.dataset.n_rows} rows, {n_features} feature columns",
        f"{schema.task} of {schema.target}, by {spoken(problem.metric.name)}",
        splits.reason,
        f"models: {', '.join(problem.families)}",
        f"each of {', '.join(names)} gets {budget}, {times}",
        wait,
    ]


def _progress(table: SideBySide, arms: Sequence[tuple[str, int]]) -> ComparisonProgress:
    def of(study: VirtualStudy, name: str, repeat: int) -> ArmProgress:
        best = study.history.best
        share = 1.0 if study.over is not None else study.spent_share
        return ArmProgress(name, repeat, share, study.history.n_evaluated, None if best is None else best.score)

    told = tuple(of(study, *arm) for study, arm in zip(table.arms, arms, strict=True))
    fits = sum(len(trial.folds) for trial in table.shared.trials)
    return ComparisonProgress(told, fits, table.saved[0], table.elapsed_s)


# --- weighing ---------------------------------------------------------------------------------------------------------


def _weighed(
    problem: Problem,
    store: Store,
    log: StoredStudyLog,
    table: SideBySide,
    arms: Sequence[tuple[str, int]],
    means: Means,
    slots: int,
) -> ComparedStrategies:
    budget, metric = problem.plan.budget, problem.metric
    for study in table.arms:
        if study.history.best is None:
            raise _no_score(study, table)
    rows = [(len(valid), len(train)) for train, valid in problem.splits.folds]
    comparison = compared(
        [trace_of(study, *arm) for study, arm in zip(table.arms, arms, strict=True)],
        greater_is_better=metric.greater_is_better,
        test_to_train=float(np.mean([n_valid / n_train for n_valid, n_train in rows])),
        budget=str(budget),
        end_s=budget.limit_s,
        rng=np.random.default_rng(seed_of(problem.plan.seed, "ranks")),
    )
    comparison = _with_honest(problem, log, table, arms, comparison)
    folder = means.out or store.folder / "runs" / log.study
    report_path = folder / "comparison.html" if means.report else None
    saved_fits, saved_s = table.saved
    data = data_facts(problem)
    facts = ComparisonFacts(
        data=data,
        metric=MetricFacts(metric.name, metric.greater_is_better),
        comparison=comparison,
        budget=str(budget),
        budget_s=budget.limit_s,
        fits=sum(len(trial.folds) for trial in table.shared.trials),
        saved_fits=saved_fits,
        saved_s=saved_s,
        elapsed_s=table.elapsed_s,
        price_per_hour=None if budget.price is None else budget.price.per_hour,
        currency="" if budget.price is None else budget.price.currency,
        n_folds=len(problem.splits.folds),
        splits=problem.splits.reason,
        n_jobs=slots,
        seed=problem.plan.seed,
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        versions=library_versions(),
        study=log.study,
        finished_at_utc=now_utc(),
        report_path=None if report_path is None else str(report_path),
    )
    ended: dict[str, Any] = {"reason": "budget", "comparison": facts.to_json()}
    if report_path is not None:
        check_writable(folder)
        page = render_comparison(facts)
        write_text_atomic(report_path, page)
        ended["report"] = hashlib.sha256(page.encode()).hexdigest()
    table.note("study.ended", ended)
    return ComparedStrategies(facts)


def _no_score(study: VirtualStudy, table: SideBySide) -> Exception:
    folds = [fold for trial in table.shared.trials for fold in trial.folds.values()]
    errors = [fold.error for fold in folds if fold.error]
    if errors and all(trial.state == "failed" for trial in study.history.trials):
        return NoModel(
            f"every configuration failed; the first error was: {errors[0]}",
            fix="look at the data or the search space the error points to, or choose other families with --models",
        )
    done = [fold.seconds for fold in folds if fold.state == "DONE"]
    limit = study.plan.budget.limit_s or 0.0
    whole = study.plan.n_folds * (max(done) if done else 2 * limit)
    return BudgetTooSmall(
        f"not one configuration was cross-validated within {study.plan.budget} ({study.plan.n_folds} folds)",
        fix=f"allow about {math.ceil(10 * whole)}s for each strategy, or choose a faster family with --models linear",
    )


def _with_honest(
    problem: Problem, log: StoredStudyLog, table: SideBySide, arms: Sequence[tuple[str, int]], comparison: Comparison
) -> Comparison:
    """Each strategy's honest score, replayed from its own table, where that takes little time."""
    middle = {c.name: _middle([s for s, arm in zip(table.arms, arms, strict=True) if arm[0] == c.name])
              for c in comparison.contenders}  # fmt: skip
    judging = Judging(problem, log)
    needed = sum(judging.seconds(len(study.history.complete)) for study in middle.values())
    if needed * N_REPLAYS / 1000 > max(5.0, HONEST_SHARE * table.elapsed_s):
        return comparison
    return replace(
        comparison,
        contenders=tuple(
            replace(c, honest=_honest(problem, log, table, middle[c.name])) for c in comparison.contenders
        ),
    )


def _middle(studies: Sequence[VirtualStudy]) -> VirtualStudy:
    """The repeat whose final score is the median one."""

    def loss(study: VirtualStudy) -> float:
        best = study.history.best
        assert best is not None
        assert best.score is not None
        return study.history.loss(best.score)

    return sorted(studies, key=loss)[(len(studies) - 1) // 2]


def _honest(problem: Problem, log: StoredStudyLog, table: SideBySide, study: VirtualStudy) -> Estimate:
    def loss(number: int) -> float:
        score = study.history.trials[number].score
        assert score is not None
        return study.history.loss(score)

    best = sorted(study.history.complete, key=loss)[:MAX_JUDGED]
    entries = [table.shared_trial(study.history.trials[number].config) for number in best]
    numbers = sorted(entry.number for entry in entries if entry is not None)
    splits = problem.splits
    predictions = OutOfFold(splits, problem.dataset.y[splits.rows], tuple(numbers), log.read_predictions(numbers))
    rng = np.random.default_rng(seed_of(problem.plan.seed, "replay"))
    return judge(predictions, problem.metric, default_trial=None, rng=rng, n_replays=N_REPLAYS).score
