"""Leakage: rows of the future among those learned from."""

from __future__ import annotations

import shlex

import numpy as np
from numpy.typing import NDArray

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_applicable, not_enough_data
from luthier.checks.looking_ahead import FITS, forward_and_shuffled
from luthier.checks.sample import fit_seconds, some_stretches
from luthier.data.times import order

CODE = "leak.time"
LEAST_ROWS = 200
MOST_COLUMNS = 2
LEAST_TIMES = 20


def look(context: Context) -> Answer:
    """Dates by which a model is better at filling gaps in the past than at looking forward.

    The same rows are judged twice: by models that learned from the rows before them, and by models that learned from
    as many rows of any time. Where the second are clearly better, shuffled folds promise what the future will not keep.
    An error or a warning, by its size, where the folds would be shuffled (the rows do not run with the date, or
    `time=False` was said); good to know where a time column orders the folds already.
    """
    data = context.dataset
    clocks = _clocks(context)
    if not clocks:
        return not_applicable("no column holds dates")
    if data.n_rows < LEAST_ROWS:
        return not_enough_data(f"{data.n_rows} rows are too few to look forward in; {LEAST_ROWS} would do")
    found = []
    for name, times in clocks.items():
        rng = context.rng(f"{CODE} {name}")
        by_time = np.argsort(times, kind="stable")
        rows = by_time[some_stretches(data.n_rows, rng)]
        flattery = forward_and_shuffled(context.sample(rows, always=(name,)), times[rows], rng, context.seed)
        if not flattery.is_clear:
            continue
        known = name == data.schema.time
        found.append(
            Finding(
                CODE,
                f"shuffled folds would flatter: rows near in {name!r} tell of each other"
                + (", so the folds look forward" if known else ""),
                "info" if known else flattery.severity,
                (name,),
                flattery.evidence("shuffled", "forward"),
                "nothing to do: the score looks forward" if known else f"judge forward: --time {shlex.quote(name)}",
            )
        )
    return tuple(found)


def _clocks(context: Context) -> dict[str, NDArray[np.float64]]:
    """The column that orders the rows; else columns of dates without gaps, those with most different times first."""
    data = context.dataset
    if data.schema.time is not None and data.times is not None:
        return {data.schema.time: data.times}
    dates = {
        name: order(cells)
        for name, cells in context.columns.items()
        if cells.kind == "datetime" and not cells.missing.any()
    }
    told = {name: len(np.unique(times)) for name, times in dates.items()}
    ranked = sorted((name for name in dates if told[name] >= LEAST_TIMES), key=lambda name: -told[name])
    return {name: dates[name] for name in ranked[:MOST_COLUMNS]}


CHECK = Check(
    CODE, "Would shuffled folds learn from the future?", look, lambda context: fit_seconds(context.dataset, FITS)
)
