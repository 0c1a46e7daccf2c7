"""`luthier tune`: a table, a target and a budget in; a tuned model, an honest score and a report out."""

from __future__ import annotations

import signal
import types
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from luthier.cli.check import with_reasons
from luthier.cli.features import names_in
from luthier.cli.say import answer, errors, want_json
from luthier.cli.watch import watching
from luthier.errors import MissingExtra, TrackerFailed

if TYPE_CHECKING:
    from luthier.api import TunedModel


def tune(
    file: Annotated[str, typer.Argument(help="Path or glob of CSV, TSV, JSONL or Parquet files.", metavar="FILE")],
    target: Annotated[str, typer.Option("--target", "-t", help="Column to predict.")],
    task: Annotated[str | None, typer.Option(help="binary, multiclass or regression; found when left out.")] = None,
    metric: Annotated[str | None, typer.Option(help="Metric to optimise, by scikit-learn's name.")] = None,
    budget: Annotated[
        str, typer.Option("--budget", "-b", help='Time, trials or money: "5m", "200 trials", "$2.50".')
    ] = "5m",
    strategy: Annotated[
        str,
        typer.Option(
            help="auto, random, grid, sobol, gp, tpe, flow2, evolution, cmaes, or one of Optuna's: optuna:TPESampler."
        ),
    ] = "auto",
    models: Annotated[str | None, typer.Option(help="Model families, separated by commas.")] = None,
    time: Annotated[str | None, typer.Option(help="Column that orders the rows in time; none for no order.")] = None,
    group: Annotated[str | None, typer.Option(help="Column whose rows must stay together in a fold.")] = None,
    weight: Annotated[str | None, typer.Option(help="Column of row weights.")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Column to leave out; may be given several times.")] = None,
    positive: Annotated[str | None, typer.Option(help="Positive class of a binary target.")] = None,
    folds: Annotated[
        int | None, typer.Option(min=2, help="Number of folds; chosen from the data when left out.")
    ] = None,
    price: Annotated[str | None, typer.Option(help='Price of an hour of this machine, such as "0.40/h".')] = None,
    fold_limit: Annotated[float | None, typer.Option(help="Seconds after which one fold is given up.")] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Folds at the same time.")] = None,
    executor: Annotated[str, typer.Option(help="processes or inline.")] = "processes",
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same trials for any number of workers.")
    ] = False,
    racing: Annotated[
        bool, typer.Option("--racing/--no-racing", help="Drop what would hardly win after a few folds.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Root of all randomness.")] = 0,
    final: Annotated[str, typer.Option(help="auto, blend or refit: whether to ship a blend of models.")] = "auto",
    select: Annotated[
        str,
        typer.Option(help="best; simplest, the quickest to fit within a standard error of it; or worst:COLUMN."),
    ] = "best",
    cost: Annotated[
        str | None, typer.Option(help='What errors cost: "fn=50,fp=2"; the model then decides for what costs least.')
    ] = None,
    threshold: Annotated[
        str | None, typer.Option(help='How to choose the threshold: "f1", "precision>=0.9", "recall>=0.8", or "0.3".')
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for model/ and report.html; in the store when left out.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call the data set.")] = None,
    features: Annotated[
        str | None, typer.Option(help="Feature views to join, separated by commas; which of them to use is tuned.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Column of each row's moment, for --features; the time column when left out.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Code of findings to set aside; may be given several times.")
    ] = None,
    why: Annotated[
        list[str] | None, typer.Option(help="Reason for each --ignore, in the same order, or one for all.")
    ] = None,
    warm: Annotated[
        str, typer.Option(help="Earlier studies to begin from: auto, off, or their ids, separated by commas.")
    ] = "auto",
    reweight: Annotated[
        list[str] | None, typer.Option(help='Let the rows of a slice count more in training: "region = north".')
    ] = None,
    reweight_by: Annotated[float, typer.Option(help="How many times they count.")] = 2.0,
    balance: Annotated[
        bool, typer.Option("--balance", help="Let the search choose how much rare classes count in training.")
    ] = False,
    mlflow: Annotated[
        str | None, typer.Option(help="MLflow server to log the finished study to, as http://127.0.0.1:5000.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Take up an unfinished study of the same question.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Tune a model on a table within a budget, and say honestly how good it is.

    The same command continues a study that was interrupted.
    """
    want_json(json)
    outcome = run_and_say(
        file,
        target,
        quiet=json,
        task=task,
        metric=metric,
        budget=budget,
        strategy=strategy,
        models=models,
        time=False if time == "none" else time,
        group=group,
        weight=weight,
        drop=tuple(drop or ()),
        positive=positive,
        cv=folds,
        price=price,
        fold_limit_s=fold_limit,
        n_jobs=jobs,
        executor=executor,
        deterministic=deterministic,
        racing=racing,
        seed=seed,
        final=final,
        select=select,
        reweight=tuple(reweight or ()),
        reweight_by=reweight_by,
        balance=balance,
        cost=cost,
        threshold=threshold,
        out=out,
        name=name,
        ignore=tuple(with_reasons(ignore or [], why or []).items()),
        features=tuple(names_in(features)),
        at=at,
        warm=warm,
        resume=resume,
    )
    if mlflow is not None:
        _log_to(mlflow, outcome)


def _log_to(uri: str, outcome: TunedModel) -> None:
    """Log a finished study; a server that does not take it takes nothing away from it."""
    from luthier.mlflow import log_study

    try:
        errors.print(f"logged to {uri} as run {log_study(outcome, uri)}", style="dim")
    except (TrackerFailed, MissingExtra) as error:
        errors.print(f"warning: {error.what}", markup=False)
        errors.print(f"fix: {error.fix}", markup=False)


def run_and_say(data: Any, target: str, *, quiet: bool, **options: Any) -> TunedModel:
    """Tune with live progress, then say the outcome; an interruption says how to go on."""
    from luthier.api import tune_and_report

    signal.signal(signal.SIGTERM, as_interrupt)
    try:
        with watching(quiet=quiet) as show:
            outcome = tune_and_report(data, target, on_progress=show, on_start=announcer(quiet=quiet), **options)
    except KeyboardInterrupt:
        errors.print("\nstopped; every finished fold is kept.")
        errors.print("next: run the same command again to go on, or `luthier runs` to see what there is")
        raise typer.Exit(130) from None
    next_step = f"luthier predict {outcome.model_path} NEW_ROWS.csv"
    answer(outcome.to_json(), outcome.summary().splitlines(), next_step=next_step)
    return outcome


def announcer(*, quiet: bool) -> Any:
    """Return what says, before the work begins, what was found in the data."""

    def announce(lines: list[str]) -> None:
        if not quiet:
            for line in lines:
                errors.print(line, markup=False, style="dim")

    return announce


def as_interrupt(_signal: int, _frame: types.FrameType | None) -> None:
    """Treat a polite end (SIGTERM) as Ctrl-C."""
    raise KeyboardInterrupt
