"""`luthier.drift`: have these rows changed, against those?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from luthier.data.readers import open_table
from luthier.data.suggest import closest, listing
from luthier.errors import BadColumn, UnreadableData, UsageError
from luthier.monitoring import Drift, Reference, find_drift
from luthier.report.drift_html import render_drift_table
from luthier.report.drift_words import drift_summary

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DriftResult:
    """What `luthier.drift` found; in a notebook it shows itself as a table.

    Attributes
    ----------
    found
        Everything, as plain values.
    """

    found: Drift

    @property
    def drifted(self) -> bool:
        """Whether any column, or all columns together, drifted."""
        return self.found.drifted

    @property
    def drifted_columns(self) -> list[str]:
        """Columns that drifted, or are no longer what they were; those that moved farthest first."""
        return list(self.found.drifted_columns)

    @cached_property
    def columns(self) -> pd.DataFrame:
        """One row per column: verdict, p, q (p adjusted for the number of columns), effect, missing rates and more."""
        import pandas as pd

        return pd.DataFrame(
            {
                "column": c.name,
                "kind": c.kind,
                "verdict": c.verdict,
                "p": c.p,
                "q": c.q,
                "effect": c.effect,
                "missing_reference": c.missing_rates[0],
                "missing_current": c.missing_rates[1],
                "outside_range": c.range.effect,
                "new_categories": len(c.new),
                "what_changed": c.words(),
            }
            for c in self.found.columns
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return self.found.to_dict()

    def summary(self) -> list[str]:
        """The outcome in a few lines for people."""
        return drift_summary(self.found)

    def __str__(self) -> str:
        return "\n".join(self.summary())

    def _repr_html_(self) -> str:
        return render_drift_table(self.found)


def drift(
    reference: Any,
    current: Any,
    *,
    columns: Sequence[str] | None = None,
    level: float = 0.05,
    least_effect: float = 0.05,
    seed: int = 0,
) -> DriftResult:
    """Say which columns of the current rows differ from the reference, in a way that is neither chance nor trifling.

    Numbers are compared by the Kolmogorov-Smirnov test with p-values that are right for ties, words by chi-square with
    rare ones pooled, missing values, new words and values out of range beside them. Alarms need both: a p-value that
    holds over all columns (Benjamini-Hochberg), and an effect of at least `least_effect`. A classifier two-sample test
    looks at all columns together. Without drift at most 6 % of batches raise any alarm of a column, whatever the
    columns' tails and the number of rows.

    Parameters
    ----------
    reference
        Rows as they were: a path or glob of CSV, TSV, JSONL or Parquet files, or a pandas, polars or Arrow frame.
    current
        Rows as they are now, likewise. Columns are found by name; missing ones and others are reported.
    columns
        Columns to compare; all when left out. Dates, identifiers and empty columns are never compared.
    level
        Chance of an alarm of any column where nothing has changed.
    least_effect
        Share of the rows that must differ for a drift to matter.
    seed
        Of the classifier test.

    Returns
    -------
    DriftResult

    Raises
    ------
    UnreadableData
        One of the tables cannot be read, or has no rows.
    BadColumn
        A named column is not in the reference.
    UsageError
        `level` or `least_effect` is out of its range.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> before = pd.DataFrame({"age": rng.normal(40, 9, 2000), "city": rng.choice(["Bern", "Genf"], 2000)})
    >>> now = pd.DataFrame({"age": rng.normal(45, 9, 800), "city": rng.choice(["Bern", "Genf"], 800)})
    >>> drift(before, now).drifted_columns
    ['age']
    """
    if not 0.0 < level < 1.0:
        raise UsageError(f"level is a probability between 0 and 1, not {level!r}", fix="say level=0.05")
    if not 0.0 <= least_effect <= 1.0:
        raise UsageError(f"least_effect is a share of the rows, not {least_effect!r}", fix="say least_effect=0.05")
    with open_table(reference) as (table, _):
        _check_rows(table.n_rows, "reference")
        absent = [name for name in columns or () if name not in table.names]
        if absent:
            meant = closest(absent[0], table.names)
            raise BadColumn(
                f"the reference has no column {listing(absent)}",
                fix=f"did you mean {meant!r}?" if meant else f"its columns are {listing(table.names)}",
            )
        laid = Reference.of(table, columns)
    with open_table(current) as (table, _):
        _check_rows(table.n_rows, "current")
        window = laid.start().after(table, laid.columns)
    return DriftResult(
        find_drift(laid, window, rng=np.random.default_rng(seed), level=level, least_effect=least_effect)
    )


def _check_rows(n: int, which: str) -> None:
    if n == 0:
        raise UnreadableData(f"the {which} table has no rows", fix="give a table with rows")
