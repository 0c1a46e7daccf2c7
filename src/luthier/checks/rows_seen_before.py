"""Leakage: test rows that are among the rows to learn from."""

from __future__ import annotations

import numpy as np

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_applicable
from luthier.checks.twins import hashes

CODE = "leak.test-rows"
TIMES_CHANCE = 3.0
GRAVE_SHARE = 0.01


def look(context: Context) -> Answer:
    """Test rows (`--against`) that repeat a row of the training table.

    Rows are compared in every feature, and in the target where the test table has one. Coded tables repeat themselves
    by chance, so the share found is set beside the share of training rows that repeat another training row: an error
    where it is at least a hundredth of the test rows and three times that share, else good to know.
    """
    if context.against is None:
        return not_applicable("no test rows were given: --against TEST_FILE")
    data, other = context.dataset, context.against
    ours = hashes(data.X, data.y if other.y is not None else None)
    theirs = hashes(other.X, other.y)
    seen = np.isin(theirs, ours)
    if not seen.any():
        return ()
    _, at, sizes = np.unique(ours, return_inverse=True, return_counts=True)
    own = float((sizes[at] > 1).mean())
    share = float(seen.mean())
    grave = share >= GRAVE_SHARE and share >= TIMES_CHANCE * own
    return (
        Finding(
            CODE,
            f"{int(seen.sum()):,} of {len(seen):,} rows of {other.name} are among the rows to learn from",
            "error" if grave else "info",
            (),
            {
                "rows": int(seen.sum()),
                "share": round(share, 4),
                "share_of_repeats_in_training": round(own, 4),
                "compared_with_target": other.y is not None,
                "first_rows": [int(row) for row in np.flatnonzero(seen)[:5]],
            },
            "leave these rows out of one of the two files; a test score on them is a score of memory"
            if grave
            else "nothing to do, if the rows are different cases that look alike",
        ),
    )


CHECK = Check(CODE, "Are test rows among the rows to learn from?", look)
