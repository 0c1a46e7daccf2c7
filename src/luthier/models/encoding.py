"""From the feature matrix to columns that distances, dot products and gradients can use.

Fitted on training rows only, so nothing of a validation fold leaks into it. Trees need none of this.

- numbers: missing values become the median, with one column that says so; then `standard` (mean 0, deviation 1) or
  `normal_scores` (ranks mapped to normal quantiles, robust to skew and outliers);
- categories: one column a level; rare levels share one; a missing or unseen category has its own column if training
  rows had any, else shares the rare one, else is all zeros;
- columns that do not vary in training carry nothing and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from luthier.models.facts import Facts
from luthier.models.family import Floats
from luthier.models.files import ARRAYS, Arrays, damaged

Scaling = Literal["standard", "normal_scores"]
SCALINGS: tuple[str, ...] = get_args(Scaling)

MIN_LEVEL_ROWS = 10
"""Levels with fewer training rows are pooled. Our judgement: below that a level's own effect is mostly noise."""
MAX_LEVELS = 100
"""At most so many levels of a feature get their own column, the most frequent ones. Our judgement: it bounds cost."""
N_QUANTILES = 256
"""Knots of the normal-scores map: finer knots follow the noise of a few thousand rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """One-hot columns of one categorical feature: `column_of[code]` is its column, -1 none; the last entry is NaN's."""

    column_of: NDArray[np.int64]
    n_columns: int

    @classmethod
    def fit(cls, codes: Floats, n_levels: int) -> Self:
        """Count the levels of the training rows and give columns to those that are frequent enough."""
        missing = np.isnan(codes)
        counts = np.bincount(codes[~missing].astype(np.int64), minlength=n_levels)
        by_frequency = np.argsort(-counts, kind="stable")[:MAX_LEVELS]
        enough = min(MIN_LEVEL_ROWS, max(1, len(codes) // 20))  # on a few dozen rows ten would pool everything
        own = np.sort(by_frequency[counts[by_frequency] >= enough])
        column_of = np.full(n_levels + 1, -1, dtype=np.int64)
        column_of[own] = np.arange(len(own))
        n_columns = len(own)
        pooled = column_of[:-1] < 0
        if counts[pooled].any():
            column_of[:-1][pooled] = n_columns
            column_of[-1] = n_columns
            n_columns += 1
        if missing.any():
            column_of[-1] = n_columns
            n_columns += 1
        if n_columns < 2:  # every training row shows the same thing
            return cls(np.full(n_levels + 1, -1, dtype=np.int64), 0)
        return cls(column_of, n_columns)

    def place(self, codes: Floats) -> NDArray[np.int64]:
        """Return each row's column, -1 for none."""
        n_levels = len(self.column_of) - 1
        known = (codes >= 0) & (codes < n_levels)  # False for NaN
        return self.column_of[np.where(known, codes, n_levels).astype(np.int64)]


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """A fitted map from the feature matrix to dense columns without missing values.

    Parameters
    ----------
    numbers
        Columns of the matrix that hold varying numbers (q,).
    median, center, scale
        Of those columns, each (q,): what a missing value becomes, and (x - center) / scale.
    knots, scores
        The normal-scores map of those columns (q, N_QUANTILES), empty for `standard`.
    flagged
        Which of `numbers` get a "was missing" column.
    codes, levels
        Columns that hold level codes, and the one-hot columns of each.
    """

    numbers: NDArray[np.int64]
    median: Floats
    center: Floats
    scale: Floats
    knots: Floats
    scores: Floats
    flagged: NDArray[np.int64]
    codes: NDArray[np.int64]
    levels: tuple[Levels, ...]

    @classmethod
    def fit(cls, X: Floats, facts: Facts, scaling: str = "standard") -> Self:
        """Learn the map from training rows (n, p), n >= 1."""
        if scaling not in SCALINGS:
            raise ValueError(f"scaling is one of {SCALINGS}, not {scaling!r}")
        numeric = np.array(facts.numeric, dtype=np.int64)
        block = _bounded(X[:, numeric])
        missing = np.isnan(block)
        share = missing.mean(axis=0)
        present = np.flatnonzero(share < 1)
        numeric, block, missing, share = numeric[present], block[:, present], missing[:, present], share[present]
        median = np.nanmedian(block, axis=0) if block.size else np.zeros(len(numeric))
        filled = np.where(missing, median, block)
        varies = (filled.max(axis=0) > filled.min(axis=0)) if block.size else np.zeros(0, dtype=bool)
        # A column that is one number or missing still tells something: whether it is missing.
        keep = np.flatnonzero(varies | (share > 0))
        filled, median = filled[:, keep], median[keep]
        knots, scores = np.zeros((len(keep), 0)), np.zeros((len(keep), 0))
        if scaling == "normal_scores":
            knots, scores = _normal_scores(filled)
            filled = _map(filled, knots, scores)
        center = filled.mean(axis=0)
        deviation = filled.std(axis=0)
        # Rounding leaves a deviation of about 1e-16 * |x| in a column that does not vary.
        scale = np.where(deviation > 1e-12 * np.maximum(np.abs(center), 1e-300), deviation, 1.0)
        codes = np.array(facts.categorical, dtype=np.int64)
        levels = tuple(Levels.fit(X[:, j], n) for j, n in zip(facts.categorical, facts.n_levels, strict=True))
        return cls(numeric[keep], median, center, scale, knots, scores, np.flatnonzero(share[keep] > 0), codes, levels)

    @property
    def n_columns(self) -> int:
        """Number of columns that `encode` returns, at least 1."""
        return max(1, len(self.numbers) + len(self.flagged) + sum(level.n_columns for level in self.levels))

    def encode(self, X: Floats) -> Floats:
        """Encode rows (n, p) to (n, n_columns)."""
        # One column of zeros where no feature varies: libraries refuse a matrix without columns.
        out = np.zeros((len(X), self.n_columns))
        q = len(self.numbers)
        if q:
            block = _bounded(X[:, self.numbers])
            missing = np.isnan(block)
            filled = np.where(missing, self.median, block)
            if self.knots.shape[1]:
                filled = _map(filled, self.knots, self.scores)
            out[:, :q] = (filled - self.center) / self.scale
            out[:, q : q + len(self.flagged)] = missing[:, self.flagged]
        start, rows = q + len(self.flagged), np.arange(len(X))
        for j, level in zip(self.codes, self.levels, strict=True):
            place = level.place(X[:, j])
            shown = place >= 0
            out[rows[shown], start + place[shown]] = 1.0
            start += level.n_columns
        return out

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the map as plain arrays."""
        column_of = [level.column_of for level in self.levels]
        return {
            "encoder.numbers": self.numbers,
            "encoder.median": self.median,
            "encoder.center": self.center,
            "encoder.scale": self.scale,
            "encoder.knots": self.knots,
            "encoder.scores": self.scores,
            "encoder.flagged": self.flagged,
            "encoder.codes": self.codes,
            "encoder.n_levels": np.array([len(column) for column in column_of], dtype=np.int64),
            "encoder.n_columns": np.array([level.n_columns for level in self.levels], dtype=np.int64),
            "encoder.column_of": np.concatenate([*column_of, np.zeros(0, dtype=np.int64)]),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Back from `arrays`; indices are checked before anything uses them."""
        numbers = arrays.take("encoder.numbers", "i", 1)
        q = len(numbers)
        knots = arrays.take("encoder.knots", "f", 2, q)
        scores = arrays.take("encoder.scores", "f", 2, q)
        flagged = arrays.take("encoder.flagged", "i", 1)
        codes = arrays.take("encoder.codes", "i", 1)
        n_levels = arrays.take("encoder.n_levels", "i", 1, len(codes))
        n_columns = arrays.take("encoder.n_columns", "i", 1, len(codes))
        column_of = arrays.take("encoder.column_of", "i", 1, int(n_levels.sum()))
        pieces = np.split(column_of, np.cumsum(n_levels)[:-1]) if len(codes) else []
        fits = (
            knots.shape == scores.shape
            and (numbers >= 0).all()
            and (codes >= 0).all()
            and ((flagged >= 0) & (flagged < q)).all()
            and all(
                len(piece) and piece.min() >= -1 and piece.max() < n for piece, n in zip(pieces, n_columns, strict=True)
            )
        )
        if not fits:
            raise damaged(ARRAYS, "holds columns of the encoder that contradict each other")
        return cls(
            numbers,
            arrays.take("encoder.median", "f", 1, q),
            arrays.take("encoder.center", "f", 1, q),
            arrays.take("encoder.scale", "f", 1, q),
            knots,
            scores,
            flagged,
            codes,
            tuple(Levels(piece, int(n)) for piece, n in zip(pieces, n_columns, strict=True)),
        )


def _bounded(block: Floats) -> Floats:
    """Keep squares finite: nothing measured is beyond 1e100, and a variance must not overflow."""
    return np.clip(block, -1e100, 1e100)


def _normal_scores(X: Floats) -> tuple[Floats, Floats]:
    """Knots and scores (q, N_QUANTILES) of each column: quantiles of its values against normal quantiles.

    The extreme levels are half a row away from 0 and 1, so that the largest of n values maps to about the expected
    largest of n normal draws and not to infinity. Tied values share the mean of their scores.
    """
    n = len(X)
    level = np.linspace(0.5 / n, 1 - 0.5 / n, N_QUANTILES)
    knots = np.quantile(X, level, axis=0).T if X.size else np.zeros((X.shape[1], N_QUANTILES))
    knots = np.maximum.accumulate(knots, axis=1)  # interpolation can break the order in the last bit
    scores = np.tile(ndtri(level), (X.shape[1], 1))
    for row, score in zip(knots, scores, strict=True):
        _, tie, size = np.unique(row, return_inverse=True, return_counts=True)
        score[:] = (np.bincount(tie, weights=score) / size)[tie]
    return knots, scores


def _map(X: Floats, knots: Floats, scores: Floats) -> Floats:
    """Interpolate every column; beyond the training range the end scores hold."""
    return np.column_stack([np.interp(x, k, s) for x, k, s in zip(X.T, knots, scores, strict=True)]) if X.size else X
