"""One look at a model in use: the rows of one period against its baseline, and what is alarming about them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from luthier.data.frames import Table
from luthier.monitoring.alarms import Alarm
from luthier.monitoring.baseline import Baseline, codes, outputs_table
from luthier.monitoring.calibration import calibration_drift
from luthier.monitoring.drift import Drift, find_drift
from luthier.monitoring.two_sample import TwoSample
from luthier.monitoring.without_labels import ExpectedScore, expected_score
from luthier.scoring import AdditiveMetric, Metric, RankMetric

Floats = NDArray[np.float64]

DETECTORS = ("inputs", "predictions", "calibration", "score without labels", "losses", "label sources")
"""What shares the budget of false alarms."""

TOGETHER = "all columns together"
CALIBRATION_SHARE = 0.03
"""Change of a mean residual from which calibration matters: our judgement, of chances and of standard deviations."""
SCORE_LOSS = 2.0
"""Standard errors of the reference's own score by which an expected score must be below it to matter."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The rows that are looked at.

    Attributes
    ----------
    table
        (n, ...): the inputs, in their own values.
    p
        (n, k): what was answered.
    y_told, p_told
        (l,), (l, k): labels that came in this period, and the answers they belong to.
    start_us, end_us
        The period, in microseconds since 1970, UTC; None where rows have no time.
    """

    table: Table
    p: Floats
    y_told: NDArray[Any]
    p_told: Floats
    start_us: int | None = None
    end_us: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one look found. Its JSON form leaves out `drift`, which is for pages and has one of its own.

    Attributes
    ----------
    start_us, end_us, n, labels
        The period, its rows, and the labels that came in it.
    level
        Chance that a detector alarms at this look although nothing has changed.
    effects
        Column -> effect; the points of its time series.
    auc
        How well a classifier tells the rows from the baseline's.
    output_effect
        How far the predictions are from the baseline's, in [0, 1].
    expected
        The score to be expected of these rows; None where it cannot be.
    calibration
        Change of calibration by the labels that came.
    alarms
        What this look alone would alarm about.
    drift
        Everything on the inputs; None for a look that was read back.
    """

    start_us: int | None
    end_us: int | None
    n: int
    labels: int
    level: float
    effects: Mapping[str, float]
    auc: float
    output_effect: float
    expected: ExpectedScore | None
    calibration: TwoSample
    alarms: tuple[Alarm, ...]
    drift: Drift | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "start_us": self.start_us,
            "end_us": self.end_us,
            "n": self.n,
            "labels": self.labels,
            "level": self.level,
            "effects": dict(self.effects),
            "auc": self.auc,
            "output_effect": self.output_effect,
            "expected": None if self.expected is None else self.expected.to_dict(),
            "calibration": self.calibration.to_dict(),
            "alarms": [alarm.to_dict() for alarm in self.alarms],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """The look that `to_json` wrote, without `drift`."""
        return cls(
            start_us=body["start_us"],
            end_us=body["end_us"],
            n=int(body["n"]),
            labels=int(body["labels"]),
            level=float(body["level"]),
            effects=dict(body["effects"]),
            auc=float(body["auc"]),
            output_effect=float(body["output_effect"]),
            expected=None if body["expected"] is None else ExpectedScore.from_dict(body["expected"]),
            calibration=TwoSample(**body["calibration"]),
            alarms=tuple(map(Alarm.from_json, body["alarms"])),
        )


