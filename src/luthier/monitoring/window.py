"""A reference to compare with, and a window of live rows counted in its bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from luthier.data.cells import Cells, settle
from luthier.data.frames import Table
from luthier.data.words import suggests_identity
from luthier.monitoring.counts import Bins, ColumnCounts
from luthier.monitoring.sample import Keys, RowSample, hashed


@dataclass(frozen=True, slots=True, eq=False)
class WatchedColumn:
    """A column of the reference and where its values are counted; without bins it is not compared, for a reason."""

    name: str
    held: str
    bins: Bins | None
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What live rows are compared with: the bins of every column, and the reference's own counts in them."""

    columns: tuple[WatchedColumn, ...]
    window: Window

    @classmethod
    def of(cls, table: Table, names: Sequence[str] | None = None) -> Self:
        """Lay down bins and count the table in them.

        Parameters
        ----------
        table
            The rows a model was made for: those it was trained or tested on, or a good month.
        names
            Columns to watch; all when left out. Dates, identifiers, nested and empty columns are named but not
            compared: they change by themselves, or hold nothing that could.
        """
        watched = tuple(_watched(name, settle(table.column(name))) for name in names or table.names)
        empty = Window.before_any(watched)
        return cls(watched, empty.after(table, watched))

    @property
    def compared(self) -> tuple[WatchedColumn, ...]:
        """The columns with bins, in the order of the window's counts."""
        return tuple(column for column in self.columns if column.bins is not None)

    def start(self) -> Window:
        """A window before its first row."""
        return Window.before_any(self.columns)

    def to_json(self) -> dict[str, Any]:
        """As JSON values; below 1 MB at 20 columns, however many rows it stands for."""
        columns = [
            {"name": c.name, "held": c.held, "bins": None if c.bins is None else c.bins.to_json(), "reason": c.reason}
            for c in self.columns
        ]
        return {"version": 1, "columns": columns, "window": self.window.to_json()}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """The reference that `to_json` wrote."""
        columns = tuple(
            WatchedColumn(c["name"], c["held"], None if c["bins"] is None else Bins.from_json(c["bins"]), c["reason"])
            for c in body["columns"]
        )
        return cls(columns, Window.from_json(body["window"]))


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Live rows, counted. `merged` adds up what several servers counted apart.

    Attributes
    ----------
    n
        Rows.
    counts
        Of every compared column, in the reference's order.
    sample
        Some of the rows, as codes, for what counts of single columns cannot show.
    absent
        Column -> rows of tables in which it was not there; they count as missing.
    extra
        Columns that the reference does not have.
    """

    n: int
    counts: tuple[ColumnCounts, ...]
    sample: RowSample
    absent: Mapping[str, int]
    extra: tuple[str, ...] = ()

    @classmethod
    def before_any(cls, columns: Sequence[WatchedColumn]) -> Self:
        """Before any row."""
        bins = [column.bins for column in columns if column.bins is not None]
        return cls(0, tuple(map(ColumnCounts.nothing, bins)), RowSample.nothing(len(bins)), {})

    def after(self, table: Table, columns: Sequence[WatchedColumn], keys: Keys | None = None) -> Window:
        """The window with the rows of a table added; the same rows in any portions give the same window.

        Parameters
        ----------
        columns
            Those of the reference.
        keys
            (n_rows,) uint64, different for different rows, such as hashes of their ids; decides which are sampled. Left
            out, rows are numbered as they come: give keys where windows are to be merged.
        """
        n = table.n_rows
        if keys is None:
            keys = np.arange(self.n, self.n + n, dtype=np.uint64)
        ranks = hashed(keys)
        chosen = self.sample.wanted(ranks)
        counts, codes, absent = [], [], dict(self.absent)
        compared = [(column.name, column.bins) for column in columns if column.bins is not None]
        for (name, bins), before in zip(compared, self.counts, strict=True):
            if name in table.names:
                cells = settle(table.column(name))
            else:
                cells = Cells("empty", np.full(n, np.nan))
                absent[name] = absent.get(name, 0) + n
            counts.append(before.merged(ColumnCounts.of(cells, bins)))
            codes.append(bins.codes(_rows(cells, chosen)).astype(np.float32))
        rows = np.column_stack(codes) if codes else np.empty((len(chosen), 0), np.float32)
        known = {column.name for column in columns}
        extra = tuple(dict.fromkeys([*self.extra, *(name for name in table.names if name not in known)]))
        return Window(self.n + n, tuple(counts), self.sample.of(ranks[chosen], rows), absent, extra)

    def merged(self, other: Window) -> Window:
        """The window of both streams of rows."""
        return Window(
            self.n + other.n,
            tuple(a.merged(b) for a, b in zip(self.counts, other.counts, strict=True)),
            self.sample.merged(other.sample),
            {name: self.absent.get(name, 0) + other.absent.get(name, 0) for name in {**self.absent, **other.absent}},
            tuple(dict.fromkeys([*self.extra, *other.extra])),
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "n": self.n,
            "counts": [counts.to_json() for counts in self.counts],
            "sample": self.sample.to_json(),
            "absent": dict(self.absent),
            "extra": list(self.extra),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """The window that `to_json` wrote."""
        counts = tuple(ColumnCounts.from_json(counts) for counts in body["counts"])
        sample = RowSample.from_json(body["sample"])
        return cls(int(body["n"]), counts, sample, dict(body["absent"]), tuple(body["extra"]))


def _watched(name: str, cells: Cells) -> WatchedColumn:
    reason = _reason_to_skip(name, cells)
    return WatchedColumn(name, cells.kind, None if reason else Bins.of(cells), reason)


def _reason_to_skip(name: str, cells: Cells) -> str:
    n = len(cells) - int(cells.missing.sum())
    if n == 0:
        return "the reference holds no value"
    if cells.kind == "datetime":
        return "dates move on by themselves"
    if cells.kind == "nested":
        return "it holds lists or mappings"
    if n > 20 and cells.levels is not None and len(cells.levels) > 0.9 * n:
        return "nearly every row has a word of its own"
    if n > 20 and suggests_identity(name) and cells.array.dtype.kind == "i" and len(np.unique(cells.array)) == n:
        return "it numbers the rows"
    return ""


def _rows(cells: Cells, rows: Any) -> Cells:
    return Cells(cells.kind, cells.array[rows], cells.levels, cells.declared)
