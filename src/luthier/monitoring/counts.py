"""What is kept of a column however long it grows: counts in bins that its reference laid down.

Counts add up. Several servers' counts are one monitor's, the order of rows is nothing to them, and eight partial ones
merged are the whole to the last row, which no sketch of quantiles promises: those are merged by coin flips, and their
error in rank (1.3 % in the usual size) is twice the distance that a test of 50,000 rows has to see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from luthier.data.cells import Cells, level_text
from luthier.data.words import find_number

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Kind = Literal["number", "words"]

MOST_BINS = 256
"""Bins of numbers. A test reads its distance between them: a 256th of the rows at most is overlooked."""
MOST_LEVELS = 1_000
"""Words that are counted one by one; all others together."""
FAR = 1.0
"""Values further outside the range of the reference than so many times its width, and its greatest absolute value, are
not of its kind. The width alone would condemn a price level that hardly moved for a month and doubles within a year."""


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Where the values of one column are counted.

    Attributes
    ----------
    edges
        Numbers: (k,) increasing, from the least to the greatest value of the reference. Bin j of k + 1 counts the
        values above edge j - 1 and not above edge j; the last, those above the greatest.
    levels
        Words: (k,), the most frequent first. Bin j counts level j; the last, all other words.
    whole
        Whether `levels` are all words of the reference, so that any other is new.
    """

    kind: Kind
    edges: Floats = field(default_factory=lambda: np.empty(0))
    levels: tuple[str, ...] = ()
    whole: bool = True

    @classmethod
    def of(cls, cells: Cells) -> Self:
        """Bins of about equal mass for numbers, or the levels of words."""
        if cells.kind in {"number", "boolean"}:
            values = np.sort(cells.array[~cells.missing]).astype(np.float64)
            places = np.linspace(0, len(values) - 1, MOST_BINS).round().astype(np.int64)
            return cls("number", edges=np.unique(values) if _few(values) else np.unique(values[places]))
        assert cells.levels is not None
        counts = np.bincount(cells.array[cells.array >= 0], minlength=len(cells.levels))
        order = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
        return cls("words", levels=tuple(map(str, cells.levels[order])), whole=len(cells.levels) <= MOST_LEVELS)

    @property
    def n(self) -> int:
        """Bins, the one for everything else among them."""
        return 1 + (len(self.edges) if self.kind == "number" else len(self.levels))

    def codes(self, cells: Cells) -> Floats:
        """One number a row, NaN where there is none: the number itself, or the position of the level's bin."""
        if self.kind == "number":
            return _numbers(cells)
        words, position = _words(cells)
        at = {level: j for j, level in enumerate(self.levels)}
        lookup = np.array([*(at.get(word, len(at)) for word in words), np.nan])
        return np.asarray(lookup[position])

    def marked(self, codes: Floats) -> Floats:
        """Codes with -1 for words that are none of the levels, as `classifier_two_sample` wants them."""
        return codes if self.kind == "number" else np.where(codes == len(self.levels), -1.0, codes)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"kind": self.kind, "edges": self.edges.tolist(), "levels": list(self.levels), "whole": self.whole}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """The bins that `to_json` wrote."""
        return cls(body["kind"], np.array(body["edges"], np.float64), tuple(body["levels"]), bool(body["whole"]))


