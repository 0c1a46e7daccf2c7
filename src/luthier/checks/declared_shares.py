"""Representativeness: the table against shares that the user declares of the population."""

from __future__ import annotations

import numpy as np
from scipy import stats

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_applicable
from luthier.checks.population import Declared, effective_rows, raked_weights

CODE = "population.shares"
LEVEL = 0.01
LEAST_DISTANCE = 0.02
"""Share of the rows that would have to move, below which a difference does not matter; our judgement."""
THIN = 30
"""Rows of a slice below which nothing can be said of it; the field's rule of thumb."""


def look(context: Context) -> Answer:
    """Slices that the table holds too many or too few of, against the shares declared with `--population`.

    A column is named when the shares differ by more than chance (chi-square, p below 0.01 divided by the number of
    columns declared) and at least 2 % of the rows would have to change slices. Slices of fewer than 30 rows are called
    thin: nothing learned or measured there can be relied on. Evidence: both shares, and for every slice the weight its
    rows would need (raking over all declared columns), with the rows of equal weight that would then be left.
    """
    if not context.population:
        return not_applicable("no shares of the population are declared: --population 'age=18-30:0.2,31-:0.8'")
    codes = [declared.codes(context.columns[declared.column]) for declared in context.population]
    shares = [np.array([part.share for part in declared.slices]) for declared in context.population]
    w = raked_weights(codes, shares)
    found = (
        _column(declared, code, share, w, len(context.population))
        for declared, code, share in zip(context.population, codes, shares, strict=True)
    )
    return tuple(finding for finding in found if finding is not None)


def _column(
    declared: Declared, code: np.ndarray[tuple[int], np.dtype[np.int64]], share: np.ndarray, w: np.ndarray, tested: int
) -> Finding | None:
    counts = np.bincount(code[code >= 0], minlength=len(share))
    n = int(counts.sum())
    if n == 0:
        return Finding(
            CODE,
            f"no row of the table is in any declared slice of {declared.column!r}",
            "warning",
            (declared.column,),
            {"rows": len(code), "rows_in_slices": 0},
            "check how the values are spelled in --population",
        )
    expected = share * n
    p = float(stats.chisquare(counts[share > 0], expected[share > 0]).pvalue) if not counts[share == 0].any() else 0.0
    distance = float(np.abs(counts / n - share).sum() / 2)
    thin = [part.label for part, rows in zip(declared.slices, counts, strict=True) if rows < THIN and part.share > 0]
    differs = p <= LEVEL / tested and distance >= LEAST_DISTANCE
    if not differs and not thin:
        return None
    gaps = counts / n - share
    worst = int(np.abs(gaps).argmax())
    title = (
        f"{declared.column!r} is not as in the population: {declared.slices[worst].label} is "
        f"{counts[worst] / n:.1%} of the rows, and {share[worst]:.1%} of the population"
        if differs
        else f"{declared.column!r} has thin slices, with fewer than {THIN} rows: {', '.join(thin)}"
    )
    mean_weight = [float(w[code == i].mean()) if rows else None for i, rows in enumerate(counts)]
    return Finding(
        CODE,
        title,
        "warning" if differs else "info",
        (declared.column,),
        {
            "p": p,
            "distance": round(distance, 4),
            "slices": [
                {
                    "slice": part.label,
                    "rows": int(rows),
                    "share": round(rows / n, 4),
                    "population": round(part.share, 4),
                    "weight": None if weight is None else round(weight, 3),
                }
                for part, rows, weight in zip(declared.slices, counts, mean_weight, strict=True)
            ],
            "thin": thin,
            "rows_in_no_slice": len(code) - n,
            "effective_rows_when_weighted": round(effective_rows(w)),
        },
        "add a column with these weights and say --weight COLUMN"
        + (f"; collect more rows of {', '.join(thin)}" if thin else ""),
    )


CHECK = Check(CODE, "Are the rows those the model is meant for, by declared shares?", look)
