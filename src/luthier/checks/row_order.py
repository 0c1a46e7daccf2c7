"""Leakage: a table whose rows are in the order of time without saying so."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_applicable, not_enough_data
from luthier.checks.flattery import LEAST_SKILL
from luthier.checks.looking_ahead import FITS, forward_and_shuffled
from luthier.checks.one_column import targets
from luthier.checks.sample import fit_seconds, some_stretches

CODE = "leak.row-order"
LEAST_ROWS = 200
LEVEL = 1e-4
"""Chance of a word on rows in random order, all columns together."""
LEAST_Z = 2.5
"""Lower than elsewhere: the order of the rows has shown itself already."""
SORTED, LEAST_DISTINCT = 0.99, 5
FEW_RUNS = 3
SHARE_OF_RUNS = 0.2
"""Runs of equal values per different value, and share of the runs of a random order, up to which rows lie in blocks."""


def look(context: Context) -> Answer:
    """Rows that resemble their neighbours, or drift from first to last, though no column says when they were made.

    For every column and the target: the correlation of neighbouring rows, and the correlation with the row number, each
    against rows in random order (normal approximation, Bonferroni over columns). Where either speaks, the same rows are
    judged by models that learned from the rows above them and by models that learned from as many rows of anywhere. A
    warning where the second are clearly better. Rows sorted by a column, or in blocks of one, are no sign of time.
    """
    data = context.dataset
    if data.times is not None:
        return not_applicable(f"{data.schema.time!r} orders the rows")
    if data.n_rows < LEAST_ROWS:
        return not_enough_data(f"{data.n_rows} rows are too few to tell an order by; {LEAST_ROWS} would do")
    t = targets(data.y, data.schema.task)
    readings = {feature.name: data.X[:, j] for j, feature in enumerate(data.schema.features)}
    readings |= {f"{data.schema.target} {k}".removesuffix(" 0"): t[:, k] for k in range(t.shape[1])}
    signs = {name: _signs(values) for name, values in readings.items()}
    least_z = float(norm.isf(LEVEL / (4 * len(signs))))
    telling = {name: z for name, z in signs.items() if max(z) > least_z}
    if not telling:
        return ()
    in_blocks = next((name for name, of in context.columns.items() if _in_blocks(of.array)), None)
    if in_blocks is not None:
        return not_applicable(f"the rows are sorted, or lie in blocks, by {in_blocks!r}")
    rng = context.rng(CODE)
    rows = some_stretches(data.n_rows, rng)
    flattery = forward_and_shuffled(context.sample(rows), rows.astype(np.float64), rng, context.seed)
    if flattery.z < LEAST_Z or flattery.size < LEAST_SKILL:
        return ()
    strongest = sorted(telling, key=lambda name: -max(telling[name]))[:5]
    return (
        Finding(
            CODE,
            "the rows are in an order that tells of the target (of time, place or batch), though no column says so: "
            "shuffled folds would flatter",
            "warning",
            (),
            {
                **flattery.evidence("shuffled", "forward"),
                "columns_with_an_order": len(telling),
                "strongest": {
                    name: {"z_neighbours": round(telling[name][0], 1), "z_drift": round(telling[name][1], 1)}
                    for name in strongest
                },
            },
            "if rows to come will be later ones, number these and judge forward: frame['step'] = range(len(frame)), "
            "then --time step; if they will be of other places, say which rows belong together: --group COLUMN",
        ),
    )


def _signs(values: NDArray[np.float64]) -> tuple[float, float]:
    """Standard errors of the correlation between neighbouring rows and with the row number, both of ranks, >= 0."""
    filled = np.where(np.isnan(values), np.nanmedian(values) if not np.isnan(values).all() else 0.0, values)
    ranks = rankdata(filled)
    ranks -= ranks.mean()
    power = float(ranks @ ranks)
    if power == 0:
        return 0.0, 0.0
    n = len(ranks)
    index = np.arange(n) - (n - 1) / 2
    neighbours = float(ranks[1:] @ ranks[:-1]) / power
    drift = float(ranks @ index) / math.sqrt(power * float(index @ index))
    return max(neighbours * math.sqrt(n), 0.0), abs(drift) * math.sqrt(n)


def _in_blocks(values: NDArray[np.generic]) -> bool:
    """Whether rows are sorted by a column, or its equal values lie together."""
    coded = np.unique(values, return_inverse=True)[1]
    if coded.max(initial=0) < 1:
        return False
    steps, sizes = np.diff(coded), np.bincount(coded)
    rises, falls = int((steps > 0).sum()), int((steps < 0).sum())
    runs = rises + falls + 1
    few = runs <= SHARE_OF_RUNS * len(values) * (1 - float(np.sum((sizes / len(values)) ** 2)))
    is_sorted = min(rises, falls) <= (1 - SORTED) * (rises + falls) and (few or len(sizes) > LEAST_DISTINCT)
    return is_sorted or (few and len(sizes) >= LEAST_DISTINCT and runs <= FEW_RUNS * len(sizes))


CHECK = Check(
    CODE,
    "Are the rows in the order of time without saying so?",
    look,
    lambda context: fit_seconds(context.dataset, FITS),
)
