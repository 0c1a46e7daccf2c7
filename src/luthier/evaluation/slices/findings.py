"""For whom the model fails: slices found on one half of the rows and tested on the other.

Whatever search was done on the first half, the second has not seen it, so a plain test there is honest; with
Benjamini & Hochberg's step over the few slices that are tested, at most `false_share` of what is reported is chance.
The halves then change places, each at half of that share, so that no row is lost to the search.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from luthier.data.slices import Slice
from luthier.evaluation.slices.bins import Binned, Codes, binned
from luthier.evaluation.slices.chance import Floats, Mask, p_of_draw, p_of_units, surplus_interval
from luthier.evaluation.slices.lattice import Found, Search, search, surplus_score
from luthier.scoring import Estimate

FALSE_SHARE = 0.05
MOST_TESTED = 10
"""Slices carried from one half to the other: each further one costs the others power."""
FEWEST_ROWS = 20
"""Rows of the smallest slice looked at, in either half; beyond 5,000 rows it is one in 250 of them."""
ALIKE = 0.6
"""Two slices that share more than this part of their rows (of either's) are one finding."""


@dataclass(frozen=True, slots=True)
class SliceFinding:
    """Rows on which the model does worse, found on other rows than it was tested on.

    Attributes
    ----------
    rows
        Which they are.
    n, share
        How many in the whole table, and what part of it.
    error, rest
        Mean error inside and outside, on the half on which the slice was tested.
    surplus
        Their difference; the interval is that of this slice alone.
    p
        Adjusted for the slices tested with it (Benjamini & Hochberg 1995) and for the two halves.
    """

    rows: Slice
    n: int
    share: float
    error: float
    rest: float
    surplus: Estimate
    p: float

    @property
    def ratio(self) -> float:
        """Error inside over error outside; infinite where there is none outside."""
        return self.error / self.rest if self.rest > 0 else math.inf

    def advice(self) -> tuple[str, ...]:
        """What could be done, most useful first, as sentences with something to type."""
        typed = str(self.rows).replace("'", "'\\''")
        return (
            f"Collect more rows of {self.rows}; there are {self.n} of them so far.",
            f"Tune again with these rows counting more: --reweight '{typed}'.",
            f"Until then have a person look at the answers for {self.rows}.",
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON values; `slice` is the text that `--reweight` takes."""
        return {
            "slice": str(self.rows),
            "columns": list(self.rows.columns),
            "n": self.n,
            "share": self.share,
            "error": self.error,
            "rest": self.rest,
            "ratio": None if math.isinf(self.ratio) else self.ratio,
            "surplus": self.surplus.to_json(),
            "p": self.p,
            "advice": list(self.advice()),
        }


@dataclass(frozen=True, slots=True)
class Slices:
    """The outcome of a search for slices.

    Attributes
    ----------
    findings
        The worst first; empty where nothing was found beyond chance.
    error
        What an error is, in words: "wrong answers", "squared error", ...
    mean
        Mean error over all rows.
    n, n_columns
        Rows and columns looked at.
    n_searched
        Slices of enough rows that were compared, over both halves.
    smallest
        Rows of the smallest slice looked at, in half of the table: what is rarer was not looked at.
    enough
        Whether there were rows enough to find anything.
    complete
        Whether every slice of up to three conditions was within reach of the search.
    false_share
        Most of what is reported that is chance, on average.
    """

    findings: tuple[SliceFinding, ...]
    error: str
    mean: float
    n: int
    n_columns: int
    n_searched: int
    smallest: int
    enough: bool
    complete: bool
    false_share: float = FALSE_SHARE

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "findings": [finding.to_dict() for finding in self.findings],
            "error": self.error,
            "mean": self.mean,
            "n": self.n,
            "n_columns": self.n_columns,
            "n_searched": self.n_searched,
            "smallest": self.smallest,
            "enough": self.enough,
            "complete": self.complete,
            "false_share": self.false_share,
        }


def find_slices(
    frame: pd.DataFrame,
    errors: Floats,
    *,
    rng: np.random.Generator,
    units: NDArray[np.int64] | None = None,
    error: str = "error",
    false_share: float = FALSE_SHARE,
    max_level: int = 3,
) -> Slices:
    """Find the parts of a table on which a model does worse.

    Parameters
    ----------
    frame
        (n, d): the columns slices are made of.
    errors
        (n,): error of every row, >= 0: 0 and 1 for right and wrong, a squared or absolute error, a loss. Of predictions
        by models that did not learn from the row.
    rng
        Deals the rows to the halves.
    units
        (n,): rows of one unit (group, block of time) are dealt and tested together; every row by itself when None.
    error
        What an error is, in words.
    false_share
        The false discovery rate. Where there is nothing to find, it is the probability that anything is reported.
    max_level
        Conditions of the longest slice.
    """
    n = len(frame)
    smallest = max(FEWEST_ROWS, n // 500)
    bins = binned(frame)
    size = {
        "error": error,
        "mean": float(errors.mean()) if n else math.nan,
        "n": n,
        "n_columns": len(set(bins.columns)),
    }
    if n < 8 * FEWEST_ROWS or not bins.conditions or errors.min() == errors.max():
        return Slices((), n_searched=0, smallest=smallest, enough=False, complete=True, false_share=false_share, **size)
    first = _first_half(n, units, rng)
    seen: list[tuple[float, Found, Mask]] = []
    n_searched, complete = 0, True
    for looked, tested in ((first, ~first), (~first, first)):
        found = search(
            bins.codes[looked], errors[looked], surplus_score(errors[looked]),
            n_best=2 * MOST_TESTED, min_size=smallest, max_level=max_level, apart=bins.columns,
        )  # fmt: skip
        n_searched += sum(found.tested)
        complete &= found.complete
        candidates = _distinct(_by_surprise(found, bins.codes[looked], errors[looked]), bins.codes[looked])
        candidates = [c for c in candidates if c.mask(bins.codes[tested]).sum() >= smallest / 2]
        if not candidates:
            continue
        masks = [c.mask(bins.codes) & tested for c in candidates]
        p = [_p(errors[tested], mask[tested], None if units is None else units[tested]) for mask in masks]
        # Each half at half the rate: by adjusted values, twice of each.
        adjusted = np.minimum(2 * _weighted_bh(np.array(p)), 1.0)
        seen += [(q, c, tested) for q, c in zip(adjusted, candidates, strict=True) if q <= false_share]
    kept = _distinct([c for _, c, _ in sorted(seen, key=lambda s: s[0])], bins.codes)
    of = {(c.columns, c.bins): (q, tested) for q, c, tested in sorted(seen, key=lambda s: -s[0])}
    findings = [_finding(c, *of[c.columns, c.bins], bins, errors) for c in kept]
    return Slices(
        tuple(sorted(findings, key=lambda f: -f.surplus.value * f.n)),
        n_searched=n_searched, smallest=smallest, enough=True, complete=complete, false_share=false_share, **size,
    )  # fmt: skip


def _first_half(n: int, units: NDArray[np.int64] | None, rng: np.random.Generator) -> Mask:
    codes = np.arange(n) if units is None else np.unique(units, return_inverse=True)[1]
    order = rng.permutation(int(codes.max()) + 1)
    half: Mask = (order < len(order) / 2)[codes]
    return half


def _by_surprise(found: Search, codes: Codes, errors: Floats) -> list[Found]:
    """Slices by how little chance explains them, given how many of their length were looked at.

    The search ranks by a normal curve, which flatters small slices where large errors are rare.
    """

    def log_p(f: Found) -> float:
        chance = max(p_of_draw(errors, f.mask(codes)), sys.float_info.min)
        return math.log(chance) + math.log(max(found.tested[len(f.columns) - 1], 1))

    return sorted(found.best, key=log_p)


def _distinct(ranked: list[Found], codes: Codes) -> list[Found]:
    """The best of every family of slices that are mostly the same rows."""
    kept: list[Found] = []
    masks: list[Mask] = []
    for found in ranked:
        mask = found.mask(codes)
        if all((mask & other).sum() <= ALIKE * (mask | other).sum() for other in masks):
            kept.append(found)
            masks.append(mask)
        if len(kept) == MOST_TESTED:
            break
    return kept


def _weighted_bh(p: Floats) -> Floats:
    """Adjusted p-values of tests that come in the order of how promising they are.

    The i-th gets a weight in proportion to 1 / i: weights that do not depend on the tested rows leave the false
    discovery rate what it is. Source: Genovese, Roeder & Wasserman (2006), Biometrika 93.
    """
    weights = 1 / np.arange(1, len(p) + 1)
    adjusted: Floats = stats.false_discovery_control(np.minimum(p / (weights / weights.mean()), 1.0), method="bh")
    return adjusted


def _p(errors: Floats, inside: Mask, units: NDArray[np.int64] | None) -> float:
    return p_of_draw(errors, inside) if units is None else p_of_units(errors, inside, units)


def _finding(found: Found, p: float, tested: Mask, bins: Binned, errors: Floats) -> SliceFinding:
    inside = found.mask(bins.codes)
    difference, low, high = surplus_interval(errors[tested], inside[tested], 0.95)
    conditions = tuple(bins.conditions[column][code] for column, code in zip(found.columns, found.bins, strict=True))
    return SliceFinding(
        rows=Slice(conditions),
        n=int(inside.sum()),
        share=float(inside.mean()),
        error=float(errors[tested & inside].mean()),
        rest=float(errors[tested & ~inside].mean()),
        surplus=Estimate(difference, low, high, int((tested & inside).sum()), 0.95, "on rows the search did not see"),
        p=float(p),
    )
