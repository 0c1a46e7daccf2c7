"""Columns: words of which most occur too rarely to learn from."""

from __future__ import annotations

import numpy as np

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding

CODE = "columns.categories"
MANY = 50
FEW_ROWS = 10
LEAST_SHARE = 0.2


def look(context: Context) -> Answer:
    """Columns of more than 50 categories where a fifth of the rows are in categories of fewer than ten rows.

    Of such a category hardly anything can be learned, and new ones will come when the model is used.
    """
    found = []
    for column in context.dataset.schema.columns:
        cells = context.columns.get(column.name)
        if column.role != "feature" or column.kind != "categorical" or cells is None or cells.levels is None:
            continue
        counts = np.bincount(cells.array[cells.array >= 0], minlength=len(cells.levels))
        rare = counts[counts < FEW_ROWS]
        share = float(rare.sum() / max(counts.sum(), 1))
        if len(counts) <= MANY or share < LEAST_SHARE:
            continue
        found.append(
            Finding(
                CODE,
                f"{column.name!r} has {len(counts):,} categories; {share:.0%} of the rows are in one of the "
                f"{len(rare):,} that have fewer than {FEW_ROWS} rows",
                "info",
                (column.name,),
                {"categories": len(counts), "rare_categories": len(rare), "share_of_rows": round(share, 4)},
                "group them (a region for a postcode, a brand for a product), or leave the column out: "
                f"--drop {column.name!r}",
            )
        )
    return tuple(found)


CHECK = Check(CODE, "Has a column too many categories?", look)
