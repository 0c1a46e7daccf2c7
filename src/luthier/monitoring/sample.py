"""A sample of rows that several servers can draw apart and put together: the rows with the least hashed keys."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Singles = NDArray[np.float32]

MOST_ROWS = 1_000
"""Rows kept: 80 KB at 20 columns, and enough for the classifier test to see an AUC of 0.55."""


@dataclass(frozen=True, slots=True, eq=False)
class RowSample:
    """At most `MOST_ROWS` rows, drawn alike from all that passed; which ones depends on their keys alone.

    Attributes
    ----------
    ranks
        (k,), increasing: hashed keys of the rows kept, the least of all.
    rows
        (k, d) float32: the rows.
    """

    ranks: Keys
    rows: Singles

    @classmethod
    def nothing(cls, d: int) -> Self:
        """Before any row of d columns."""
        return cls(np.empty(0, np.uint64), np.empty((0, d), np.float32))

    def of(self, ranks: Keys, rows: Singles) -> RowSample:
        """The least of these and those kept; a key that comes twice is one row."""
        merged, first = np.unique(np.concatenate([self.ranks, ranks]), return_index=True)
        return RowSample(merged[:MOST_ROWS], np.concatenate([self.rows, rows])[first[:MOST_ROWS]])

    def merged(self, other: RowSample) -> RowSample:
        """The sample of both streams."""
        return self.of(other.ranks, other.rows)

    def wanted(self, ranks: Keys) -> NDArray[np.int64]:
        """Positions of new rows that may enter: only these need to be read."""
        bound = self.ranks[-1] if len(self.ranks) == MOST_ROWS else None
        here = np.arange(len(ranks)) if bound is None else np.flatnonzero(ranks < bound)
        if len(here) > MOST_ROWS:
            here = here[np.argpartition(ranks[here], MOST_ROWS)[:MOST_ROWS]]
        return here

    def to_json(self) -> dict[str, Any]:
        """As JSON values: bytes in base64."""
        return {
            "ranks": base64.b64encode(self.ranks.tobytes()).decode(),
            "rows": base64.b64encode(self.rows.tobytes()).decode(),
            "columns": self.rows.shape[1],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """The sample that `to_json` wrote."""
        ranks, rows = (base64.b64decode(body[name]) for name in ("ranks", "rows"))
        shape = (-1, int(body["columns"])) if body["columns"] else (len(ranks) // 8, 0)
        return cls(np.frombuffer(ranks, np.uint64), np.frombuffer(rows, np.float32).reshape(shape))


def hashed(keys: Keys) -> Keys:
    """Every key as a number that looks uniform, and is the same everywhere (splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        z = keys + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)))
