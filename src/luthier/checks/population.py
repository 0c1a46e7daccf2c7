"""Who the model is meant for: declared shares, how far the table is from them, and the weights that mend it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.data.cells import Cells, level_text
from luthier.errors import UsageError

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER})?(?:-|\.\.)({_NUMBER})?")
ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of a column's values, a range of numbers (ends included) or one word, and its share of the population."""

    label: str
    share: float
    low: float = -np.inf
    high: float = np.inf


@dataclass(frozen=True, slots=True)
class Declared:
    """The shares of one column's slices in the population, summing to 1."""

    column: str
    slices: tuple[Slice, ...]

    def codes(self, cells: Cells) -> Indices:
        """(n,) slice of every row; -1 in none of them, or missing."""
        out = np.full(len(cells), -1, np.int64)
        if cells.levels is not None:
            at = {part.label.casefold(): i for i, part in enumerate(self.slices)}
            of_level = [at.get(level_text(word).casefold(), -1) for word in cells.levels]
            return np.asarray(np.array([*of_level, -1], np.int64)[cells.array])
        if cells.kind == "boolean":
            at = {part.label.casefold(): i for i, part in enumerate(self.slices)}
            for value, words in ((1.0, ("true", "yes", "1")), (0.0, ("false", "no", "0"))):
                out[cells.array == value] = next((at[word] for word in words if word in at), -1)
            return out
        if cells.kind == "number":
            values = cells.array.astype(np.float64)
            for i, part in reversed(list(enumerate(self.slices))):  # where two ranges meet the first counts
                out[(values >= part.low) & (values <= part.high)] = i
        return out


def parse_population(text: str) -> Declared:
    """Read declared shares.

    Parameters
    ----------
    text
        ``COLUMN=SLICE:SHARE,SLICE:SHARE,...``: a slice is a range of numbers (``18-30``, ``-5..3``, ``65-`` for "and
        more", both ends included; one number alone is itself) or a word; shares add up to 1.

    Raises
    ------
    UsageError
        It does not read so, or the shares do not add up to 1.

    Examples
    --------
    >>> [(part.label, part.share) for part in parse_population("age=18-30:0.2,31-:0.8").slices]
    [('18-30', 0.2), ('31-', 0.8)]
    """
    column, equals, rest = text.partition("=")
    parts = [piece.rpartition(":") for piece in rest.split(",") if piece.strip()]
    example = "--population 'age=18-30:0.2,31-50:0.5,51-:0.3'"
    try:
        slices = tuple(_slice(label.strip(), float(share)) for label, _, share in parts)
    except ValueError as error:
        raise UsageError(f"the population {text!r} cannot be read: {error}", fix=f"write it like {example}") from error
    if not (equals and column.strip() and len(slices) > 1):
        raise UsageError(f"the population {text!r} names no column with two slices", fix=f"write it like {example}")
    total = sum(part.share for part in slices)
    if abs(total - 1.0) > 0.01 or min(part.share for part in slices) < 0:
        raise UsageError(
            f"the shares of {column.strip()!r} add up to {total:g}, not to 1",
            fix="name every slice of the population, each with its share",
        )
    return Declared(column.strip(), tuple(Slice(s.label, s.share / total, s.low, s.high) for s in slices))


def _slice(label: str, share: float) -> Slice:
    found = _RANGE.fullmatch(label)
    if found is not None and label not in {"-", ".."}:
        low, high = found.groups()
        return Slice(label, share, -np.inf if low is None else float(low), np.inf if high is None else float(high))
    if re.fullmatch(_NUMBER, label):
        return Slice(label, share, float(label), float(label))
    return Slice(label, share)


def raked_weights(codes: Sequence[Indices], shares: Sequence[Floats]) -> Floats:
    """Weights under which every column has the shares of the population: iterative proportional fitting.

    Parameters
    ----------
    codes
        For every column (n,): the slice of every row, -1 where it has none (such rows keep their weight).
    shares
        For every column (k,): the shares of its slices, summing to 1.

    Returns
    -------
    (n,) weights >= 0 of mean 1. Slices without rows cannot be mended: the others share what they lack.

    Notes
    -----
    Source: Deming & Stephan (1940), Annals of Mathematical Statistics 11.

    Examples
    --------
    >>> raked_weights([np.array([0, 0, 0, 1])], [np.array([0.5, 0.5])]).round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    w = np.ones(len(codes[0]))
    for _ in range(ROUNDS):
        before = w.copy()
        for code, share in zip(codes, shares, strict=True):
            known = code >= 0
            held = np.bincount(code[known], weights=w[known], minlength=len(share))
            wanted = np.where(held > 0, share, 0.0)
            factor = np.divide(
                wanted / max(wanted.sum(), 1e-12) * held.sum(), held, out=np.ones(len(share)), where=held > 0
            )
            w[known] *= factor[code[known]]
        if np.abs(w - before).max() < 1e-9:
            break
    return np.asarray(w / w.mean())


def effective_rows(w: Floats) -> float:
    """Rows of equal weight that say as much: (sum w)^2 / sum w^2 (Kish 1965, Survey Sampling)."""
    return float(w.sum() ** 2 / (w**2).sum())
