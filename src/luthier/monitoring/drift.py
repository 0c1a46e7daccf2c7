"""Whether live rows come from where the reference came from: every column, and all together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import false_discovery_control

from luthier.monitoring.chi_square import chi_square_of_counts
from luthier.monitoring.classifier import ClassifierTwoSample, classifier_two_sample
from luthier.monitoring.counts import Bins, ColumnCounts, Counts
from luthier.monitoring.ks import ks_of_counts
from luthier.monitoring.missing import missing_rate
from luthier.monitoring.two_sample import SAME, TwoSample
from luthier.monitoring.value_range import outside_range
from luthier.monitoring.window import Reference, WatchedColumn, Window

Verdict = Literal["drifted", "small", "steady", "changed", "not compared"]

WEIGHTS = {"values": 0.8, "missing": 0.1, "range": 0.1}
"""How the chance of a false alarm in one column is divided: most of it to where most drift is."""
LEAST_MISSING, LEAST_OUTSIDE = 0.02, 0.01
"""Shares of the rows from which missing values and values out of range matter: our judgement."""
LEAST_AUC = 0.55
"""From which a classifier's success matters: our judgement, of about the weight of 5 % of the rows in one column."""


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column of the live rows against the reference.

    Attributes
    ----------
    verdict
        "drifted": unlikely by chance, and large enough to matter. "small": unlikely by chance, but too small to matter.
        "steady": neither. "changed": the column is gone, or holds another kind of values. "not compared": see `reason`.
    p
        Least p-value of the tests, each divided by its weight, so that it covers all of them.
    q
        p adjusted for the number of columns (Benjamini & Hochberg 1995).
    effect
        Of the values: the share of the rows that tells reference and live rows apart, in [0, 1].
    values, missing, range
        The tests: of the values, of the rate of missing ones, and of numbers outside the reference's range.
    speaks
        Which of the three call it drifted.
    missing_rates
        In the reference and in the live rows; unreadable values count as missing.
    middles
        Numbers: the medians. Words: the shares of the level that moved most.
    level
        Words: which level that is, in quotation marks; or which others.
    new
        Words the reference did not hold, with their rows, the most frequent first.
    seen_range
        Numbers: least and greatest value of the reference.
    far
        Numbers: share of the live rows that lie further outside of that range than its width.
    """

    name: str
    kind: str
    verdict: Verdict
    p: float = 1.0
    q: float = 1.0
    effect: float = 0.0
    values: TwoSample = SAME
    missing: TwoSample = SAME
    range: TwoSample = SAME
    speaks: tuple[str, ...] = ()
    missing_rates: tuple[float, float] = (0.0, 0.0)
    middles: tuple[float, float] | None = None
    level: str | None = None
    new: tuple[tuple[str, int], ...] = ()
    seen_range: tuple[float, float] | None = None
    far: float = 0.0
    reason: str = ""

    @property
    def alarms(self) -> bool:
        """Whether a person should look."""
        return self.verdict in {"drifted", "changed"}

    def words(self) -> str:
        """What changed, in a line."""
        if self.reason:
            return self.reason
        parts = []
        if self.middles is not None and (not self.speaks or "values" in self.speaks):
            before, now = self.middles
            if self.level is None:
                parts.append(f"median {before:.4g} → {now:.4g}")
            else:
                parts.append(f"{self.level} {before:.1%} → {now:.1%} of the rows")
        if "missing" in self.speaks:
            parts.append(f"missing {self.missing_rates[0]:.1%} → {self.missing_rates[1]:.1%}")
        if "range" in self.speaks and self.seen_range is not None:
            low, high = self.seen_range
            parts.append(f"{self.range.effect:.1%} outside {low:.4g} to {high:.4g}")
        if self.new:
            total = sum(times for _, times in self.new)
            parts.append(f"new: {', '.join(repr(word) for word, _ in self.new[:3])} ({total} rows)")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "name": self.name,
            "kind": self.kind,
            "verdict": self.verdict,
            "p": self.p,
            "q": self.q,
            "effect": self.effect,
            "values": self.values.to_dict(),
            "missing": self.missing.to_dict(),
            "range": self.range.to_dict(),
            "speaks": list(self.speaks),
            "missing_rates": list(self.missing_rates),
            "middles": None if self.middles is None else list(self.middles),
            "level": self.level,
            "new": dict(self.new),
            "seen_range": None if self.seen_range is None else list(self.seen_range),
            "far": self.far,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Drift:
    """Live rows against a reference.

    Attributes
    ----------
    n_reference, n_current
        Rows of either.
    columns
        In the reference's order.
    extra
        Columns that only the live rows have.
    multivariate
        The classifier two-sample test of all compared columns together.
    level
        Chance of calling any column drifted in a batch in which nothing has changed.
    least_effect
        Share of the rows from which a difference in values matters.
    """

    n_reference: int
    n_current: int
    columns: tuple[ColumnDrift, ...]
    extra: tuple[str, ...]
    multivariate: ClassifierTwoSample
    level: float
    least_effect: float

    @property
    def drifted_columns(self) -> tuple[str, ...]:
        """Names of the columns that drifted, or are no longer what they were; those that moved farthest first."""
        return tuple(
            c.name for c in sorted(self.columns, key=lambda c: (c.verdict != "changed", -_size(c))) if c.alarms
        )

    @property
    def together(self) -> bool:
        """Whether all columns together have drifted: a classifier tells the rows apart, and well enough to matter."""
        return self.multivariate.p <= self.level / 5 and self.multivariate.auc >= LEAST_AUC

    @property
    def drifted(self) -> bool:
        """Whether anything has."""
        return bool(self.drifted_columns) or self.together

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "drifted": self.drifted,
            "drifted_columns": list(self.drifted_columns),
            "n_reference": self.n_reference,
            "n_current": self.n_current,
            "level": self.level,
            "least_effect": self.least_effect,
            "columns": [column.to_dict() for column in self.columns],
            "extra": list(self.extra),
            "multivariate": {**self.multivariate.to_dict(), "drifted": self.together},
        }


def find_drift(
    reference: Reference,
    window: Window,
    *,
    rng: np.random.Generator,
    level: float = 0.05,
    least_effect: float = 0.05,
    together: bool = True,
) -> Drift:
    """Compare a window of live rows with the reference.

    Rows are taken as independent of each other: a batch of one day's customers, not the ticks of one sensor, of which a
    thousand say less than a thousand rows.

    Parameters
    ----------
    rng
        Draws the classifier test's halves and permutations.
    level
        Chance of calling any column drifted where nothing has changed, in (0, 1). The classifier test has a fifth of
        it for itself.
    least_effect
        Share of the rows from which a difference in a column's values matters, in [0, 1].
    together
        Whether the classifier looks at all columns together, which costs most of the time.

    References
    ----------
    Benjamini, Y. & Hochberg, Y. (1995). Controlling the false discovery rate. J. Royal Statistical Society B 57.
    Genovese, C., Roeder, K. & Wasserman, L. (2006). False discovery control with p-value weighting. Biometrika 93.
    """
    pairs = zip(reference.compared, reference.window.counts, window.counts, strict=True)
    tested = [_tests(column, before, now) for column, before, now in pairs]
    p = [min(1.0, *(t.p / WEIGHTS[name] for name, t in tests.items())) for tests in tested]
    q = false_discovery_control(p) if p else np.empty(0)
    bound = max((p_k for p_k, q_k in zip(p, q, strict=True) if q_k <= level), default=-1.0)
    found: dict[str, ColumnDrift] = {}
    for k, column in enumerate(reference.compared):
        before, now = reference.window.counts[k], window.counts[k]
        found[column.name] = _verdict(
            column, before, now, tested[k], (p[k], float(q[k])), bound, least_effect, _change(column, window, k)
        )
    columns = tuple(
        found.get(column.name, ColumnDrift(column.name, column.held, "not compared", reason=column.reason))
        for column in reference.columns
    )
    multivariate = _together(reference, window, rng) if together else ClassifierTwoSample(0.5, 1.0, 0, ())
    return Drift(reference.window.n, window.n, columns, window.extra, multivariate, level, least_effect)


def _tests(column: WatchedColumn, before: ColumnCounts, now: ColumnCounts) -> dict[str, TwoSample]:
    bins = column.bins
    assert bins is not None
    gone = missing_rate(before.missing + before.unreadable, before.rows, now.missing + now.unreadable, now.rows)
    if bins.kind == "words":
        counts = (_with_new(before, now, bins), _with_new(now, before, bins))
        return {"values": chi_square_of_counts(*counts), "missing": gone}
    outside = outside_range(now.below, int(now.bins[-1]), before.known, now.known)
    return {"values": ks_of_counts(before.bins, now.bins), "missing": gone, "range": outside}


def _with_new(of: ColumnCounts, other: ColumnCounts, bins: Bins) -> Counts:
    """Counts of the levels, of every new word, and of what is left."""
    words = sorted({*of.new, *other.new}) if bins.whole else []
    new = np.array([of.new.get(word, 0) for word in words], np.int64)
    return np.concatenate([of.bins[:-1], new, [of.bins[-1] - new.sum()]])


def _verdict(
    column: WatchedColumn,
    before: ColumnCounts,
    now: ColumnCounts,
    tests: dict[str, TwoSample],
    pq: tuple[float, float],
    bound: float,
    least_effect: float,
    change: str,
) -> ColumnDrift:
    bins = column.bins
    assert bins is not None
    least = {"values": least_effect, "missing": LEAST_MISSING, "range": LEAST_OUTSIDE}
    sure = [name for name, test in tests.items() if test.p / WEIGHTS[name] <= bound]
    speaks = tuple(name for name in sure if tests[name].effect >= least[name])
    verdict: Verdict = "changed" if change else "drifted" if speaks else "small" if sure else "steady"
    middles, level = _middles(bins, before, now)
    return ColumnDrift(
        column.name,
        column.held,
        verdict,
        *pq,
        effect=tests["values"].effect,
        values=tests["values"],
        missing=tests["missing"],
        range=tests.get("range", SAME),
        speaks=speaks,
        missing_rates=(_gone(before), _gone(now)),
        middles=middles,
        level=level,
        new=tuple(sorted(now.new.items(), key=lambda item: (-item[1], item[0]))),
        seen_range=(float(bins.edges[0]), float(bins.edges[-1])) if bins.kind == "number" else None,
        far=now.far / now.known if now.known else 0.0,
        reason=change,
    )


def _change(column: WatchedColumn, window: Window, k: int) -> str:
    """Why the column is no longer what it was; empty where it is."""
    if window.n and window.absent.get(column.name) == window.n:
        return "the column is not there"
    if 2 * window.counts[k].unreadable > window.n:
        return "it held numbers, and now holds words"
    return ""


def _middles(bins: Bins, before: ColumnCounts, now: ColumnCounts) -> tuple[tuple[float, float] | None, str | None]:
    if before.known == 0 or now.known == 0:
        return None, None
    if bins.kind == "number":
        edges = np.append(bins.edges, bins.edges[-1])
        middle = [int(np.searchsorted(np.cumsum(c.bins), c.known / 2)) for c in (before, now)]
        return (float(edges[middle[0]]), float(edges[middle[1]])), None
    shares = [c.bins / c.known for c in (before, now)]
    most = int(np.argmax(np.abs(shares[1] - shares[0])))
    names = [*map(repr, bins.levels), "new words" if bins.whole else "all other words"]
    return (float(shares[0][most]), float(shares[1][most])), names[most]


def _gone(counts: ColumnCounts) -> float:
    return (counts.missing + counts.unreadable) / counts.rows if counts.rows else 0.0


def _size(column: ColumnDrift) -> float:
    return max(column.effect, column.missing.effect, column.range.effect)


def _together(reference: Reference, window: Window, rng: np.random.Generator) -> ClassifierTwoSample:
    """The classifier test on the sampled rows; a column that is gone would give every row away and is left out."""
    here = [k for k, column in enumerate(reference.compared) if not _change(column, window, k)]
    compared: Sequence[WatchedColumn] = [reference.compared[k] for k in here]
    words = [j for j, column in enumerate(compared) if column.bins is not None and column.bins.kind == "words"]
    X, Y = (w.sample.rows[:, here].astype(np.float64) for w in (reference.window, window))
    for j, column in enumerate(compared):
        assert column.bins is not None
        X[:, j], Y[:, j] = column.bins.marked(X[:, j]), column.bins.marked(Y[:, j])
    found = classifier_two_sample(X, Y, rng=rng, categorical=words)
    importance = np.zeros(len(reference.compared))
    importance[here] = found.importance
    return ClassifierTwoSample(found.auc, found.p, found.n, tuple(importance.tolist()))
