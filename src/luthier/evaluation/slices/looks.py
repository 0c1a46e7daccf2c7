"""Find slices on which a model does worse, by looks that cannot mistake chance for a finding.

Whatever search was done on one half of the rows, the other has not seen it, so a plain test there is honest; with
Benjamini & Hochberg's step over the few slices that are tested, at most `false_share` of what is reported is chance.
The halves then change places, so that no row is lost to the search. A third look searches all rows at once and asks
more of a slice: that chance would hardly make one as bad among all that were compared (Bonferroni). The halves find
weak slices of many rows, the third look finds strong ones of few (studies/slices).

An interval is as strict as the test that its slice had to pass: intervals of the selected are not too narrow for
having been selected, and p and interval do not disagree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from luthier.data.slices import Slice
from luthier.evaluation.slices.bins import Binned, Codes, binned
from luthier.evaluation.slices.chance import Floats, Mask, p_of_draw, p_of_units, surplus_interval
from luthier.evaluation.slices.findings import SliceFinding, Slices
from luthier.evaluation.slices.lattice import Found, Search, search, surplus_score
from luthier.scoring import Estimate

FALSE_SHARE = 0.05
HALF_PART = 0.25
"""Part of the false discovery rate that a look from one half to the other may use; the look at all has the rest."""
MOST_TESTED = 10
"""Slices carried from one half to the other: each further one costs the others power."""
FEWEST_ROWS = 20
"""Rows of the smallest slice looked at; beyond 10,000 rows it is one in 500 of them."""
TINY = 1e-300
ALIKE = 0.6
"""Two slices that share more than this part of the rows of the smaller are one finding."""


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
    outcome = Slices(
        findings=(),
        error=error,
        mean=float(errors.mean()) if n else math.nan,
        n=n,
        n_columns=len(set(bins.columns)),
        n_searched=0,
        smallest=smallest,
        enough=False,
        complete=True,
        false_share=false_share,
    )
    if n < 8 * FEWEST_ROWS or not bins.conditions or errors.min() == errors.max():
        return outcome
    first = _first_half(n, units, rng)
    everyone = np.ones(n, bool)
    # Tests of units lean on a t distribution, which says little of the far tail that a look at everything needs.
    looks = [(first, 0.5), (~first, 0.5)]
    if units is None:
        looks = [(first, HALF_PART), (~first, HALF_PART), (everyone, 1 - 2 * HALF_PART)]
    seen: list[_Seen] = []
    n_searched, complete = 0, True
    for looked, part in looks:
        found = search(
            bins.codes[looked], errors[looked], surplus_score(errors[looked]),
            n_best=2 * MOST_TESTED, min_size=smallest, max_level=max_level, apart=bins.columns, alone=bins.fine,
        )  # fmt: skip
        n_searched += sum(found.tested)
        complete &= found.complete
        candidates = _candidates(found, bins.codes[looked], errors[looked])
        alpha = part * false_share
        if looked is everyone:
            factors = [max_level * c.compared for c in candidates]
            now = [
                _Seen(c.found, min(f * c.p, 1.0), everyone, c.p, alpha / f, "for all slices compared at once")
                for c, f in zip(candidates, factors, strict=True)
            ]
        else:
            now = _tested([c.found for c in candidates], bins.codes, errors, units, ~looked, alpha)
        seen += [replace(s, p=s.p / part) for s in now if s.p <= alpha]
    described = [_finding(s, bins, errors, units, false_share) for s in sorted(seen, key=lambda s: s.p)]
    # What is worse than what the slices before it leave may be better than all the rest.
    findings = _distinct([finding for finding in described if finding.surplus.value > 0], frame)
    worst_first = tuple(sorted(findings, key=lambda f: -f.surplus.value * f.n))
    return replace(outcome, findings=worst_first, n_searched=n_searched, enough=True, complete=complete)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A slice and its test: with what adjusted p, on which rows, what p by itself, and below what that had to lie."""

    found: Found
    p: float
    tested: Mask
    alone: float
    alpha: float
    how: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A slice worth testing, how likely chance makes it as bad, and among how many of its length it was found."""

    found: Found
    p: float
    compared: int


def _tested(
    candidates: list[Found],
    codes: Codes,
    errors: Floats,
    units: NDArray[np.int64] | None,
    rows: Mask,
    alpha: float,
) -> list[_Seen]:
    """The candidates with their adjusted p-values on rows the search has not seen.

    A slice has to be worse than all the rest and, on the rows that those before it leave unexplained, by itself. The
    slices that pass have intervals at the p that the least of them was allowed, each with its weight. Source: Benjamini
    & Yekutieli (2005), "False discovery rate-adjusted multiple confidence intervals for selected parameters", JASA 100.
    """
    if not candidates:
        return []
    e, of_units = errors[rows], None if units is None else units[rows]

    def p_of(inside: Mask, among: Mask) -> float:
        if of_units is None:
            return p_of_draw(e[among], inside[among])
        return p_of_units(e[among], inside[among], of_units[among])

    every = np.ones(len(e), bool)
    p = np.array([max(p_of(inside, new), p_of(inside, every)) for inside, new in _unexplained(candidates, codes[rows])])
    weights = _weights(len(p))
    adjusted: Floats = stats.false_discovery_control(np.minimum(p / weights, 1.0), method="bh")
    allowed = weights * alpha * max(int((adjusted <= alpha).sum()), 1) / len(p)
    how = "on rows the search did not see"
    return [
        _Seen(c, float(q), rows, float(alone), float(a), how)
        for c, q, alone, a in zip(candidates, adjusted, p, allowed, strict=True)
    ]


def _first_half(n: int, units: NDArray[np.int64] | None, rng: np.random.Generator) -> Mask:
    codes = np.arange(n) if units is None else np.unique(units, return_inverse=True)[1]
    order = rng.permutation(int(codes.max()) + 1)
    half: Mask = (order < len(order) / 2)[codes]
    return half


def _candidates(found: Search, codes: Codes, errors: Floats) -> list[_Candidate]:
    """The slices worth testing, the most promising first; each on the rows that those before it leave unexplained.

    What ranks them is how many of their length chance alone would be expected to make as bad, of those looked at: the
    search ranks by a normal curve, which flatters small slices where large errors are rare. One of which chance is
    expected to make another is not carried on, for every test costs the others power.
    """
    left = {f: f.mask(codes) for f in found.best}
    new = np.ones(len(errors), bool)
    kept: list[_Candidate] = []
    while left and len(kept) < MOST_TESTED:
        p = {f: p_of_draw(errors[new], inside[new]) for f, inside in left.items()}
        best = min(left, key=lambda f: p[f] * found.compared(f))
        if p[best] * found.compared(best) > 1:
            break
        kept.append(_Candidate(best, p[best], found.compared(best)))
        new &= ~left.pop(best)
    return kept


def _unexplained(candidates: list[Found], codes: Codes) -> Iterator[tuple[Mask, Mask]]:
    """Of every slice its rows, and the rows that none before it has."""
    new = np.ones(len(codes), bool)
    for candidate in candidates:
        inside = candidate.mask(codes)
        yield inside, new.copy()
        new &= ~inside


def _distinct(ranked: list[SliceFinding], frame: pd.DataFrame) -> list[SliceFinding]:
    """The first of every family of slices that are mostly the same rows."""
    kept: list[SliceFinding] = []
    masks: list[Mask] = []
    for finding in ranked:
        mask = finding.rows.mask(frame)
        if all((mask & other).sum() <= ALIKE * min(mask.sum(), other.sum()) for other in masks):
            kept.append(finding)
            masks.append(mask)
    return kept


def _weights(m: int) -> Floats:
    """(m,), of mean 1: how much tests count that come in the order of how promising they are, in proportion to 1 / i.

    Weights that do not depend on the tested rows leave the false discovery rate what it is. Source: Genovese, Roeder &
    Wasserman (2006), Biometrika 93.
    """
    harmonic = 1 / np.arange(1, m + 1)
    weights: Floats = harmonic / harmonic.mean()
    return weights


def _finding(
    seen: _Seen, bins: Binned, errors: Floats, units: NDArray[np.int64] | None, false_share: float
) -> SliceFinding:
    found, tested = seen.found, seen.tested
    inside = found.mask(bins.codes)
    of_units = None if units is None else units[tested]
    # The test asks on one side only whether the rows are worse.
    difference, low, high = surplus_interval(errors[tested], inside[tested], 1 - 2 * seen.alpha, of_units)
    if low <= 0 < difference:
        # Far out in the tails Welch's interval asks more than the test does, which knows the errors' own distribution:
        # then the end is the test's, by Miettinen (1976), American Journal of Epidemiology 103.
        low = difference * (1 - stats.norm.isf(seen.alpha) / stats.norm.isf(max(seen.alone, TINY)))
    conditions = tuple(bins.conditions[column][code] for column, code in zip(found.columns, found.bins, strict=True))
    return SliceFinding(
        rows=Slice(conditions),
        n=int(inside.sum()),
        share=float(inside.mean()),
        error=float(errors[tested & inside].mean()),
        rest=float(errors[tested & ~inside].mean()),
        surplus=Estimate(difference, low, high, int((tested & inside).sum()), 1 - 2 * false_share, seen.how),
        p=seen.p,
    )
