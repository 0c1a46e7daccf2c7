"""Groups that the user names, compared: who is treated how, with intervals that hold for all groups at once.

Rates are those of the fairness literature, at the threshold in use: the share called positive (demographic parity), of
the truly positive the share found (equal opportunity), of the truly negative the share called positive (predictive
equality; with the one before, equalized odds), and the share of right answers. Which of them ought to be equal is not
for a program to say, and seldom can all be: Chouldechova (2017), Big Data 5.

Sources: Hardt, Price & Srebro (2016), NeurIPS (equal opportunity, equalized odds); Sidak (1967), J. American
Statistical Association 62 (several intervals at once); Zou & Donner (2008), Statistics in Medicine 27, and Donner & Zou
(2012), Statistical Methods in Medical Research 21 (differences and ratios from separate intervals).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from luthier.canonical import finite
from luthier.data.slices import as_text
from luthier.evaluation.calibration import wilson
from luthier.evaluation.evidence import Evidence, Unanswered
from luthier.scoring import Estimate

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEVEL = 0.95
MOST_GROUPS = 12
"""Groups of a column that are compared, the largest first: with more, no interval says anything."""
FEWEST_ROWS = 10
"""Rows of the smallest group of which a rate is stated."""

SELECTION, RECALL, FALSE_ALARMS, RIGHT = "selection rate", "recall", "false alarm rate", "accuracy"
OFF, BIAS = "mean error", "mean of prediction less truth"
PARITIES: Mapping[str, str] = {
    SELECTION: "demographic parity",
    RECALL: "equal opportunity",
    FALSE_ALARMS: "predictive equality",
    RIGHT: "accuracy parity",
    OFF: "error parity",
}
"""What it is called when a rate is the same for all groups."""


@dataclass(frozen=True, slots=True)
class Gap:
    """How far apart the groups are in one rate.

    Attributes
    ----------
    rate
        Which.
    lowest, highest
        The groups with the lowest and with the highest.
    difference, ratio
        Highest less lowest, and lowest over highest; the intervals allow for having picked the two among all.
    """

    rate: str
    lowest: str
    highest: str
    difference: Estimate
    ratio: Estimate

    @property
    def is_there(self) -> bool:
        """Whether the groups differ beyond chance."""
        return self.difference.low > 0

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "rate": self.rate,
            "parity": PARITIES.get(self.rate),
            "lowest": self.lowest,
            "highest": self.highest,
            "difference": self.difference.to_json(),
            "ratio": self.ratio.to_json(),
            "beyond_chance": self.is_there,
        }


@dataclass(frozen=True, slots=True)
class GroupedBy:
    """The groups of one column.

    Attributes
    ----------
    column
        Its name.
    sizes
        Rows of every group, the largest first.
    rates
        By rate and group; the intervals hold for all groups and rates at once.
    gaps
        Of every rate that at least two groups have.
    thresholds
        For the group that is found least often: the threshold that would give it the recall of the group that is found
        most. Empty where recall does not differ beyond chance.
    n_left_out
        Groups that are too small, or too many, to be compared.
    """

    column: str
    sizes: Mapping[str, int]
    rates: Mapping[str, Mapping[str, Estimate]]
    gaps: tuple[Gap, ...]
    thresholds: Mapping[str, float]
    n_left_out: int

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        odds = [gap.difference.value for gap in self.gaps if gap.rate in (RECALL, FALSE_ALARMS)]
        return {
            "column": self.column,
            "sizes": dict(self.sizes),
            "rates": {rate: {g: e.to_json() for g, e in of.items()} for rate, of in self.rates.items()},
            "gaps": [gap.to_dict() for gap in self.gaps],
            "equalized_odds_difference": finite(max(odds)) if len(odds) == 2 else None,
            "thresholds_for_equal_recall": dict(self.thresholds),
            "groups_left_out": self.n_left_out,
        }

    def lines(self) -> list[str]:
        """Every rate of every group, and how far apart they are."""
        lines = [f"{self.column}: " + ", ".join(f"{g or 'missing'} ({n} rows)" for g, n in self.sizes.items())]
        for rate, of in self.rates.items():
            lines += [f"  {rate} of {group or 'missing'}: {estimate}" for group, estimate in of.items()]
        for gap in self.gaps:
            said = "differs beyond chance" if gap.is_there else "does not differ beyond chance"
            lines.append(f"  {gap.rate} {said}: difference {gap.difference}, ratio {gap.ratio}")
        for group, threshold in self.thresholds.items():
            lines.append(f"  a threshold of {threshold:.3g} for {group or 'missing'} would find as many of them")
        if self.n_left_out:
            lines.append(f"  {self.n_left_out} groups are too small, or too many, to be compared")
        return lines


@dataclass(frozen=True, slots=True)
class Groups:
    """The comparison of every column that was named."""

    by: tuple[GroupedBy, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"by": [grouped.to_dict() for grouped in self.by]}

    def lines(self) -> list[str]:
        """One column after another."""
        return [line for grouped in self.by for line in grouped.lines()]


def groups(evidence: Evidence) -> Groups | Unanswered:
    """Compare the groups that the user named."""
    if evidence.groups is None:
        return Unanswered("no groups were named: --groups COLUMN compares those of a column")
    named = evidence.groups.iloc[evidence.table.splits.rows]
    return Groups(tuple(_grouped(evidence, str(name), as_text(named[name])) for name in named.columns))


def _grouped(evidence: Evidence, column: str, of_row: NDArray[Any]) -> GroupedBy:
    splits, w, y = evidence.table.splits, evidence.weights, evidence.y
    names, codes = np.unique(of_row.astype(str), return_inverse=True)
    row_of_group = np.unique(np.column_stack([codes, splits.rows])[w > 0], axis=0)[:, 0]
    sizes = np.bincount(row_of_group, minlength=len(names))
    kept = [int(k) for k in np.argsort(-sizes, kind="stable")[:MOST_GROUPS] if sizes[k] >= FEWEST_ROWS]
    rates: dict[str, dict[str, Estimate]] = {}
    gaps = []
    questions = _questions(evidence)
    for rate, (values, among) in questions.items():
        inside = {str(names[k]): (codes == k) & among & (w > 0) for k in kept}
        known = {g: rows for g, rows in inside.items() if len(np.unique(splits.rows[rows])) >= FEWEST_ROWS}
        if not known:
            continue
        shares, n_asked = rate not in (OFF, BIAS), len(questions)
        rates[rate] = _means(known, values, w, splits.units, _sidak(len(known) * n_asked), shares=shares)
        if len(known) > 1 and rate != BIAS:
            at_once = _sidak(math.comb(len(known), 2) * n_asked)
            gaps.append(_gap(rate, _means(known, values, w, splits.units, at_once, shares=shares)))
    mended = {}
    recall = next((gap for gap in gaps if gap.rate == RECALL), None)
    if recall is not None and recall.is_there:
        lacking = (of_row.astype(str) == recall.lowest) & (y == 1) & (w > 0)
        best = rates[RECALL][recall.highest].value
        mended = {recall.lowest: _threshold_for(evidence.given[lacking, 0], w[lacking], best)}
    return GroupedBy(
        column,
        {str(names[k]): int(sizes[k]) for k in kept},
        rates,
        tuple(gaps),
        mended,
        int((sizes > 0).sum()) - len(kept),
    )


def _questions(evidence: Evidence) -> dict[str, tuple[Floats, Mask]]:
    """Of every rate, what to average (m,) and over which rows."""
    y, everybody = evidence.y, np.ones(len(evidence.y), bool)
    if evidence.task == "regression":
        less = evidence.given[:, 0] - y
        return {OFF: (np.abs(less), everybody), BIAS: (less, everybody)}
    decided = evidence.decided
    right = (decided == y).astype(np.float64)
    if evidence.task == "multiclass":
        return {RIGHT: (right, everybody)}
    called = (decided == 1).astype(np.float64)
    return {SELECTION: (called, everybody), RECALL: (called, y == 1), FALSE_ALARMS: (called, y == 0),
            RIGHT: (right, everybody)}  # fmt: skip


def _sidak(n: int) -> float:
    """The level of each of n intervals that all hold at once with `LEVEL`."""
    return float(LEVEL ** (1 / n))


def _means(
    of: Mapping[str, Mask], values: Floats, weights: Floats, units: NDArray[np.int64], level: float, *, shares: bool
) -> dict[str, Estimate]:
    return {group: _mean(values[rows], weights[rows], units[rows], level, shares=shares) for group, rows in of.items()}


def _mean(values: Floats, weights: Floats, units: NDArray[np.int64], level: float, *, shares: bool) -> Estimate:
    """Weighted mean of independent units, with Wilson's interval for shares and Student's for amounts."""
    codes = np.unique(units, return_inverse=True)[1]
    mean = float(np.average(values, weights=weights))
    of_unit = np.bincount(codes, weights)
    n = float(of_unit.sum() ** 2 / (of_unit**2).sum())
    rows = len(of_unit)
    if shares:
        low, high = wilson(np.array([mean]), np.array([n]), level)
        return Estimate(mean, float(low[0]), float(high[0]), rows, LEVEL, "Wilson, for all groups and rates at once")
    influence = np.bincount(codes, weights * (values - mean)) / weights.sum()
    half = float(stats.t.ppf(0.5 + level / 2, rows - 1)) * math.sqrt(rows / (rows - 1) * float((influence**2).sum()))
    return Estimate(mean, mean - half, mean + half, rows, LEVEL, "t, for all groups and rates at once")


def _gap(rate: str, of: Mapping[str, Estimate]) -> Gap:
    """How far apart the rates are, from intervals that hold for all pairs at once.

    The difference of the highest and the lowest true rate lies between the largest lower end and the largest upper end
    of the differences of all pairs; the ratio likewise.
    """
    pairs = [difference(a, b) for a, b in itertools.permutations(of.values(), 2)]
    ratios = [ratio(a, b) for a, b in itertools.permutations(of.values(), 2)]
    lowest, highest = min(of, key=lambda g: of[g].value), max(of, key=lambda g: of[g].value)
    n, method = min(e.n for e in of.values()), "for all pairs of groups and rates at once"
    value = of[highest].value - of[lowest].value
    parts = of[lowest].value / of[highest].value if of[highest].value > 0 else math.nan
    return Gap(
        rate,
        lowest,
        highest,
        Estimate(value, max(0.0, *(low for low, _ in pairs)), max(high for _, high in pairs), n, LEVEL, method),
        Estimate(parts, min(low for low, _ in ratios), min(1.0, *(high for _, high in ratios)), n, LEVEL, method),
    )


def difference(a: Estimate, b: Estimate) -> tuple[float, float]:
    """Interval of a - b from the intervals of each. Source: Zou & Donner (2008), eq. 3."""
    d = a.value - b.value
    return d - math.hypot(a.value - a.low, b.high - b.value), d + math.hypot(a.high - a.value, b.value - b.low)


def ratio(a: Estimate, b: Estimate) -> tuple[float, float]:
    """Interval of a / b for positive a and b, from the intervals of each. Source: Donner & Zou (2012), eq. 9."""
    ab = a.value * b.value
    low, high = a.low * (2 * a.value - a.low), b.high * (2 * b.value - b.high)
    below = (ab - math.sqrt(max(ab**2 - low * high, 0.0))) / high if high > 0 else 0.0
    low, high = b.low * (2 * b.value - b.low), a.high * (2 * a.value - a.high)
    above = (ab + math.sqrt(max(ab**2 - low * high, 0.0))) / low if low > 0 else math.inf
    return max(below, 0.0), above


def _threshold_for(p: Floats, weights: Floats, recall: float) -> float:
    """The threshold that calls such a share of these positive rows positive."""
    order = np.argsort(-p)
    found = np.cumsum(weights[order]) / weights.sum()
    last = min(int(np.searchsorted(found, recall - 1e-12)), len(p) - 1)
    return float(np.nextafter(p[order][last], -np.inf))
