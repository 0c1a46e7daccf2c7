"""Which recalibrator helps, if any: each is learned on drawn rows and judged on the rows not drawn, many times over."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from luthier.scoring import METRICS, Estimate
from luthier.scoring.draws import draw_units
from luthier.scoring.recalibration import RECALIBRATORS, Mapped, fit_recalibrator

Floats = NDArray[np.float64]

REPLAYS = 40
MOST_ROWS = 4000
"""Rows on which recalibrators compete, evenly spread over the slab: with more, whatever helps at all does so beyond
doubt. The winner is learned from all rows."""

MOST_CLASSES_ALONE = 10
"""With more classes than these, none is recalibrated against the rest: only all together."""

ROWS_BY_CLASSES = 20_000
"""Of several classes, rows times classes that compete."""

BEYOND_DOUBT = 1.64
"""Standard errors by which a recalibrator must lower the log loss to be used. Four compete, so that some do by luck: of
110 that passed this in 360 simulated choices two did harm, at worst a sixth of a standard error of the log loss itself
(studies/calibration)."""


@dataclass(frozen=True, slots=True)
class Recalibration:
    """The choice of a recalibrator.

    Attributes
    ----------
    chosen
        Its name; None where predictions are best left as they are.
    fitted
        What was learned from all rows; None where nothing was chosen.
    gains
        By how much each recalibrator lowers the log loss on rows it was not learned from; negative where it does harm.
    mended
        (n, k): the predictions after recalibrators of the chosen kind that had not seen the row, or, where there are
        more rows than compete, after the fitted one; None where nothing was chosen.
    """

    chosen: str | None
    fitted: Mapped | None
    gains: Mapping[str, Estimate]
    mended: Floats | None

    @property
    def sentence(self) -> str:
        """The choice in words."""
        if self.chosen is None:
            return "probabilities are used as they are: no recalibrator lowers the log loss beyond doubt"
        gain = self.gains[self.chosen]
        return f"recalibrated by {self.chosen}, which lowers the log loss by {gain.value:.3g} on rows it has not seen"

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "chosen": self.chosen,
            "fitted": None if self.fitted is None else self.fitted.to_json(),
            "log_loss_gains": {name: gain.to_json() for name, gain in self.gains.items()},
            "sentence": self.sentence,
        }


def choose_recalibrator(
    y: NDArray[np.int64],
    p: NDArray[Any],
    *,
    weights: Floats,
    units: NDArray[np.int64],
    rng: np.random.Generator,
    n_replays: int = REPLAYS,
    most_rows: int = MOST_ROWS,
) -> Recalibration:
    """Choose among no recalibration and each of `RECALIBRATORS` by the log loss on rows not drawn.

    Parameters
    ----------
    y, p
        Coded classes (n,) and out-of-fold predictions (n, k).
    weights, units
        (n,): weight of every row, and what is drawn together.
    rng
        Source of the draws.
    n_replays, most_rows
        How often, and on how many rows at most, they compete.
    """
    kinds = competitors(p.shape[1])
    looked_at = np.unique(np.linspace(0, len(y) - 1, rows_competing(len(y), p.shape[1], most_rows)).astype(np.intp))
    of_row, of_choice = weights[looked_at], y[looked_at]
    said = np.asarray(p[looked_at], np.float64)
    codes = np.unique(units[looked_at], return_inverse=True)[1]
    draws = draw_units(codes, of_row, n_replays, rng)
    as_it_is = _losses(of_choice, said)
    lowered = {name: np.zeros(len(said)) for name in kinds}
    mended = {name: np.zeros_like(said) for name in kinds}
    times = np.zeros(len(said))
    for replay in range(len(draws)):
        drawn, left = draws.row_weights(replay), np.flatnonzero(draws.row_weights(replay, drawn=False))
        if len(np.unique(of_choice[drawn > 0])) < 2:
            continue
        times[left] += 1
        for name in kinds:
            new = fit_recalibrator(name, of_choice, said, drawn).apply(said[left])
            mended[name][left] += new
            lowered[name][left] += as_it_is[left] - _losses(of_choice[left], new)
    seen = times > 0
    gains = {name: _mean(lowered[name][seen] / times[seen], of_row[seen], draws.units[seen]) for name in kinds}
    best = max(gains, key=lambda name: gains[name].value if math.isfinite(gains[name].value) else -math.inf)
    q = float(stats.norm.ppf(0.5 + gains[best].level / 2))
    standard_error = (gains[best].high - gains[best].low) / (2 * q)
    if not gains[best].value > BEYOND_DOUBT * standard_error:
        return Recalibration(None, None, gains, None)
    fitted = fit_recalibrator(best, y, p, weights)
    whole = len(looked_at) == len(y) and bool(seen.all())
    return Recalibration(best, fitted, gains, mended[best] / times[:, None] if whole else fitted.apply(p))


def competitors(outputs: int) -> list[str]:
    """The recalibrators that compete over predictions of so many columns."""
    return [name for name, kind in RECALIBRATORS.items() if outputs <= MOST_CLASSES_ALONE or kind.joint]


def rows_competing(rows: int, outputs: int, most_rows: int = MOST_ROWS) -> int:
    """How many of the rows they compete over."""
    several = most_rows if outputs == 1 else ROWS_BY_CLASSES // min(outputs, MOST_CLASSES_ALONE)
    return min(rows, most_rows, several)


def _losses(y: NDArray[np.int64], p: Floats) -> Floats:
    losses: Floats = METRICS["log_loss"].row_stats(y, p)[:, 0]  # type: ignore[union-attr]  # it is an additive metric
    return losses


def _mean(values: Floats, weights: Floats, units: NDArray[np.int64]) -> Estimate:
    """Weighted mean with the interval that the spread over units gives."""
    n = len(np.unique(units[weights > 0])) if len(units) else 0
    if n < 2:
        return Estimate(math.nan, math.nan, math.nan, n)
    mean = float(np.average(values, weights=weights))
    influence = np.bincount(units, weights * (values - mean)) / weights.sum()
    half = float(stats.norm.ppf(0.975)) * math.sqrt(n / (n - 1) * float((influence**2).sum()))
    return Estimate(mean, mean - half, mean + half, n, 0.95, "rows not drawn")