@dataclass(frozen=True, slots=True, eq=False)
class ColumnCounts:
    """How often each bin of a column was hit.

    Attributes
    ----------
    missing, unreadable
        Rows without a value, and rows with a value that is no number where numbers are counted.
    bins
        (Bins.n,): rows in every bin.
    below
        Of the first bin of numbers, the rows below its edge, which is the least value of the reference.
    far
        Of the numbers outside the reference's range, the rows that are so by more than `FAR` allows.
    new
        Words that the reference did not hold, and how often; none where the reference had too many to know them all.
    """

    missing: int
    unreadable: int
    bins: Counts
    below: int = 0
    far: int = 0
    new: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def nothing(cls, bins: Bins) -> Self:
        """Before any row."""
        return cls(0, 0, np.zeros(bins.n, np.int64))

    @classmethod
    def of(cls, cells: Cells, bins: Bins) -> Self:
        """Count a column's cells."""
        if bins.kind == "number":
            return cls._of_numbers(cells, bins)
        codes = bins.codes(cells)
        known = codes[~np.isnan(codes)].astype(np.int64)
        counts = np.bincount(known, minlength=bins.n)
        new: dict[str, int] = {}
        if bins.whole and counts[-1]:
            words, position = _words(cells)
            times = np.bincount(position[position >= 0], minlength=len(words))
            seen = set(bins.levels)
            fresh = sorted((-int(k), word) for word, k in zip(words, times, strict=True) if word not in seen and k)
            new = {word: -k for k, word in fresh[:MOST_LEVELS]}
        return cls(len(cells) - len(known), 0, counts, new=new)

    @classmethod
    def _of_numbers(cls, cells: Cells, bins: Bins) -> Self:
        values = _numbers(cells)
        gone = int(cells.missing.sum())
        sorted_values = np.sort(values)  # NaN comes last
        n = len(values) - int(np.isnan(values).sum())
        sorted_values = sorted_values[:n]
        up_to = np.append(np.searchsorted(sorted_values, bins.edges, side="right"), n)
        below, far = 0, 0
        if len(bins.edges):
            low, high = float(bins.edges[0]), float(bins.edges[-1])
            reach = FAR * max(high - low, abs(low), abs(high))
            below = int(np.searchsorted(sorted_values, low))
            far = int(np.searchsorted(sorted_values, low - reach)) + n
            far -= int(np.searchsorted(sorted_values, high + reach, side="right"))
        return cls(gone, len(values) - n - gone, np.diff(up_to, prepend=0).astype(np.int64), below, far)

    @property
    def known(self) -> int:
        """Rows with a value that was counted."""
        return int(self.bins.sum())

    @property
    def rows(self) -> int:
        """All rows."""
        return self.known + self.missing + self.unreadable

    def merged(self, other: ColumnCounts) -> ColumnCounts:
        """The counts of both."""
        new = dict(self.new)
        for word, times in other.new.items():
            new[word] = new.get(word, 0) + times
        most = dict(sorted(new.items(), key=lambda item: (-item[1], item[0]))[:MOST_LEVELS])
        return ColumnCounts(
            self.missing + other.missing,
            self.unreadable + other.unreadable,
            self.bins + other.bins,
            self.below + other.below,
            self.far + other.far,
            most,
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "missing": self.missing,
            "unreadable": self.unreadable,
            "bins": self.bins.tolist(),
            "below": self.below,
            "far": self.far,
            "new": dict(self.new),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """The counts that `to_json` wrote."""
        bins = np.array(body["bins"], np.int64)
        gone = int(body["missing"]), int(body["unreadable"])
        return cls(*gone, bins, int(body["below"]), int(body.get("far", 0)), dict(body["new"]))


def _few(values: Floats) -> bool:
    return int((np.diff(values) > 0).sum()) < MOST_BINS


def _numbers(cells: Cells) -> Floats:
    """Numbers, NaN where there is none or it cannot be read as one."""
    if cells.levels is not None:
        found = [find_number(str(word)) for word in cells.levels]
        table = np.array([*(np.nan if number is None else number for number in found), np.nan])
        return np.asarray(table[cells.array])
    if cells.kind == "datetime":
        return np.full(len(cells), np.nan)
    return cells.array.astype(np.float64, copy=False)


def _words(cells: Cells) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The different words and, for every row, which; -1 where there is none."""
    if cells.levels is not None:
        return tuple(map(str, cells.levels)), cells.array.astype(np.int64, copy=False)
    here = ~cells.missing
    values, inverse = np.unique(cells.array[here], return_inverse=True)
    position = np.full(len(cells), -1, np.int64)
    position[here] = inverse
    named = [("false", "true")[int(v)] for v in values] if cells.kind == "boolean" else map(level_text, values)
    return tuple(named), position
