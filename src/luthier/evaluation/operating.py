"""Every metric at the operating point, the confusion matrix, and the threshold: all with intervals, all replayed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.canonical import finite
from luthier.evaluation.calibration import wilson
from luthier.evaluation.chain import Chain, replays_for
from luthier.evaluation.evidence import AS_IT_IS, Evidence
from luthier.evaluation.thresholds import Fixed
from luthier.scoring import METRICS, Estimate, Metric, Task
from luthier.scoring.metrics import Costs
from luthier.scoring.metrics.counts import decide
from luthier.scoring.replay import replay

Floats = NDArray[np.float64]

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
            lines.append(
                f"{found.metric} {_shown(found.value)} with it, {_shown(found.value_before)} at one half {better}"
            )
        lines += [f"{name:<18} {_shown(score)}" for name, score in self.metrics.items()]
        if self.confusion:
            lines.append("of the cases that are ..., so many are called ...:")
        lines += [
            f"  {cell.true} called {cell.decided}: {cell.n:.0f} ({100 * cell.share:.1f} %, "
            f"{100 * cell.low:.1f} to {100 * cell.high:.1f})"
            for cell in self.confusion
        ]
        return lines


def _shown(score: Estimate) -> str:
    return f"{score.value:.4g} [{score.low:.4g}, {score.high:.4g}]"


def operating_point(evidence: Evidence) -> OperatingPoint:
    """Replay every choice up to the decisions, and read every metric off the same replays."""
    table, task, rule = evidence.table, evidence.task, evidence.rule if evidence.task == "binary" else None
    shipped = evidence.shipped_with
    chances = Chain.of(evidence, recalibrator=shipped.kind if task != "regression" else None)
    # As it is, a model cuts at the threshold it was shipped with.
    cut = rule or (Fixed(shipped.threshold) if task == "binary" else None)
    decisions = chances.cut_by(cut)
    B = replays_for(len(evidence.y))

    def honest(metric: Metric, chain: Chain) -> tuple[Estimate, Floats]:
        found = replay(table, metric, choose=chain, n_replays=B, rng=evidence.rng("operating point"))
        return found.estimate, found.out_of_bag

    if task == "regression":
        metrics = {name: honest(METRICS[name], chances)[0] for name in _with(evidence.metric.name, OF_VALUES)}
        return OperatingPoint(metrics, (), None, B)
    metrics = {name: honest(METRICS[name], chances)[0] for name in OF_CHANCES}
    metrics |= {name: honest(METRICS[name], decisions)[0] for name in OF_DECISIONS[task]}
    if evidence.costs is not None and task == "binary":
        metrics["cost"] = honest(evidence.costs.metric, decisions)[0]
    threshold = None
    made = decisions(table, evidence.metric, evidence.weights)
    if rule is not None:
        p = chances(table, evidence.metric, evidence.weights)
        value, out = honest(rule.metric, decisions)
        before, out_before = honest(rule.metric, chances.cut_by(Fixed(AS_IT_IS)))
        gain = out - out_before if rule.metric.greater_is_better else out_before - out
        threshold = Threshold(
            str(rule),
            rule.choose(table.y, p[:, 0], evidence.weights),
            rule.metric.name,
            value,
            before,
            float(np.mean(gain > 0)) if len(out) == len(out_before) and len(out) else math.nan,
        )
    return OperatingPoint(metrics, confusion(evidence, made), threshold, B)


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


def _with(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """These metrics, and the one that was optimised if it is one of ours."""
    return names if name in names or name not in METRICS else (name, *names)


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
