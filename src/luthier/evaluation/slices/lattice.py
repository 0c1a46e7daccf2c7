"""SliceLine: the slices of a binned table that a score ranks highest, found exactly.

A slice is a conjunction of bins of different columns. All slices of one set of columns are counted in one pass over the
rows; a set is passed over when no slice of it can reach what was found already, by the bounds of the slices above it.

Source: Sagadeeva & Boehm (2021), "SliceLine: Fast, Linear-Algebra-based Slice Finding for ML Model Debugging",
SIGMOD, eq. 5 (score), sec. 3.2 and 4.3 (bounds and pruning). The enumeration by sets of columns instead of by sparse
products is ours: with ten bins a column it is one `bincount` for up to a thousand slices.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int16]
Score = Callable[[Floats, Floats], Floats]
"""(sizes, sums of errors) -> scores; for a given size it must not fall with the errors, and where every row brings the
same error, it must not be lower for more of them."""

MOST_PASSES = 6000
"""Sets of columns that are counted at most; beyond, those with the highest bounds are."""
MOST_CELLS = 2**22
"""Slices of one set of columns at most, which bounds the memory; wider columns are not combined further."""


@dataclass(frozen=True, slots=True)
class Found:
    """One slice: `bins[i]` of column `columns[i]`.

    Attributes
    ----------
    columns, bins
        Positions of the columns, rising, and the bin of each.
    size, errors
        Rows in it, and the sum of their errors.
    score
        By the score that was asked for.
    """

    columns: tuple[int, ...]
    bins: tuple[int, ...]
    size: int
    errors: float
    score: float

    def mask(self, codes: Codes) -> NDArray[np.bool_]:
        """(n,): the rows of binned columns that belong to it."""
        found = np.ones(len(codes), bool)
        for column, code in zip(self.columns, self.bins, strict=True):
            found &= codes[:, column] == code
        return found


@dataclass(frozen=True, slots=True)
class Search:
    """The best slices, best first; `tested` slices of enough rows were scored at each level, the first being level 1.

    `complete` is False when sets of columns were left out because there were more than `MOST_PASSES`.
    """

    best: tuple[Found, ...]
    tested: tuple[int, ...]
    complete: bool

    def compared(self, found: Found) -> int:
        """Slices of as many conditions that were scored."""
        return self.tested[len(found.columns) - 1]


def sliceline_score(errors: Floats, alpha: float) -> Score:
    """The score of the paper: size against error.

        sc = alpha ((e_S / |S|) / (e / n) - 1) - (1 - alpha) (n / |S| - 1)

    `alpha` in (0, 1] is the weight of the error. Source: Sagadeeva & Boehm (2021), eq. 5.
    """
    n, mean = len(errors), float(errors.mean())

    def score(sizes: Floats, sums: Floats) -> Floats:
        return alpha * (sums / sizes / mean - 1) - (1 - alpha) * (n / sizes - 1)

    return score


def surplus_score(errors: Floats) -> Score:
    """By how many standard deviations the errors of so many rows exceed what rows drawn by chance would have.

    z = (e_S - |S| m) / (s sqrt(|S|)), with mean m and standard deviation s of all errors.
    """
    mean, spread = float(errors.mean()), float(errors.std()) or 1.0

    def score(sizes: Floats, sums: Floats) -> Floats:
        return (sums - sizes * mean) / (spread * np.sqrt(sizes))

    return score


def search(
    codes: Codes,
    errors: Floats,
    score: Score,
    *,
    n_best: int = 10,
    min_size: int = 10,
    max_level: int = 3,
    apart: Sequence[int] | None = None,
    alone: Collection[int] = (),
) -> Search:
    """The `n_best` slices of highest score above zero, at every level up to `max_level`.

    A longer slice that scores below all that were kept of a level above is not looked for.

    Parameters
    ----------
    codes
        (n, d): bin of every row; -1 for none.
    errors
        (n,): >= 0.
    score
        `sliceline_score(...)` or `surplus_score(...)`.
    n_best
        Slices wanted of each level; ties beyond are cut.
    min_size
        Rows of the smallest slice looked at.
    max_level
        Conditions of the longest slice.
    apart
        (d,): columns of the same number are cuts of one thing, and never combined. All different when None.
    alone
        Columns that are not combined with any other.

    Raises
    ------
    ValueError
        An error is negative or not finite.
    """
    if not (errors >= 0).all() or not np.isfinite(errors).all():
        raise ValueError("the errors of a slice search are finite and not negative")
    d = codes.shape[1]
    counter = _Counter(codes, errors)
    levels: list[_Best] = []
    tested: list[int] = []
    worst = float(errors.max(initial=0.0))
    bounds: dict[tuple[int, ...], float] = {}
    complete = True
    for level in range(1, min(max_level, d) + 1):
        best = _Best(n_best)
        levels.append(best)
        tested.append(0)
        worth = min((b.threshold for b in levels[:-1]), default=0.0)
        sets = list(_sets(range(d) if apart is None else apart, alone, level, bounds, worth))
        complete &= len(sets) <= MOST_PASSES
        sets = sorted(sets, key=lambda s: -s[1])[:MOST_PASSES]
        above, bounds = bounds, {}
        for columns, bound in sets:
            if above and bound <= max(best.threshold, 0.0):
                break  # the sets come by falling bounds
            widths = counter.widths(columns)
            if math.prod(widths) > MOST_CELLS:
                complete = False
                continue
            sizes, sums = counter.count(columns)
            enough = np.flatnonzero(sizes >= max(min_size, 1))
            tested[-1] += len(enough)
            if not len(enough):
                continue
            scores = score(sizes[enough], sums[enough])
            for at in best.worth_offering(scores):
                bins = tuple(int(b) for b in np.unravel_index(enough[at], widths))
                best.offer(Found(columns, bins, int(sizes[enough[at]]), float(sums[enough[at]]), float(scores[at])))
            bounds[columns] = float(_bound(score, sizes[enough], sums[enough], worst, min_size).max())
    ranked = sorted((f for b in levels for f in b.found()), key=lambda f: (-f.score, len(f.columns), f.columns, f.bins))
    return Search(tuple(ranked), tuple(tested), complete)


class _Best:
    """The best slices of one level."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[float, int, Found]] = []
        self._order = itertools.count()

    @property
    def threshold(self) -> float:
        """What a slice must exceed to be kept."""
        return self._heap[0][0] if len(self._heap) == self._most else 0.0

    def worth_offering(self, scores: Floats) -> NDArray[np.intp]:
        """Positions of the scores that may be kept, the highest first."""
        good = np.flatnonzero(scores > self.threshold)
        return good[np.argsort(-scores[good], kind="stable")[: self._most]]

    def offer(self, found: Found) -> None:
        """Keep a slice if it is among the best."""
        entry = (found.score, -next(self._order), found)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, entry)
        elif found.score > self._heap[0][0]:
            heapq.heapreplace(self._heap, entry)

    def found(self) -> list[Found]:
        """The slices kept, in no order."""
        return [found for _, _, found in self._heap]


