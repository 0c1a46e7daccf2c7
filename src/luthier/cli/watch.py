"""Live progress on standard error: a panel on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table
from rich.text import Text

from luthier.cli.say import errors

if TYPE_CHECKING:
    from luthier.tuning import Progress

_LINE_EVERY_S = 10.0
_FRAME_EVERY_S = 0.25
_STAGES = {
    "checks": "checking the data",
    "search": "searching",
    "judging": "judging the winner",
    "final fit": "fitting the final model",
}


@contextmanager
def watching(*, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A callback that shows progress until the block is left; silent when `quiet`."""
    if quiet:
        yield lambda _: None
    elif errors.is_terminal:
        with Live(console=errors, auto_refresh=False, transient=True) as live:
            yield _throttled(lambda progress: live.update(_panel(progress), refresh=True), _FRAME_EVERY_S)
    else:
        yield _throttled(lambda progress: errors.print(_line(progress), markup=False), _LINE_EVERY_S)


def _throttled(show: Callable[[Progress], None], every_s: float) -> Callable[[Progress], None]:
    last, stage = time.monotonic(), "search"

    def maybe(progress: Progress) -> None:
        nonlocal last, stage
        now = time.monotonic()
        if now - last >= every_s or progress.stage != stage:
            last, stage = now, progress.stage
            show(progress)

    return maybe


def _time_left(progress: Progress) -> str:
    from luthier.tuning import say_seconds

    limit_s = progress.plan.budget.limit_s
    spent = say_seconds(progress.spent_s)
    return f"{spent} spent" if limit_s is None else f"{spent} of {say_seconds(limit_s)}"


def _money_left(progress: Progress) -> str | None:
    price, limit_s = progress.plan.budget.price, progress.plan.budget.limit_s
    if price is None:
        return None
    spent = f"{price.of(progress.spent_s):.3f} {price.currency or 'money'} spent"
    if limit_s is None:
        return spent
    return f"{spent}, {price.of(max(limit_s - progress.spent_s, 0.0)):.3f} left"


def _counts(progress: Progress) -> str:
    history = progress.history
    tried, complete = history.n_evaluated - len(history.running), len(history.complete)
    to_the_end = "" if complete == tried else f" ({complete} to the end)"
    return f"{tried} trial{'' if tried == 1 else 's'} done{to_the_end}, {history.n_fold_fits} folds"


def _best(progress: Progress) -> str:
    best = progress.history.best
    if best is None or best.score is None:
        return "none yet"
    text = f"{best.score:.5g} (trial {best.number}, {best.config.get('model', 'estimator')})"
    default = progress.history.default
    if default is not None and default.score is not None and best.number != default.number:
        text += f"; default {default.score:.5g}"
    return text


def _line(progress: Progress) -> str:
    parts = [_time_left(progress), _STAGES[progress.stage], _counts(progress), f"best {_best(progress)}"]
    if progress.honest is not None:
        parts.append(f"honest {progress.honest}")
    if money := _money_left(progress):
        parts.append(money)
    return " | ".join(parts)


def _panel(progress: Progress) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    bar = _bar(progress)
    table.add_row(_STAGES[progress.stage], Text.assemble(bar, "  ", _time_left(progress)))
    if money := _money_left(progress):
        table.add_row("money", money)
    table.add_row("so far", _counts(progress))
    table.add_row("best", _best(progress))
    table.add_row("honest best", "not yet" if progress.honest is None else str(progress.honest))
    for trial, fold, seconds in progress.running[:8]:
        model = progress.history.trials[trial].config.get("model", "estimator")
        what = f"fold {fold}" if fold >= 0 else "all rows"
        table.add_row("running", f"trial {trial}, {what}, {model}, {seconds:.1f}s")
    return table


def _bar(progress: Progress, width: int = 30) -> Text:
    budget = progress.plan.budget
    shares = [0.0]
    if budget.limit_s is not None:
        shares.append(progress.spent_s / budget.limit_s)
    if budget.trials is not None:
        shares.append(progress.history.n_settled / budget.trials)
    share = min(max(shares), 1.0)
    full = round(share * width)
    return Text.assemble(("█" * full, "cyan"), ("░" * (width - full), "dim"))
