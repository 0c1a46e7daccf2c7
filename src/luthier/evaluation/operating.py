"""Every metric at the operating point, the confusion matrix, and the threshold: all with intervals, all replayed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.canonical import finite
from luthier.evaluation.calibration import wilson
from luthier.evaluation.chain import Chain, replays_for
from luthier.evaluation.evidence import AS_IT_IS, Evidence
from luthier.evaluation.judging import looking_ahead
from luthier.evaluation.thresholds import Fixed, Rule
from luthier.scoring import METRICS, Estimate, Metric, Task
from luthier.scoring.metrics import Costs
from luthier.scoring.metrics.counts import decide
from luthier.scoring.replay import LOWEST, Replay, plain_estimate, replay
from luthier.scoring.spoken import spoken

Floats = NDArray[np.float64]

MOST_CELLS = 16
"""Cells of a confusion matrix that are shown to people."""

OF_CHANCES = ("roc_auc", "average_precision", "log_loss", "brier")
OF_DECISIONS: Mapping[str, tuple[str, ...]] = {
    "binary": ("accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "matthews_corrcoef"),
    "multiclass": ("accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro", "matthews_corrcoef"),
}
OF_VALUES = ("rmse", "mae", "r2")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the confusion matrix.

    Attributes
    ----------
    true, decided
        The class that happened, and the one decided for.
    n
        Rows in the cell, by weight.
    share, low, high
        Of the rows of the true class, the share decided so, and its 95 % interval (Wilson's).
    """

    true: str
    decided: str
    n: float
    share: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "true": self.true,
            "decided": self.decided,
            "n": self.n,
            "share": finite(self.share),
            "low": finite(self.low),
            "high": finite(self.high),
        }


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold chosen on the table, and what it brings.

    Attributes
    ----------
    rule
        How it was chosen, in words.
    threshold
        The chance above which a case is called positive.
    metric
        What it was chosen for.
    value, value_before
        That metric on new rows with this threshold and with one half; both honest.
    p_better
        Share of replays in which this threshold did better than one half on the rows not drawn.
    """

    rule: str
    threshold: float
    metric: str
    value: Estimate
    value_before: Estimate
    p_better: float

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "rule": self.rule,
            "threshold": self.threshold,
            "metric": self.metric,
            "value": self.value.to_json(),
            "value_at_half": self.value_before.to_json(),
            "p_better_than_half": finite(self.p_better),
        }


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """How good decisions and probabilities are, by every usual measure.

    Attributes
    ----------
    metrics
        Expected on new rows, by metric; corrected for every choice that was made.
    confusion
        The cells of the confusion matrix, row by row; empty for a regression.
    threshold
        The threshold asked for; None where none was, or there are not two classes.
    n_replays
        Replays behind the numbers.
    """

    metrics: Mapping[str, Estimate]
    confusion: tuple[Cell, ...]
    threshold: Threshold | None
    n_replays: int

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "metrics": {name: score.to_json() for name, score in self.metrics.items()},
            "confusion": [cell.to_dict() for cell in self.confusion],
            "threshold": None if self.threshold is None else self.threshold.to_dict(),
            "n_replays": self.n_replays,
        }

    def lines(self) -> list[str]:
        """The threshold, the metrics and the confusion matrix."""
        lines = []
        if self.threshold is not None:
            found = self.threshold
            better = f"(better in {100 * found.p_better:.0f} of 100 replays)"
            lines.append(f"threshold {found.threshold:.3g}: {found.rule}")
            lines.append(f"{spoken(found.metric)} {found.value} with it, {found.value_before} at one half {better}")
        lines += [f"{name:<18} {score}" for name, score in self.metrics.items()]
        return lines + self._confusion_lines()

    def _confusion_lines(self) -> list[str]:
        shown, said = self.confusion, "of the cases that are ..., so many are called ...:"
        if len(shown) > MOST_CELLS:
            errors = sorted((c for c in shown if c.true != c.decided and c.n > 0), key=lambda cell: -cell.n)
            shown, said = tuple(errors[:MOST_CELLS]), "the most frequent confusions (all are in --json):"
        rows = [
            f"  {cell.true} called {cell.decided}: {cell.n:.0f} ({100 * cell.share:.1f} %, "
            f"{100 * cell.low:.1f} to {100 * cell.high:.1f})"
            for cell in shown
        ]
        return [said, *rows] if rows else []


def operating_point(evidence: Evidence) -> OperatingPoint:
    """Replay every choice up to the decisions, and read every metric off the same replays.

    What was chosen by is replayed: the metric of the study, those of chances, and that of the threshold. A measure of
    decisions that nothing was chosen by is that of the very threshold in use, less what the choices flatter it: a
    threshold that might have been another says nothing of this one.
    """
    table, task, w = evidence.table, evidence.task, evidence.weights
    rule, ending = evidence.rule if task == "binary" else None, evidence.shipped_with
    chances = Chain.of(evidence, recalibrator=ending.kind if task != "regression" else None)
    decisions = chances.cut_by(rule or (Fixed(ending.threshold) if task == "binary" else None))
    p = chances(table, evidence.metric, w)
    threshold = AS_IT_IS if task != "binary" else rule.choose(table.y, p[:, 0], w) if rule else ending.threshold
    B = replays_for(len(table.y))

    def replayed(metric: Metric, chain: Chain) -> Replay:
        return replay(table, metric, choose=chain, n_replays=B, rng=evidence.rng("operating point"))

    def expected(metric: Metric, said: NDArray[Any], found: Replay, *, chosen_by: bool) -> Estimate:
        score = found.estimate
        if not chosen_by:
            units, rng = table.splits.units, evidence.rng("operating point")
            score = _shifted(metric, plain_estimate(table.y, said, metric, units=units, weights=w, rng=rng), found)
        return looking_ahead(score, table, metric, said)

    chosen_by = {evidence.metric.name} | (set() if rule is None else {rule.metric.name})
    metrics = {}
    as_shipped = rule is None or str(rule) == ending.rule
    for name, (metric, said) in usual_metrics(task, p, threshold, evidence.costs).items():
        of_chances = name in OF_CHANCES or task == "regression"
        if name == evidence.metric.name and (of_chances or as_shipped):
            metrics[name] = evidence.verdict.score  # from more replays than are made here, and said once already
            continue
        found = replayed(metric, chances if of_chances else decisions)
        metrics[name] = expected(metric, said, found, chosen_by=of_chances or name in chosen_by)
    made = np.asarray(p > threshold, np.float64) if task == "binary" else p
    moved = None
    if rule is not None:
        before, after = replayed(rule.metric, chances.cut_by(Fixed(AS_IT_IS))), replayed(rule.metric, decisions)
        at_half = expected(rule.metric, np.asarray(p > AS_IT_IS, np.float64), before, chosen_by=False)
        value = expected(rule.metric, made, after, chosen_by=True)
        moved = Threshold(str(rule), threshold, rule.metric.name, value, at_half, _p_better(rule, after, before))
    return OperatingPoint(metrics, () if task == "regression" else confusion(evidence, made), moved, B)


def _p_better(rule: Rule, after: Replay, before: Replay) -> float:
    out, out_before = after.out_of_bag, before.out_of_bag
    if len(out) != len(out_before) or not len(out):  # some draws were undefined, so they cannot be paired
        return math.nan
    return float(np.mean(out > out_before if rule.metric.greater_is_better else out < out_before))


def _shifted(metric: Metric, plain: Estimate, found: Replay) -> Estimate:
    """An estimate less the bootstrap optimism of a replay: by how much choices look better on the rows they saw.

    Source: Efron (1983), J. American Statistical Association 78.
    """
    optimism = float((found.in_bag - found.full).mean()) if found.n_replays else 0.0
    low = LOWEST.get(metric.name, 0.0)
    high = 1.0 if metric.greater_is_better else math.inf
    value, ends = plain.value - optimism, (plain.low - optimism, plain.high - optimism)
    kept = [float(np.clip(number, low, high)) for number in (value, *ends)]
    return replace(plain, value=kept[0], low=kept[1], high=kept[2], method=f"{plain.method}, less optimism")


def usual_metrics(
    task: Task, p: NDArray[Any], threshold: float, costs: Costs | None
) -> dict[str, tuple[Metric, NDArray[Any]]]:
    """The usual metrics of a task, each with the predictions it is to read.

    Parameters
    ----------
    task, p
        Predictions (n, k) of a model.
    threshold
        The chance above which a case of two classes is called positive.
    costs
        What decisions cost, which makes a further metric.
    """
    if task == "regression":
        return {name: (METRICS[name], p) for name in OF_VALUES}
    decisions = (p > threshold).astype(np.float64) if task == "binary" else p
    usual: dict[str, tuple[Metric, NDArray[Any]]] = {name: (METRICS[name], p) for name in OF_CHANCES}
    usual |= {name: (METRICS[name], decisions) for name in OF_DECISIONS[task]}
    return usual if costs is None or task != "binary" else {**usual, "cost": (costs.metric, decisions)}


def confusion(evidence: Evidence, p: NDArray[Any]) -> tuple[Cell, ...]:
    """The confusion matrix of decisions by predictions p (m, k), row by row."""
    table, w = evidence.table, evidence.weights
    decided_for, classes = decide(p), evidence.classes
    units = np.unique(table.splits.units, return_inverse=True)[1]
    cells = []
    for true, name in enumerate(classes):
        rows = table.y == true
        of_unit = np.bincount(units[rows], w[rows])
        total, squares = float(of_unit.sum()), float((of_unit**2).sum())
        shares = np.array([w[rows & (decided_for == code)].sum() for code in range(len(classes))])
        n = total**2 / squares if squares > 0 else math.nan
        low, high = wilson(shares / total if total > 0 else np.full(len(shares), np.nan), np.full(len(shares), n))
        cells += [
            Cell(name, other, float(shares[code]), float(shares[code] / total), float(low[code]), float(high[code]))
            for code, other in enumerate(classes)
            if total > 0
        ]
    return tuple(cells)