def _sets(
    apart: Sequence[int], alone: Collection[int], level: int, bounds: dict[tuple[int, ...], float], threshold: float
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Sets of columns whose subsets all leave room for a slice above the threshold, with what they leave room for."""
    if level == 1:
        yield from (((c,), np.inf) for c in range(len(apart)))
        return
    for columns in itertools.combinations([c for c in range(len(apart)) if c not in alone], level):
        if len({apart[c] for c in columns}) < level:
            continue
        parents = [bounds.get(parent, -np.inf) for parent in itertools.combinations(columns, level - 1)]
        if (bound := min(parents)) > threshold:
            yield columns, bound


class _Counter:
    """Counts rows and errors of all slices of a set of columns.

    Rows without a bin are counted in a place of their own, which is cut off afterwards: that is cheaper than to look
    for them each time.
    """

    def __init__(self, codes: Codes, errors: Floats) -> None:
        self._bins = [int(column.max(initial=0)) + 1 for column in codes.T]
        self._places = [
            np.where(column < 0, bins, column).astype(np.int64)
            for column, bins in zip(codes.T, self._bins, strict=True)
        ]
        self._rooms = [bins + int((column < 0).any()) for column, bins in zip(codes.T, self._bins, strict=True)]
        wrong = np.flatnonzero(errors)
        self._wrong = wrong if 2 * len(wrong) < len(errors) else None
        self._errors = errors if self._wrong is None else errors[wrong]

    def widths(self, columns: tuple[int, ...]) -> tuple[int, ...]:
        """Bins of each of the columns."""
        return tuple(self._bins[c] for c in columns)

    def count(self, columns: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Rows and sum of errors of every slice of these columns, the last column running fastest."""
        flat = self._places[columns[0]]
        for c in columns[1:]:
            flat = flat * self._rooms[c] + self._places[c]
        rooms = tuple(self._rooms[c] for c in columns)
        sizes = np.bincount(flat, minlength=math.prod(rooms))
        at = flat if self._wrong is None else flat[self._wrong]
        sums = np.bincount(at, weights=self._errors, minlength=math.prod(rooms))
        inside = tuple(slice(width) for width in self.widths(columns))
        return (
            sizes.reshape(rooms)[inside].ravel().astype(np.float64),
            sums.reshape(rooms)[inside].ravel().astype(np.float64),
        )


def _bound(score: Score, sizes: Floats, sums: Floats, worst: float, min_size: int) -> Floats:
    """Highest score that any part of these slices can have.

    A part of s rows has errors of at most min(sums, s * worst), so its score is highest with fewest rows, with all, or
    where the two meet.
    """
    fewest = np.full_like(sizes, max(min_size, 1))
    meeting = np.clip(sums / worst if worst > 0 else sizes, fewest, sizes)
    at = [score(s, np.minimum(sums, s * worst)) for s in (fewest, meeting, sizes)]
    highest: Floats = np.maximum.reduce(at)
    return highest
