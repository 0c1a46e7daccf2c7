"""The target: a class with so few rows that it decides what can be learned and measured."""

from __future__ import annotations

import numpy as np

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_applicable

CODE = "target.imbalance"
RARE = 0.1
FEW = 50
"""Share, and rows, of a class below which it is named; our judgement: 50 rows give a recall to within 14 points."""


def look(context: Context) -> Answer:
    """Classes of less than a tenth of the rows, against an even share, or of fewer than 50 rows.

    Imbalance by itself harms no model that gives probabilities; it misleads measures. Accuracy then rewards the guess
    "never", and the number of rows of the rare class, not of the table, says how sure anything is. A warning where the
    rare class has fewer than 50 rows, otherwise for information.
    """
    data = context.dataset
    if data.schema.task == "regression":
        return not_applicable("the target has no classes")
    counts = np.bincount(np.asarray(data.y, np.int64), minlength=len(data.schema.classes))
    rare = np.flatnonzero((counts < RARE * 2 / len(counts) * data.n_rows) | (counts < FEW))
    if len(rare) == 0:
        return ()
    least = int(rare[np.argmin(counts[rare])])
    n = int(counts[least])
    half = 1.96 * 0.5 / np.sqrt(n)
    often = float(counts.max() / data.n_rows)
    return (
        Finding(
            CODE,
            f"class {data.schema.classes[least]!r} has {n:,} of {data.n_rows:,} rows ({n / data.n_rows:.1%}): what is "
            f"said of it is known to about {100 * half:.0f} points, and always guessing the commonest class is right "
            f"on {often:.1%}",
            "warning" if n < FEW else "info",
            (data.schema.target,),
            {
                "rows": {str(label): int(count) for label, count in zip(data.schema.classes, counts, strict=True)},
                "accuracy_of_the_commonest_class": round(often, 4),
            },
            "tune for a measure that sees the rare class, such as --metric average_precision or log_loss; "
            "choose the threshold by costs afterwards",
        ),
    )


CHECK = Check(CODE, "Is a class rare?", look)
