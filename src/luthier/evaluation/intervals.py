"""How far predicted values may be off: intervals around predictions that cover as often as they say.

An interval at level 1 - a around a prediction p runs from p + L to p + H, where L and H are the a / 2 and 1 - a / 2
quantiles of the out-of-fold residuals y - p, each taken one rank further out, which makes the coverage at least 1 - a
on average for exchangeable rows. It is as wide for every row.

Sources: Papadopoulos, Proedrou, Vovk & Gammerman (2002), ECML (split conformal prediction); Vovk (2015), Annals of
Mathematics and Artificial Intelligence 74 (with out-of-fold residuals); Linusson, Johansson & Loefstroem (2014), PAKDD
(signed residuals, both tails apart).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.canonical import finite
from luthier.evaluation.evidence import Evidence, Unanswered
from luthier.scoring import Estimate
from luthier.scoring.draws import draw
from luthier.scoring.metrics import AdditiveMetric
from luthier.scoring.replay import plain_estimate

Floats = NDArray[np.float64]

LEVELS = (0.5, 0.8, 0.9, 0.95)
REPLAYS = 200
QUANTILE = "pinball@"
"""How the name of the metric of a quantile begins."""


@dataclass(frozen=True, slots=True)
class Margin:
    """An interval around every prediction.

    Attributes
    ----------
    level
        Share of rows it is to cover.
    below, above
        What to add to a prediction for its lower and its upper end, in the unit of the target.
    coverage
        Share of rows covered when the margin is learned from drawn rows and tried on those not drawn: mean over
        replays, and between which values 95 % of the replays lie.
    """

    level: float
    below: float
    above: float
    coverage: Estimate

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "level": self.level,
            "below": finite(self.below),
            "above": finite(self.above),
            "coverage": self.coverage.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Intervals:
    """What can be said of how far predictions are off.

    Attributes
    ----------
    margins
        By rising level; levels that so few rows cannot vouch for are left out.
    quantile, quantile_coverage
        The quantile that was predicted, and the share of rows at or below the prediction; None for a mean.
    """

    margins: tuple[Margin, ...]
    quantile: float | None
    quantile_coverage: Estimate | None

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "margins": [margin.to_dict() for margin in self.margins],
            "quantile": self.quantile,
            "quantile_coverage": None if self.quantile_coverage is None else self.quantile_coverage.to_json(),
        }

    def lines(self) -> list[str]:
        """A line for every level."""
        lines = []
        if self.quantile is not None and self.quantile_coverage is not None:
            lines.append(f"{100 * self.quantile:g} % of rows should lie below; {self.quantile_coverage} do")
        return lines + [
            f"in {100 * margin.level:g} of 100 cases the truth lies between prediction {margin.below:+.4g} and "
            f"{margin.above:+.4g} (covered {100 * margin.coverage.value:.1f} %)"
            for margin in self.margins
        ]


def intervals(evidence: Evidence) -> Intervals | Unanswered:
    """Learn margins from the out-of-fold residuals, and replay how often they cover."""
    if evidence.task != "regression":
        return Unanswered("classes are predicted with chances; see the calibration")
    table, metric = evidence.table, evidence.metric
    p, w = np.asarray(evidence.shipped, np.float64), evidence.weights
    residuals = table.y - p[:, 0]
    draws = draw(table.splits, REPLAYS, evidence.rng("intervals"))
    margins = []
    for level in LEVELS:
        below, above = margin(residuals, w, draws.n_units, level)
        if not (math.isfinite(below) and math.isfinite(above)):
            continue
        covered = []
        for replay in range(len(draws)):
            low, high = margin(residuals, draws.row_weights(replay), draws.n_units, level)
            left = draws.row_weights(replay, drawn=False)
            if left.any():
                covered.append(np.average((residuals >= low) & (residuals <= high), weights=left))
        low_end, high_end = np.quantile(covered, [0.025, 0.975])
        mean = float(np.mean(covered))
        coverage = Estimate(mean, float(low_end), float(high_end), draws.n_units, 0.95, "rows not drawn")
        margins.append(Margin(level, below, above, coverage))
    quantile = float(metric.name.removeprefix(QUANTILE)) if metric.name.startswith(QUANTILE) else None
    share = None
    if quantile is not None:
        units, rng = table.splits.units, evidence.rng("quantile")
        share = plain_estimate(table.y, p, _SHARE_BELOW, units=units, weights=w, rng=rng)
    return Intervals(tuple(margins), quantile, share)


def margin(residuals: Floats, weights: Floats, n: int, level: float) -> tuple[float, float]:
    """The quantiles of residuals that make an interval of this level; infinite where n units are too few for it.

    Parameters
    ----------
    residuals, weights
        (m,): truth less prediction of rows the model has not seen, and what each counts.
    n
        Independent units behind them.
    """
    tail = (1 - level) / 2
    # The rank (n + 1) (1 - tail) of n values, as a share of them.
    out = (n + 1) * (1 - tail) / n
    if out > 1:
        return -math.inf, math.inf
    order = np.argsort(residuals)
    total = np.cumsum(weights[order]) / weights.sum()
    upper = residuals[order][min(int(np.searchsorted(total, out - 1e-12)), len(order) - 1)]
    downward = np.cumsum(weights[order][::-1]) / weights.sum()
    lower = residuals[order][::-1][min(int(np.searchsorted(downward, out - 1e-12)), len(order) - 1)]
    return float(lower), float(upper)


def _below(y: NDArray[Any], p: NDArray[Any]) -> Floats:
    return np.column_stack([y <= p[:, 0], np.ones(len(y))]).astype(np.float64)


def _share(sums: Floats) -> Floats:
    return np.asarray(sums[..., 0] / sums[..., 1])


_SHARE_BELOW = AdditiveMetric(
    "share below", greater_is_better=True, tasks=frozenset({"regression"}), row_stats=_below, value=_share
)
