"""The columns of a table as they were read, those included that nothing will be learned from."""

from __future__ import annotations

from typing import Any

from luthier.data.cells import Cells, settle
from luthier.data.provenance import Provenance
from luthier.data.readers import open_table
from luthier.data.target import known_rows


def read_columns(source: Any, target: str | None = None) -> tuple[dict[str, Cells], Provenance]:
    """Every column settled, and where the table came from.

    Parameters
    ----------
    source
        As `make_dataset` takes it.
    target
        Leave out the rows in which this column is missing, as `make_dataset` does, so that rows agree with its own.

    Raises
    ------
    UnreadableData, BadColumn
        As `open_table`.
    BadTarget
        The target is missing in every row.
    """
    with open_table(source) as (table, provenance):
        cells = {name: settle(table.column(name)) for name in table.names}
    if target is None or target not in cells:
        return cells, provenance
    rows, _ = known_rows(target, cells[target])
    n_lost = len(cells[target]) - len(rows)
    if n_lost:
        cells = {name: of.take(rows) for name, of in cells.items()}
    return cells, provenance.without("the target is missing", n_lost)
