"""The columns of a study's table by whose values groups are compared: features, or others that no model has seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from luthier.data import read_rows
from luthier.data.suggest import closest, listing
from luthier.errors import BadColumn, UsageError
from luthier.evaluation.evidence import Evidence

if TYPE_CHECKING:
    import pandas as pd


def group_columns(evidence: Evidence, named: Sequence[str], data: Any = None) -> pd.DataFrame:
    """(n, len(named)): the columns of these names, row by row of the study's table.

    Parameters
    ----------
    evidence
        The study.
    named
        Columns to group by.
    data
        The table, where a column is no feature and the study did not read it from a file.

    Raises
    ------
    BadColumn
        The table has no such column, or the study was given none to look it up in.
    """
    dataset = evidence.dataset
    if all(name in dataset.frame for name in named):
        return dataset.frame[list(named)]
    source = data if data is not None else evidence.plan.facts.get("source")
    if source is None:
        (missing, *_) = [name for name in named if name not in dataset.frame]
        raise BadColumn(
            f"{missing!r} is no feature of the study, whose table was a frame in memory",
            fix="give the table once more: luthier.evaluate(run, groups=[...], data=frame)",
        )
    frame = read_rows(source)
    for name in named:
        if name not in frame:
            meant = closest(name, map(str, frame.columns))
            raise BadColumn(
                f"the table has no column {name!r} to group by; there are {listing(map(str, frame.columns))}",
                fix=f"did you mean {meant!r}?" if meant else "name one of the columns above",
            )
    if len(frame) != dataset.n_rows:
        target = frame[dataset.schema.target]
        frame = frame[(target.notna() & (target.astype(str).str.strip() != "")).to_numpy()].reset_index(drop=True)
    if len(frame) != dataset.n_rows:
        raise UsageError(
            f"the table has {len(frame):,} rows with a target, but the study learned from {dataset.n_rows:,}",
            fix="give the table as it was when it was tuned (--data FILE)",
        )
    return frame[list(named)]
