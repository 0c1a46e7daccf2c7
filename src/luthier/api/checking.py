"""`luthier.check`: look at a table before a score on it is believed."""

from __future__ import annotations

import math
import time as clocks
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from luthier.api.problem import Problem, with_features
from luthier.checks import CHECKS, Checkup, Context, Other, run_checks
from luthier.checks.population import Declared, parse_population
from luthier.data import Dataset, Label, Task, make_dataset, read_rows
from luthier.data.cells import Cells
from luthier.data.columns_as_read import read_columns
from luthier.data.suggest import closest, listing
from luthier.errors import BadBudget, BadColumn, UnknownChoice
from luthier.tuning import Budget


def check(
    data: Any,
    target: str,
    *,
    against: Any = None,
    reference: Any = None,
    population: Sequence[str] = (),
    estimator: Any = None,
    task: Task | None = None,
    time: str | Literal[False] | None = None,
    group: str | None = None,
    weight: str | None = None,
    positive: Label | None = None,
    drop: Sequence[str] = (),
    ignore: Mapping[str, str] | None = None,
    budget: Any = "60s",
    seed: int = 0,
    name: str | None = None,
) -> Checkup:
    """Look for what would flatter a score on this table, or spoil a model of it, before anything is tuned.

    Parameters
    ----------
    data
        Path or glob of CSV, TSV, JSONL or Parquet files, or a pandas, polars or Arrow frame.
    target
        Column to predict.
    against
        Another table, such as the test rows: are any of them among the rows to learn from?
    reference
        A sample of those the model is meant for, or recent rows: is the table like it?
    population
        Declared shares of those the model is meant for, such as "age=18-30:0.2,31-:0.8", one text a column.
    estimator
        A scikit-learn estimator or Pipeline of your own: does it learn from the rows of a fold only?
    task, time, group, weight, positive, drop
        As `luthier.tune` takes them.
    ignore
        Codes of findings to set aside, each with the reason.
    budget
        Time that all checks together may take.
    seed
        Root of all randomness.
    name
        What to call the data set; its file name by default.

    Returns
    -------
    Checkup
        Its `findings`, and whether one of severity `error` stands: `failed`.

    Raises
    ------
    UsageError
        The table, a column or a code cannot be read as asked.

    Examples
    --------
    >>> [finding.title for finding in luthier.check(frame, "churn").findings]  # doctest: +SKIP
    """
    allowance = Budget.parse(budget).limit_s
    if allowance is None:
        raise BadBudget(f"checks take time, not {budget!r}", fix='give a time such as "60s"')
    check_codes(ignore or {})
    dataset = make_dataset(
        data,
        target,
        task=task,
        time=time,
        group=group,
        weight=weight,
        positive=positive,
        drop=drop,
        name=name,
    )
    columns, _ = read_columns(data, target)
    context = Context(
        dataset,
        seed,
        against=None if against is None else read_other(dataset, against),
        estimator=estimator,
        columns=columns,
        reference=None if reference is None else read_other(dataset, reference),
        population=declared_in(columns, (population,) if isinstance(population, str) else population),
    )
    return run_checks(CHECKS, context, clock=clocks.monotonic, allowance_s=allowance, ignore=ignore)


SHARE = 0.1
"""Most of a budget of time, or of the work that a budget of trials will probably be, that checks may take in `tune`."""
LEAST_S, MOST_S = 1.0, 30.0
"""Seconds that a budget without time always leaves to checks, lest a small study be a blind one; and the most."""


def check_problem(problem: Problem, data: Any) -> Checkup:
    """Check the table of a study before it is tuned, within its share of the budget."""
    began = clocks.monotonic()
    budget, order = problem.plan.budget, problem.order
    allowed_s = math.inf if budget.limit_s is None else SHARE * budget.limit_s
    if budget.trials is not None:
        work_s = budget.trials * len(problem.splits.folds) * problem.work_hint(problem.plan.starts[0])
        allowed_s = min(allowed_s, max(SHARE * work_s, LEAST_S))
    columns, _ = read_columns(with_features(data, order), order.target)
    context = Context(
        problem.dataset,
        order.seed,
        estimator=order.models if hasattr(order.models, "fit") else None,
        columns=columns,
    )
    left_s = min(allowed_s, MOST_S) - (clocks.monotonic() - began)
    return run_checks(CHECKS, context, clock=clocks.monotonic, allowance_s=left_s, ignore=dict(order.ignore))


def check_codes(codes: Mapping[str, str]) -> None:
    """Refuse codes that no check has.

    Raises
    ------
    UnknownChoice
        Naming those there are.
    """
    known = [check.code for check in CHECKS]
    for code in codes:
        if code not in known:
            raise UnknownChoice(f"there is no check {code!r}", fix=f"choose from: {', '.join(known)}")


def declared_in(columns: Mapping[str, Cells], texts: Sequence[str]) -> tuple[Declared, ...]:
    """Declared shares of columns that exist.

    Raises
    ------
    UsageError
        A text does not read as shares, or names a column that is not there.
    """
    declared = tuple(parse_population(text) for text in texts)
    for one in declared:
        if one.column not in columns:
            meant = closest(one.column, columns)
            raise BadColumn(
                f"there is no column {one.column!r} to compare with the population; there are {listing(columns)}",
                fix=f"did you mean {meant!r}?" if meant else "name one of the columns above",
            )
    return declared


def read_other(dataset: Dataset, source: Any) -> Other:
    """Another table, read by the schema of the first.

    Raises
    ------
    UnreadableData, UnfitRows
        It cannot be read, or lacks columns.
    """
    rows = read_rows(source)
    schema = dataset.schema
    known = schema.target in rows.columns and bool(rows[schema.target].notna().all())
    y = schema.encode_target(rows[schema.target]) if known else None
    called = Path(source).name if isinstance(source, str) or hasattr(source, "__fspath__") else "the other table"
    return Other(called, schema.encode(rows), y)
