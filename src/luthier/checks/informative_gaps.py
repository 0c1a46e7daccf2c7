"""Missing values: gaps that tell something of the target."""

from __future__ import annotations

import numpy as np
from scipy.stats import false_discovery_control

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_applicable
from luthier.monitoring import chi_square, ks

CODE = "missing.informative"
LEVEL = 0.01
LEAST_ROWS = 20
LEAST_EFFECT = 0.1
GRAVE_EFFECT = 0.5
"""How differently the target is distributed with and without a value (0 to 1), from which it is said, and is a danger;
our judgement."""


def look(context: Context) -> Answer:
    """Columns whose missing values go with the target.

    For every column with at least 20 rows missing and 20 present the target is compared between the two
    (Kolmogorov-Smirnov for values, chi-square for classes; Benjamini-Hochberg at 1 %), and named where the
    distributions are a tenth or more apart. That is of use to a model, and a danger where the gap comes after the
    outcome, as when only those who stay are asked: a warning from a distance of one half. Evidence: the target on
    either side.
    """
    data = context.dataset
    y = np.asarray(data.y, np.float64)
    features = {column.name for column in data.schema.columns if column.role == "feature"}
    gaps = {name: cells.missing for name, cells in context.columns.items() if name in features}
    gaps = {name: gone for name, gone in gaps.items() if min(gone.sum(), (~gone).sum()) >= LEAST_ROWS}
    if not gaps:
        return not_applicable(f"no column has {LEAST_ROWS} missing values")
    same = ks if data.schema.task == "regression" else chi_square
    tests = {name: same(y[gone], y[~gone]) for name, gone in gaps.items()}
    q = dict(zip(tests, false_discovery_control([test.p for test in tests.values()]), strict=True))
    named = [name for name in tests if q[name] <= LEVEL and tests[name].effect >= LEAST_EFFECT]
    together: dict[bytes, list[str]] = {}
    for name in named:
        together.setdefault(gaps[name].tobytes(), []).append(name)
    return tuple(
        _finding(context, names, gaps[names[0]], tests[names[0]].effect, q[names[0]]) for names in together.values()
    )


def _finding(context: Context, names: list[str], gone: np.ndarray, effect: float, q: float) -> Finding:
    schema, y = context.dataset.schema, np.asarray(context.dataset.y, np.float64)
    if schema.task == "multiclass":
        there, here = (
            f"mostly {schema.classes[_commonest(y[gone])]!r}",
            f"mostly {schema.classes[_commonest(y[~gone])]!r}",
        )
    elif schema.task == "binary":
        there, here = (f"{y[rows].mean():.1%} {schema.positive!r}" for rows in (gone, ~gone))
    else:
        there, here = (f"median {np.median(y[rows]):.4g}" for rows in (gone, ~gone))
    called = ", ".join(map(repr, names[:3])) + (" and others" if len(names) > 3 else "")
    return Finding(
        CODE,
        f"where {called} {'is' if len(names) == 1 else 'are'} missing, {schema.target!r} is different: {there} in "
        f"{int(gone.sum()):,} rows, {here} in the others",
        "warning" if effect >= GRAVE_EFFECT else "info",
        tuple(names),
        {"rows_missing": int(gone.sum()), "effect": round(effect, 4), "q": float(q), "missing": there, "present": here},
        f"find out why it is missing; if that is known only after the outcome, leave it out: --drop {names[0]!r}",
    )


def _commonest(y: np.ndarray) -> int:
    return int(np.bincount(y.astype(np.int64)).argmax())


CHECK = Check(CODE, "Do missing values tell of the target?", look)