def look(
    baseline: Baseline,
    asked: Asked,
    metric: Metric,
    *,
    level: float,
    rng: np.random.Generator,
    least_effect: float = 0.05,
) -> Look:
    """Hold the rows of a period against the baseline.

    Parameters
    ----------
    metric
        The score that was promised.
    level
        Chance of an alarm of each detector where nothing has changed.
    rng
        Draws the classifier test's halves and the replicates of the interval without labels.
    least_effect
        Share of the rows from which a difference matters.
    """
    window = baseline.inputs.start().after(asked.table, baseline.inputs.columns)
    # Columns and all of them together share the detector's level, the latter with a fifth (see `find_drift`).
    drift = find_drift(baseline.inputs, window, rng=rng, level=level / 1.2, least_effect=least_effect)
    outputs = find_drift(
        baseline.outputs,
        baseline.outputs.start().after(outputs_table(asked.p), baseline.outputs.columns),
        rng=rng,
        level=level,
        least_effect=2 * least_effect,
        together=False,
    )
    calibration = calibration_drift(baseline.y, baseline.p, asked.y_told, asked.p_told)
    expected = _expected(baseline, asked, metric, rng)
    alarms = [
        *_of_inputs(drift),
        *_of_outputs(outputs),
        *_of_calibration(calibration, level, len(asked.y_told)),
        *_of_expected(expected, metric, baseline, level),
    ]
    return Look(
        start_us=asked.start_us,
        end_us=asked.end_us,
        n=asked.table.n_rows,
        labels=len(asked.y_told),
        level=level,
        effects={column.name: column.effect for column in drift.columns if column.verdict != "not compared"},
        auc=drift.multivariate.auc,
        output_effect=max((column.effect for column in outputs.columns), default=0.0),
        expected=expected,
        calibration=calibration,
        alarms=tuple(_at(alarm, asked) for alarm in alarms),
        drift=drift,
    )


def _expected(baseline: Baseline, asked: Asked, metric: Metric, rng: np.random.Generator) -> ExpectedScore | None:
    classes = np.issubdtype(baseline.y.dtype, np.integer)
    if not (classes and isinstance(metric, AdditiveMetric | RankMetric)) or asked.table.n_rows == 0:
        return None
    X_now = codes(asked.table, baseline.inputs.compared)
    return expected_score(
        metric, baseline.y, baseline.p, asked.p, X=baseline.X, X_now=X_now, rng=rng, categorical=baseline.categorical
    )


def _of_inputs(drift: Drift) -> list[Alarm]:
    by_name = {column.name: column for column in drift.columns}
    found = []
    for name in drift.drifted_columns:
        column = by_name[name]
        size = max(column.effect, column.missing.effect, column.range.effect, float(column.verdict == "changed"))
        found.append(Alarm("inputs", (name,), f"{name}: {column.words()}", effect=size))
    if drift.together and not found:  # what single columns say explains it already
        auc = drift.multivariate.auc
        words = f"a classifier tells the rows from those the model was made for (AUC {auc:.2f})"
        found.append(Alarm("inputs", (TOGETHER,), words, effect=2 * auc - 1))
    return found


def _of_outputs(outputs: Drift) -> list[Alarm]:
    by_name = {column.name: column for column in outputs.columns}
    return [
        Alarm("predictions", ("predictions",), f"predictions moved: {column.words()}", effect=column.effect)
        for column in sorted((by_name[name] for name in outputs.drifted_columns), key=lambda c: -c.effect)[:1]
    ]


def _of_calibration(found: TwoSample, level: float, n: int) -> list[Alarm]:
    if found.p > level or found.effect < CALIBRATION_SHARE:
        return []
    words = f"by {n:,} labels predictions are off by {found.effect:.3f} more than they were"
    return [Alarm("calibration", ("calibration",), words, effect=found.effect)]


def _of_expected(found: ExpectedScore | None, metric: Metric, baseline: Baseline, level: float) -> list[Alarm]:
    """An alarm where the score expected of these rows is below the reference's beyond chance and enough to matter."""
    if found is None or found.broken or not math.isfinite(found.score.low + found.score.high):
        return []
    from scipy.stats import norm

    lost = found.reference - found.score.value if metric.greater_is_better else found.score.value - found.reference
    # The interval is that of the rows' own score: its half width over 1.96 is the spread without any shift, too.
    se_now = (found.score.high - found.score.low) / (2 * norm.ppf(0.5 + found.score.level / 2))
    se = float(se_now) * math.sqrt(1 + found.score.n / len(baseline.y))
    if se <= 0 or norm.sf(lost / se) > level or lost < SCORE_LOSS * se * math.sqrt(found.score.n / len(baseline.y)):
        return []
    words = f"even without labels {metric.name} is expected to be {found.score}, not {found.reference:.3f}"
    return [Alarm("score without labels", (metric.name,), words, effect=lost)]


def _at(alarm: Alarm, asked: Asked) -> Alarm:
    from dataclasses import replace

    return replace(alarm, since_us=asked.start_us, until_us=asked.end_us)
