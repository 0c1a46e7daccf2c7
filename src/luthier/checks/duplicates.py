"""Leakage: copies of a row on both sides of a split."""

from __future__ import annotations

import numpy as np

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding
from luthier.checks.flattery import compare
from luthier.checks.one_column import FOLDS
from luthier.checks.sample import fit_seconds, some_units
from luthier.checks.twins import hashes

CODE = "leak.duplicates"
LEAST_SHARE = 0.005
LEAST_ROWS = 50
NEARLY_ALL, MOST_OF_OVERSAMPLED = 0.95, 0.6
"""Shares of one class among the copies and among all rows: oversampling makes a rare class as large as the others."""


def look(context: Context) -> Answer:
    """Rows that repeat another row in every feature and the target.

    A model judged on a row whose copy it learned from is judged on its memory. The same rows are judged by shuffled
    folds and by folds that keep copies together; where the first are clearly better, that is a warning, or an error
    where it is grave. Copies that change nothing, as in tables of a few coded columns, are good to know. Where copies
    are nearly all of one class, the rows were probably oversampled before they were split.
    """
    data = context.dataset
    units = np.unique(hashes(data.X, data.y), return_inverse=True)[1].astype(np.int64)
    sizes = np.bincount(units)
    copied = sizes[units] > 1
    share, extra = float(copied.mean()), int((sizes - 1).sum())
    if share < LEAST_SHARE:
        return ()
    evidence = {
        "rows_with_a_copy": int(copied.sum()),
        "rows_that_repeat": extra,
        "share": round(share, 4),
        "first_rows": [int(row) for row in np.flatnonzero(units == units[np.argmax(copied)])[:5]],
    }
    title = f"{int(copied.sum()):,} of {data.n_rows:,} rows have an exact copy"
    if data.schema.task != "regression":
        by_class = np.bincount(data.y[copied], minlength=len(data.schema.classes)) / copied.sum()
        overall = np.bincount(data.y, minlength=len(data.schema.classes)) / data.n_rows
        most = int(np.argmax(by_class - overall))
        if by_class[most] > NEARLY_ALL and overall[most] <= MOST_OF_OVERSAMPLED:
            evidence["oversampled_class"] = str(data.schema.classes[most])
            title += f", nearly all of class {data.schema.classes[most]!r}: oversampled before it was split?"
    severity, fix = "info", "nothing to do, if the rows are different cases that look alike"
    if data.n_rows >= LEAST_ROWS and data.times is None:
        rng = context.rng(CODE)
        rows = some_units(units, rng)
        sample = context.sample(rows)
        flattered = sample.predict_out_of_fold(sample.shuffled_folds(rng), context.seed)
        honest = sample.predict_out_of_fold(sample.grouped_folds(units[rows], rng), context.seed)
        flattery = compare(sample, flattered, honest, units[rows])
        evidence |= flattery.evidence("with_copies_apart", "with_copies_together")
        if flattery.is_clear:
            severity = flattery.severity
            title += "; shuffled folds are flattered by them"
            fix = "keep one of each: frame.drop_duplicates()"
    return (Finding(CODE, title, severity, (), evidence, fix),)  # type: ignore[arg-type]  # narrowed above


CHECK = Check(CODE, "Are there copies of rows?", look, lambda context: fit_seconds(context.dataset, 2 * FOLDS))
