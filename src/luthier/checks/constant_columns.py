"""Columns: the same value, or none, in every row."""

from __future__ import annotations

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding

CODE = "columns.constant"


def look(context: Context) -> Answer:
    """Columns that are constant or empty. They are left out by themselves; the question is whether they should be so.

    An export with a filter on, or a join that failed, looks like this.
    """
    columns = [c for c in context.dataset.schema.columns if c.role == "dropped" and c.kind in {"constant", "empty"}]
    if not columns:
        return ()
    names = tuple(column.name for column in columns)
    return (
        Finding(
            CODE,
            f"{', '.join(map(repr, names[:5]))}{' and others' if len(names) > 5 else ''} "
            f"{'tells' if len(names) == 1 else 'tell'} nothing: the same in every row, or empty",
            "info",
            names,
            {"columns": {column.name: column.reason for column in columns}},
            "nothing to do if that is as it should be; they are left out",
        ),
    )


CHECK = Check(CODE, "Does a column hold one value only?", look)
