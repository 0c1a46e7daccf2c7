"""How good the model is in use: scores from feedback, over time and by slice, beside what was promised."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.monitoring.feedback import Delay
from luthier.scoring import Estimate, Metric
from luthier.scoring.draws import draw_units
from luthier.scoring.influence import influence
from luthier.scoring.interval import Moments, leaning_interval

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

SETTLED = 0.95
"""Share of the labels to be expected with which a period counts as settled: our judgement."""
FEWEST = 30
"""Labels below which a slice is not scored."""
MOST_LEVELS = 12


@dataclass(frozen=True, slots=True)
class Period:
    """Predictions of one period and the labels that have come for them so far.

    Attributes
    ----------
    start_us
        Beginning, in microseconds since 1970, UTC.
    score
        Of those with a label; NaN where it is undefined.
    expected_share
        Share of the labels to be expected that should have come by now; below 0.95 the period is not settled.
    """

    start_us: int
    predictions: int
    labelled: int
    score: float
    expected_share: float

    @property
    def settled(self) -> bool:
        """Whether hardly any label is still to come."""
        return self.expected_share >= SETTLED

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "start": str(np.datetime64(self.start_us, "us")),
            "predictions": self.predictions,
            "labelled": self.labelled,
            "score": self.score if math.isfinite(self.score) else None,
            "expected_share": self.expected_share,
            "settled": self.settled,
        }


@dataclass(frozen=True, slots=True)
class SliceScore:
    """The score of the rows with one value in one column."""

    column: str
    level: str
    score: Estimate

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"column": self.column, "level": self.level, "score": self.score.to_json()}


@dataclass(frozen=True, slots=True, eq=False)
class OnlineScore:
    """What a model delivers.

    Attributes
    ----------
    score
        Of all predictions with a label, at the labels in force.
    settled
        Of the periods for which hardly any label is still to come. Where labels that come early differ from late ones
        (who cancels is known at once, who stays only after a year) `score` leans and this does not.
    """

    metric: str
    greater_is_better: bool
    score: Estimate
    settled: Estimate
    predictions: int
    labelled: int
    delay: Delay
    periods: tuple[Period, ...]
    slices: tuple[SliceScore, ...]

    def kept(self, promised: Estimate) -> bool | None:
        """Whether the promise holds: False where the intervals do not meet on the bad side, None without a score."""
        best = self.settled if self.settled.n else self.score
        if not (math.isfinite(best.low) and math.isfinite(best.high)):
            return None
        return best.high >= promised.low if self.greater_is_better else best.low <= promised.high

    def words(self, promised: Estimate | None = None) -> str:
        """The score in a line, beside the promise."""
        told = f"delivered {self.score} so far; {self.labelled:,} of {self.predictions:,} predictions have a label"
        return told if promised is None else f"promised {promised}, {told}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "metric": self.metric,
            "score": self.score.to_json(),
            "settled": self.settled.to_json(),
            "predictions": self.predictions,
            "labelled": self.labelled,
            "delay": self.delay.to_dict(),
            "periods": [period.to_dict() for period in self.periods],
            "slices": [one.to_dict() for one in self.slices],
        }


def online_score(
    metric: Metric,
    y: NDArray[Any],
    p: Floats,
    *,
    at_us: Indices,
    labelled: NDArray[np.bool_],
    first_label_us: Indices,
    now_us: int,
    rng: np.random.Generator,
    period_us: int | None = None,
    slices: Mapping[str, Any] | None = None,
) -> OnlineScore:
    """Score what was predicted by what came true.

    Parameters
    ----------
    metric
        Any, also one of money.
    y, p
        (n,), (n, k): coded labels in force, and predictions; of rows without a label y is not read.
    at_us, first_label_us
        (n,): when the prediction was made, and when its first label came; microseconds since 1970.
    labelled
        (n,): whether one has.
    now_us
        Until when feedback was looked at.
    rng
        Draws batches of rows for the interval, where there are more than 20,000.
    period_us
        Length of a period; chosen when left out, so that there are at most about thirty.
    slices
        Column -> the level of every row (n,).
    """
    waited = (np.where(labelled, first_label_us, now_us) - at_us) / 1e6
    delay = Delay.of(waited, labelled)
    length = period_us or _period(at_us)
    period = at_us // length
    starts, of_row = np.unique(period, return_inverse=True)
    expected = np.array([delay.within((now_us - int(start + 1) * length) / 1e6) for start in starts])
    settled = expected >= SETTLED
    predicted, came = (np.bincount(of_row, weights=w, minlength=len(starts)) for w in (np.ones(len(y)), labelled))
    order = np.argsort(of_row, kind="stable")
    groups = np.split(order, np.cumsum(predicted)[:-1].astype(np.int64)) if len(starts) else []
    done = labelled & settled[of_row]
    periods = tuple(
        Period(
            int(starts[k] * length),
            int(predicted[k]),
            int(came[k]),
            _score(metric, y, p, rows[labelled[rows]]),
            float(expected[k]),
        )
        for k, rows in enumerate(groups)
    )
    return OnlineScore(
        metric.name,
        metric.greater_is_better,
        estimate(metric, y[labelled], p[labelled], rng),
        estimate(metric, y[done], p[done], rng),
        len(y),
        int(labelled.sum()),
        delay,
        periods,
        _by_slice(metric, y, p, labelled, slices or {}, rng),
    )


NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


def estimate(metric: Metric, y: NDArray[Any], p: Floats, rng: np.random.Generator, *, level: float = 0.95) -> Estimate:
    """A score with its interval, every row independent of the others.

    The interval comes from the metric's influence function; a metric that has none of ours (a black box) gets none.
    """
    n = len(y)
    if n == 0:
        return NOTHING
    value = metric.score(y, p)
    if n < 2 or not math.isfinite(value):
        return Estimate(value, math.nan, math.nan, n, level)
    draws = draw_units(np.arange(n), np.ones(n), 0, rng)
    slopes = influence(metric, y, p, draws)
    if slopes is None or not np.isfinite(slopes).all():
        return Estimate(value, math.nan, math.nan, n, level)
    U = len(slopes)
    se = math.sqrt(float((slopes**2).sum()) * U / (U - 1))
    low, high = leaning_interval(value, se, Moments.of(U * slopes), U, level)
    return Estimate(value, low, high, n, level, "influence function")


def _score(metric: Metric, y: NDArray[Any], p: Floats, rows: Indices) -> float:
    return metric.score(y[rows], p[rows]) if len(rows) else math.nan


_HOUR_US = 3_600_000_000
_LENGTHS = tuple(hours * _HOUR_US for hours in (1, 6, 24, 7 * 24, 28 * 24, 364 * 24))


def _period(at_us: Indices) -> int:
    if len(at_us) == 0:
        return _LENGTHS[0]
    span = int(at_us.max() - at_us.min())
    return next((length for length in _LENGTHS if span / length <= 30), _LENGTHS[-1])


def _by_slice(
    metric: Metric,
    y: NDArray[Any],
    p: Floats,
    labelled: NDArray[np.bool_],
    slices: Mapping[str, Any],
    rng: np.random.Generator,
) -> tuple[SliceScore, ...]:
    import pandas as pd

    scores = []
    for column, levels in slices.items():
        codes, names = pd.factorize(np.asarray(levels, dtype=object)[labelled])
        times = np.bincount(codes[codes >= 0], minlength=len(names))
        for k in np.argsort(-times, kind="stable")[:MOST_LEVELS]:
            if times[k] >= FEWEST:
                here = np.flatnonzero(labelled)[codes == k]
                scores.append(SliceScore(column, str(names[k]), estimate(metric, y[here], p[here], rng)))
    return tuple(scores)
