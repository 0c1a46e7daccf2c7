"""The target: values cut off at a limit."""

from __future__ import annotations

import numpy as np

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_applicable, not_enough_data

CODE = "target.capped"
LEAST_ROWS = 100
LEAST_SHARE, LEAST_COUNT = 0.005, 10
TIMES = 5
NEIGHBOURS = 50
LEAST_DISTINCT = 50


def look(context: Context) -> Answer:
    """A heap of rows at the largest or smallest value of the target.

    Half a percent of the rows (at least ten) at the extreme, five times as many as at any of the fifty values next to
    it, is a cut ("500 and more"), not a tail: the true values are unknown, and errors on these rows mean little. A
    smallest value of zero is left alone, for amounts are often exactly nothing.
    """
    data = context.dataset
    if data.schema.task != "regression":
        return not_applicable("classes have no limits")
    values, counts = np.unique(np.asarray(data.y, np.float64), return_counts=True)
    if data.n_rows < LEAST_ROWS:
        return not_enough_data(f"{data.n_rows} rows; {LEAST_ROWS} show a heap")
    if len(values) < LEAST_DISTINCT:
        return ()
    ends = [("largest", values, counts)]
    if values[0] != 0:
        ends.append(("smallest", values[::-1], counts[::-1]))
    found = []
    for which, ordered, held in ends:
        n, beside = int(held[-1]), int(held[-1 - NEIGHBOURS : -1].max())
        if n < max(LEAST_COUNT, LEAST_SHARE * data.n_rows, TIMES * beside):
            continue
        value = float(ordered[-1])
        found.append(
            Finding(
                CODE,
                f"{data.schema.target!r} seems to be cut off at {value:g}: {n:,} rows ({n / data.n_rows:.1%}) hold "
                f"this {which} value, and no value near it is held by more than {beside:,}",
                "warning",
                (data.schema.target,),
                {"value": value, "rows": n, "share": round(n / data.n_rows, 4), "most_rows_of_a_value_near": beside},
                "get the true values, or leave these rows out when they do not matter; read predictions near the limit "
                f"as '{value:g} or {'more' if which == 'largest' else 'less'}'",
            )
        )
    return tuple(found)


CHECK = Check(CODE, "Is the target cut off at a limit?", look)
