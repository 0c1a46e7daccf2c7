"""`luthier compare`: strategies weighed against each other on the user's own problem."""

from __future__ import annotations

import signal
import time as clocks
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from luthier.cli.say import answer, errors, want_json
from luthier.cli.tune import announcer, as_interrupt

if TYPE_CHECKING:
    from luthier.api import ComparedStrategies, ComparisonProgress

_FRAME_EVERY_S, _LINE_EVERY_S = 0.25, 10.0
_BLOCKS = "▁▂▃▄▅▆▇█"
_CURVE = 16
_WIDTH = 110


def compare(
    file: Annotated[str, typer.Argument(help="Path or glob of CSV, TSV, JSONL or Parquet files.", metavar="FILE")],
    target: Annotated[str, typer.Option("--target", "-t", help="Column to predict.")],
    strategies: Annotated[
        str | None, typer.Option(help="Strategies, separated by commas; grid, random, gp, tpe and auto if left out.")
    ] = None,
    budget: Annotated[
        str, typer.Option("--budget", "-b", help='For each repeat of each: "2m", "60 trials", "$0.50".')
    ] = "2m",
    repeats: Annotated[int, typer.Option(min=1, help="How often each strategy is run, under other seeds.")] = 3,
    task: Annotated[str | None, typer.Option(help="binary, multiclass or regression; found when left out.")] = None,
    metric: Annotated[str | None, typer.Option(help="Metric to optimise, by scikit-learn's name.")] = None,
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
    seed: Annotated[int, typer.Option(help="Root of all randomness.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for comparison.html; in the store when left out.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call the data set.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Take up an unfinished comparison of the same question.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Let strategies search the same problem with the same budget, and say which to take.

    Each repeat of each strategy has a clock of its own; a fold that another has fitted before is charged, not fitted
    again. The same command continues a comparison that was interrupted.
    """
    want_json(json)
    from luthier.api import compare_and_report

    signal.signal(signal.SIGTERM, as_interrupt)
    try:
        with _watching(quiet=json) as show:
            found = compare_and_report(
                file,
                target,
                strategies=strategies,
                repeats=repeats,
                on_start=announcer(quiet=json),
                on_progress=show,
                budget=budget,
                task=task,
                metric=metric,
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
                seed=seed,
                out=out,
                name=name,
                resume=resume,
            )
    except KeyboardInterrupt:
        errors.print("\nstopped; every finished fold is kept.")
        errors.print("next: run the same command again to go on")
        raise typer.Exit(130) from None
    answer(found.to_json(), _lines(found), next_step=f"luthier tune {file} --target {target} --strategy {found.best}")


# --- the outcome ------------------------------------------------------------------------------------------------------


def _lines(found: ComparedStrategies) -> list[str]:
    from luthier.report.comparison_tables import contender_rows
    from luthier.report.comparison_text import saving_words
    from luthier.report.figures import number
    from luthier.report.words import metric_name

    facts = found.facts
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="dim")
    table.add_column("strategy")
    table.add_column(metric_name(facts), justify="right")
    table.add_column("behind", justify="right")
    table.add_column("beyond luck")
    table.add_column("mean rank (95 %)")
    table.add_column("explores", justify="right")
    table.add_column("tries", justify="right")
    table.add_column("best so far")
    curves = _sparklines(found)
    for row, contender in zip(contender_rows(facts), found.comparison.contenders, strict=True):
        rank, explored = contender.rank, contender.explored_share
        table.add_row(
            Text(row.name, style="bold" if row.leader else ""),
            row.score,
            row.behind,
            "" if row.leader else "yes" if row.beyond_luck else "no",
            f"{number(rank.value, 2)} [{number(rank.low, 2)}, {number(rank.high, 2)}]",
            "-" if explored is None else f"{explored:.0%}",
            row.trials,
            curves[contender.name],
        )
    console = Console(file=StringIO(), width=_WIDTH)
    console.print(table)
    assert isinstance(console.file, StringIO)
    told = [line.rstrip() for line in console.file.getvalue().replace("\u2212", "-").splitlines()]
    advice = f"{found.advice[0].upper()}{found.advice[1:]}."
    lines = [advice, "", *told, ""]
    lines.append("the scores are of the best so far, which flatters all alike: compare them, do not expect them")
    lines.append(saving_words(facts))
    if facts.report_path is not None:
        lines.append(f"report    {facts.report_path}")
    return lines


def _sparklines(found: ComparedStrategies) -> dict[str, str]:
    """Each strategy's mean curve over the same time and the same scale: from the default's score to the best."""
    comparison = found.comparison
    sign = 1.0 if comparison.greater_is_better else -1.0
    end = max(c.curve[-1].seconds for c in comparison.contenders)
    low, high = sign * comparison.default_score, sign * comparison.contenders[0].score.value
    drawn = {}
    for contender in comparison.contenders:
        text = ""
        for k in range(_CURVE):
            known = [p.value for p in contender.curve if p.seconds <= end * (k + 1) / _CURVE]
            if not known:
                text += " "
                continue
            share = (sign * known[-1] - low) / (high - low) if high > low else 0.0
            text += _BLOCKS[min(max(int(share * len(_BLOCKS)), 0), len(_BLOCKS) - 1)]
        drawn[contender.name] = text
    return drawn


# --- while it runs ----------------------------------------------------------------------------------------------------


@contextmanager
def _watching(*, quiet: bool) -> Iterator[Callable[[ComparisonProgress], None]]:
    """A callback that shows progress until the block is left; silent when `quiet`."""
    if quiet:
        yield lambda _: None
    elif errors.is_terminal:
        with Live(console=errors, auto_refresh=False, transient=True) as live:
            yield _throttled(lambda progress: live.update(_panel(progress), refresh=True), _FRAME_EVERY_S)
    else:
        yield _throttled(lambda progress: errors.print(_line(progress), markup=False), _LINE_EVERY_S)


def _throttled(show: Callable[[ComparisonProgress], None], every_s: float) -> Callable[[ComparisonProgress], None]:
    last = clocks.monotonic()

    def maybe(progress: ComparisonProgress) -> None:
        nonlocal last
        now = clocks.monotonic()
        if now - last >= every_s:
            last = now
            show(progress)

    return maybe


def _whole(progress: ComparisonProgress) -> str:
    from luthier.tuning import say_seconds

    share = sum(arm.spent_share for arm in progress.arms) / len(progress.arms)
    saved = f", {progress.saved_fits} saved" if progress.saved_fits else ""
    return f"{share:.0%} of all budgets spent | {progress.fits} fits{saved} | {say_seconds(progress.elapsed_s)}"


def _line(progress: ComparisonProgress) -> str:
    best: dict[str, list[Any]] = {}
    for arm in progress.arms:
        if arm.best is not None:
            best.setdefault(arm.strategy, []).append(arm.best)
    told = [f"{name} {sum(scores) / len(scores):.5g}" for name, scores in best.items()]
    return " | ".join([_whole(progress), *told])


def _panel(progress: ComparisonProgress) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    for arm in progress.arms:
        full = round(arm.spent_share * 24)
        bar = Text.assemble(("█" * full, "cyan"), ("░" * (24 - full), "dim"))
        best = "-" if arm.best is None else f"{arm.best:.5g}"
        name = arm.strategy if arm.repeat == 0 else ""
        table.add_row(name, bar, f"{arm.trials} tries", Text(f"best {best}", style="dim"))
    table.add_row("", Text(_whole(progress), style="dim"))
    return table
