"""Labels: rows alike in every feature that bear different labels."""

from __future__ import annotations

import numpy as np

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_applicable
from luthier.evaluation.conflicts import find_conflicts

CODE = "labels.conflicts"
LEAST_SHARE, GRAVE_SHARE = 0.001, 0.01
MOST_SHOWN = 20


def look(context: Context) -> Answer:
    """Rows that agree in every feature and disagree in the label.

    No model can be right on all of them: evidence gives the accuracy that cannot be passed on this table. Where
    features are few or coarse such rows are natural, the outcome being chance; where they are fine, one of the labels
    is wrong or a feature is missing that tells the rows apart. Said where one row in a thousand conflicts, a
    warning where one in a hundred must be wrong.
    """
    data = context.dataset
    if data.schema.task == "regression":
        return not_applicable("values of equal rows may differ; labels of equal rows may not")
    conflicts = find_conflicts(data.X, np.asarray(data.y))
    if not conflicts.groups or conflicts.rows < LEAST_SHARE * data.n_rows:
        return ()
    share = conflicts.lost / data.n_rows
    return (
        Finding(
            CODE,
            f"{conflicts.rows:,} rows are like another in every feature but not in {data.schema.target!r}: "
            f"no model can be right on all {data.n_rows:,} rows, {conflicts.lost:,} will be wrong at least",
            "warning" if share >= GRAVE_SHARE else "info",
            (data.schema.target,),
            {
                "rows": conflicts.rows,
                "groups": len(conflicts.groups),
                "repeated_rows": conflicts.repeated,
                "best_accuracy": round(1 - share, 4),
                "examples": [group.tolist() for group in conflicts.groups[:MOST_SHOWN]],
            },
            "look at the rows listed: correct the wrong labels, or add the column that tells the rows apart",
        ),
    )


CHECK = Check(CODE, "Do rows that are alike bear different labels?", look)
