"""Leakage: rows that differ from another by next to nothing, on both sides of a split."""

from __future__ import annotations

import numpy as np

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_applicable, not_enough_data
from luthier.checks.flattery import compare
from luthier.checks.one_column import FOLDS
from luthier.checks.sample import fit_seconds, some_rows
from luthier.checks.twins import near_twins

CODE = "leak.near-duplicates"
LEAST_ROWS = 100
LEAST_SHARE = 0.01
TIMES_CHANCE = 3.0
MOST_ROWS = 10_000


def look(context: Context) -> Answer:
    """Rows that are copies of another but for a little noise: augmented, measured twice, or made by interpolation.

    A row has a near twin where its nearest row is twenty times nearer than its tenth nearest (of at most 10,000 rows).
    Where that happens far more often than evenly strewn rows would have it, the same rows are judged by shuffled folds
    and by folds that keep near twins together. Said only where the first are clearly better.
    """
    data = context.dataset
    if data.times is not None:
        return not_applicable("the folds look forward, so rows near in time are not on both sides")
    if data.n_rows < LEAST_ROWS:
        return not_enough_data(f"{data.n_rows} rows are too few to say what is near; {LEAST_ROWS} would do")
    rng = context.rng(CODE)
    sample = context.sample(some_rows(data.n_rows, rng, MOST_ROWS))
    units, expected = near_twins(sample.X, set(sample.facts.categorical), rng)
    twin = np.bincount(units)[units] > 1
    share = float(twin.mean())
    if share < max(LEAST_SHARE, TIMES_CHANCE * expected):
        return ()
    flattered = sample.predict_out_of_fold(sample.shuffled_folds(rng), context.seed)
    honest = sample.predict_out_of_fold(sample.grouped_folds(units, rng), context.seed)
    flattery = compare(sample, flattered, honest, units)
    if not flattery.is_clear:
        return ()
    pair = np.flatnonzero(units == units[np.argmax(twin)])[:5]
    return (
        Finding(
            CODE,
            f"{share:.0%} of the rows are near copies of another; shuffled folds are flattered by them",
            flattery.severity,
            (),
            {
                **flattery.evidence("with_copies_apart", "with_copies_together"),
                "share": round(share, 4),
                "share_expected": round(expected, 4),
                "first_rows": [int(row) for row in sample.rows[pair]],
            },
            "split before rows are augmented or resampled; or give near copies one number and say --group NUMBER",
        ),
    )


CHECK = Check(
    CODE, "Are there rows that nearly repeat another?", look, lambda context: fit_seconds(context.dataset, 4 * FOLDS)
)
