"""What a model was made for: what it was asked, what it answered, and what turned out to be true."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.data.cells import settle
from luthier.data.frames import Table, open_frame
from luthier.monitoring.window import Reference, WatchedColumn

Floats = NDArray[np.float64]

MOST_ROWS = 20_000
"""Rows a baseline is made of: more would cost time at the end of every study and show hardly smaller changes."""
MOST_CELLS = 400_000
"""Cells of those rows that are kept for the estimates without labels: 1.6 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """What live traffic is held against, made of rows and predictions by models that did not learn from these rows.

    Attributes
    ----------
    inputs
        The feature columns as they were.
    outputs
        The predictions, one column an output.
    X
        (m, d) float64: some of the rows in the codes of `inputs`, NaN missing.
    y, p
        (m,), (m, k): their coded targets and predictions.
    """

    inputs: Reference
    outputs: Reference
    X: Floats
    y: NDArray[Any]
    p: Floats

    @classmethod
    def of(cls, frame: pd.DataFrame, y: NDArray[Any], p: Floats, *, rng: np.random.Generator) -> Self:
        """Make a baseline.

        Parameters
        ----------
        frame
            (m, ...): the feature columns, in their own values.
        y, p
            (m,), (m, k): coded targets, and predictions by models that did not learn from the row.
        rng
            Draws rows where there are many.
        """
        if len(frame) > MOST_ROWS:
            some = np.sort(rng.choice(len(frame), MOST_ROWS, replace=False))
            frame, y, p = frame.iloc[some], y[some], p[some]
        table = open_frame(frame)
        inputs = Reference.of(table)
        kept = np.sort(rng.permutation(len(y))[: max(1, MOST_CELLS // max(1, len(inputs.compared)))])
        X = codes(table, inputs.compared)[kept]
        return cls(inputs, Reference.of(outputs_table(p)), X, np.asarray(y)[kept], np.asarray(p, np.float64)[kept])

    @property
    def categorical(self) -> tuple[int, ...]:
        """Columns of `X` that hold codes of words."""
        return tuple(j for j, column in enumerate(self.inputs.compared) if column.bins and column.bins.kind == "words")

    def to_bytes(self) -> bytes:
        """As bytes: a NumPy archive without objects."""
        head = json.dumps({"version": 1, "inputs": self.inputs.to_json(), "outputs": self.outputs.to_json()})
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            head=np.frombuffer(head.encode(), np.uint8),
            X=self.X.astype(np.float32),
            y=self.y,
            p=self.p.astype(np.float32),
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The baseline that `to_bytes` wrote.

        Raises
        ------
        ValueError
            It was written by a newer version.
        """
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            head = json.loads(arrays["head"].tobytes())
            if head["version"] > 1:
                raise ValueError(f"a baseline of version {head['version']} is newer than 1, which this Luthier reads")
            X, y, p = (arrays[name] for name in ("X", "y", "p"))
        inputs, outputs = (Reference.from_json(head[name]) for name in ("inputs", "outputs"))
        return cls(inputs, outputs, X.astype(np.float64), y, p.astype(np.float64))


def codes(table: Table, compared: Sequence[WatchedColumn]) -> Floats:
    """(n, d): the rows of a table in the codes of a reference's columns; a column that is not there is all NaN."""
    columns = [
        column.bins.marked(column.bins.codes(settle(table.column(column.name))))
        if column.bins is not None and column.name in table.names
        else np.full(table.n_rows, np.nan)
        for column in compared
    ]
    return np.column_stack(columns).astype(np.float64) if columns else np.empty((table.n_rows, 0))


def outputs_table(p: Floats) -> Table:
    """Predictions (n, k) as a table of columns."""
    columns = {f"output {j}": p[:, j] for j in range(p.shape[1])}
    return open_frame(pd.DataFrame(columns))
