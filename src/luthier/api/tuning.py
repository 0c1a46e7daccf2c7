"""`luthier.tune`: a table, a target and a budget in; a tuned model, an honest score and a report out."""

from __future__ import annotations

import os
import time as clocks
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, get_args

from luthier.api.checking import check_codes
from luthier.api.features import views_of
from luthier.api.judging import SELECT, WORST
from luthier.api.problem import Order, Problem
from luthier.api.result import TunedModel
from luthier.api.study import Means, answer
from luthier.api.warming import read_warm, warm_lines
from luthier.checks import Checkup
from luthier.data import Task
from luthier.data.features import FeatureView
from luthier.errors import UnknownChoice, UsageError
from luthier.evaluation import Final
from luthier.scoring.metrics import Costs
from luthier.scoring.spoken import spoken
from luthier.tuning import Progress, StudyLog


def tune(
    data: Any,
    target: str,
    *,
    task: Task | None = None,
    metric: Any = None,
    budget: Any = "5m",
    strategy: str = "auto",
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
    deterministic: bool = False,
    seed: int = 0,
    racing: bool = True,
    final: Final = "auto",
    select: str = "best",
    cost: Costs | str | None = None,
    threshold: str | float | None = None,
    out: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
    resume: bool = True,
    name: str | None = None,
    ignore: Mapping[str, str] | None = None,
    features: Sequence[str | FeatureView] = (),
    at: str | None = None,
    warm: str | Sequence[str] = "auto",
    reweight: str | Sequence[str] = (),
    reweight_by: float = 2.0,
    balance: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> TunedModel:
    """Tune a model on a table within a budget, and say honestly how good it is.

    The library's default configuration is evaluated first. What the strategy then finds is cross-validated on the same
    folds; the winner's score is corrected for having been selected, and the default is shipped when, by the replay, it
    may well be as good.

    Parameters
    ----------
    data
        Path or glob of CSV, TSV, JSONL or Parquet files, or a pandas, polars or Arrow frame.
    target
        Column to predict.
    task
        "binary", "multiclass" or "regression"; found from the target when left out.
    metric
        A metric's name (scikit-learn's names), a callable `f(y, p)` or a `make_scorer` object. Default: ROC AUC, log
        loss or RMSE by task.
    budget
        Seconds as a number, or text such as "30s", "5m", "200 trials", "$2.50" or several separated by commas. Counted
        from the call to the answer, and kept: no fold is started that would probably not be done in time.
    strategy
        How configurations are proposed: "auto", or the name of a strategy: "random", "grid", "sobol", "gp", "tpe",
        "flow2", "evolution", "cmaes" (extra), or any of Optuna's samplers (extra), as "optuna:TPESampler".
        `auto` tries what did best on other tables (`luthier.models.portfolio`) and every family's default, and then
        searches by the Gaussian process.
    models
        Names of model families, separated by commas or as a list; or one scikit-learn estimator or Pipeline, which
        needs a `space`. Default: every family that suits the data.
    space
        What may be tuned of an estimator of your own: our terse form, a scikit-learn dict or list of dicts, or Optuna
        distributions.
    time, group, weight
        Columns that order the rows in time, that keep rows together in one fold, and that weigh the rows. A time column
        is also found unasked, unless time=False; the folds then look forward in time.
    positive
        The positive class of a binary target.
    drop
        Columns to leave out.
    cv
        Number of folds, a scikit-learn splitter, or an iterable of index pairs; chosen from the data when left out.
    price
        Price of an hour of this machine ("0.40/h"); turns time into money.
    fold_limit_s
        Seconds after which one fold is given up.
    n_jobs
        Folds fitted at the same time; None for one per core.
    executor
        "processes" (supervised, limits enforced) or "inline" (everything in the calling process; limits hold between
        folds).
    deterministic
        Make suggestions depend on trial order only: the same trials for any number of workers, and after a resumed run.
        Exact under a budget of trials; a budget of time decides only where the sequence ends.
    seed
        Root of all randomness.
    racing
        Drop a configuration once it would hardly beat the best over all folds, judged by the folds it shares with it;
        with fewer than three folds there is no race. False: every fold of every configuration.
    final
        "blend": ship a weighted blend of a few of the models, each fitted on all rows; "refit": ship one; "auto": a
        blend where it is likelier than not the better, by the replay of both choices.
    select
        "simplest": of the configurations within a standard error of the best, take the one that is fitted in the least
        time (in powers of two), and no blend. What costs more and is ahead by luck alone is then not taken.
        "worst:COLUMN": take the one whose worst group does best, the groups being the words of that feature or fifths
        of its numbers, each of at least 30 rows; the default, where none is ahead of it by more than luck.
    cost
        What decisions between two classes cost in your own money, as "fn=50,fp=2": the model then calls positive what
        is cheaper to call so, by the threshold that costs least on rows it has not seen.
    threshold
        How to choose that threshold otherwise: "f1", "precision>=0.9", "recall>=0.8", or a number.
    out
        Folder for `model/` and `report.html`. Default: the model goes to `runs/<study>/` in the store.
    store
        Where studies are kept. Default: `LUTHIER_STORE`, else `.luthier` in the current folder.
    resume
        Take up an unfinished study that asked the same question, whatever budget it had.
    name
        What to call the data set; its file name by default.
    ignore
        Codes of findings of `luthier.check` to set aside, each with the reason, which is kept in the record.
    features
        Feature views (see `luthier.features`), by their applied names or themselves, joined to every row as of its
        moment. Which of them a model uses is tuned with everything else ("<family>.uses_<view>").
    at
        Column of the rows' moments; the time column when left out.
    warm
        Earlier studies of the store to begin from: their best configurations are tried right after the default.
        "auto": the finished studies of tables most alike, under the strategy `auto`; those of the very same rows are
        left out, since the score could not be corrected for what they chose on them. "off", or studies by id or name.
    reweight
        Slices whose rows count `reweight_by` times in training, as `luthier evaluate` writes them, such as "region =
        north & age < 30". Scores stay those of the table as it is, so they say what that costs elsewhere.
    reweight_by
        Above 0, up to 100.
    balance
        Let the search choose how much rare classes count in training: as they are, by the square root of how rare they
        are, all the same, or all the same by leaving rows of the others out ("<family>.balance"). Chances are bent back
        to what they mean; `luthier.evaluate` says whether it helped, or whether it is enough to move the threshold.
    on_progress
        Called with a `Progress` after every change.

    Returns
    -------
    TunedModel
        The fitted model with its `score`, `trials` and `report`.

    Raises
    ------
    UsageError
        The request cannot be carried out as asked; nothing was written.
    NoModel
        Every fit failed.

    Notes
    -----
    With one worker the same seed gives the same result under a budget of trials, with the same earlier studies to begin
    from. With several, folds finish in an order that the machine decides; random, grid and Sobol search do not mind,
    other strategies need `deterministic=True`.

    Examples
    --------
    >>> run = luthier.tune(frame, "churn", budget="5m")  # doctest: +SKIP
    >>> run.predict_proba(new_rows)  # doctest: +SKIP
    """
    started = clocks.monotonic()
    check_codes(ignore or {})
    order = Order(
        target,
        task,
        metric,
        budget,
        strategy,
        models,
        space,
        time,
        group,
        weight,
        positive,
        tuple(drop),
        cv,
        price,
        fold_limit_s,
        deterministic,
        seed,
        name,
        racing,
        None if cost is None else str(cost),
        None if threshold is None else str(threshold),
        tuple((ignore or {}).items()),
        tuple(views_of(features, store=store)),
        at,
        read_warm(warm),
        (reweight,) if isinstance(reweight, str) else tuple(reweight),
        reweight_by,
        balance,
    )
    means = Means(
        n_jobs,
        executor,
        None if out is None else Path(out),
        store,
        report=out is not None,
        **_final(final, select),
    )
    return answer(data, order, means, started=started, resume=resume, on_progress=on_progress or (lambda _: None))


def tune_and_report(
    data: Any,
    target: str,
    *,
    out: str | os.PathLike[str] | None = None,
    on_start: Callable[[list[str]], None] = lambda _: None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    n_jobs: int | None = None,
    executor: str = "processes",
    resume: bool = True,
    final: Final = "auto",
    select: str = "best",
    features: Sequence[str | FeatureView | Mapping[str, Any]] = (),
    warm: str | Sequence[str] = "auto",
    **order: Any,
) -> TunedModel:
    """Tune as `tune` does, with the report written within the budget: the verb of the command line.

    Parameters
    ----------
    on_start
        Called with lines for people: what was found in the data and how the study will go, then what checks warn of.
    """
    started = clocks.monotonic()
    means = Means(n_jobs, executor, None if out is None else Path(out), report=True, **_final(final, select))

    def announce(problem: Problem, log: StudyLog) -> None:
        schema, splits = problem.dataset.schema, problem.splits
        n_features = sum(column.role == "feature" for column in schema.columns)
        again = " (continued)" if log.events() else ""
        on_start(
            [
                f"study {log.study}{again}",
                f"{problem.dataset.n_rows} rows, {n_features} feature columns",
                f"{schema.task} of {schema.target}, by {spoken(problem.metric.name)}",
                splits.reason,
                f"models: {', '.join(problem.families)}",
                *warm_lines(problem),
            ]
        )

    def warn(checked: Checkup) -> None:
        on_start([f"{finding.severity}: {finding.title}" for finding in checked.findings if finding.severity != "info"])

    asked = Order(target, **order, features=tuple(views_of(features)), warm=read_warm(warm))
    check_codes(dict(asked.ignore))
    return answer(
        data,
        asked,
        means,
        started=started,
        resume=resume,
        on_progress=on_progress,
        on_start=announce,
        on_checked=warn,
    )


class _Wish(TypedDict):
    final: Final
    select: str


def _final(final: Final, select: str) -> _Wish:
    if final not in (known := get_args(Final)):
        raise UnknownChoice(f"there is no final model {final!r}", fix=f"choose from: {', '.join(known)}")
    if select not in SELECT[:2] and not select.startswith(WORST):
        raise UnknownChoice(f"there is no way to select {select!r}", fix=f"choose from: {', '.join(SELECT)}")
    if select != "best" and final == "blend":
        raise UsageError("a blend is made of the best", fix="leave out the blend, or select the best")
    return {"final": final if select == "best" else "refit", "select": select}
