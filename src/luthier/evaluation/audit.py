"""The whole tuning, done again on part of the rows and judged on the rest: the dear proof of the honest score.

Nested cross-validation (Varma & Simon 2006, "Bias in error estimation when using cross-validation for model selection",
BMC Bioinformatics 7; Cawley & Talbot 2010, "On over-fitting in model selection and subsequent selection bias in
performance evaluation", Journal of Machine Learning Research 11) needs no theory of how a choice flatters itself: what
was tuned has never seen the rows that judge it. It costs as many tunings as it has parts, and each learns from fewer
rows than the study did, so that it is rather too low than too high.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.canonical import finite
from luthier.scoring import Estimate, Metric
from luthier.scoring.replay import plain_estimate
from luthier.scoring.spoken import spoken


@dataclass(frozen=True, slots=True)
class Audit:
    """What tunings were worth on rows that they had not seen.

    Attributes
    ----------
    metric
        What was measured.
    score
        Of all parts together.
    parts
        Score of every tuning on its own part.
    honest
        What the study promises.
    share
        Of the rows that a tuning learned from.
    """

    metric: str
    score: Estimate
    parts: tuple[float, ...]
    honest: Estimate
    share: float

    @property
    def agrees(self) -> bool:
        """Whether the two intervals have a value in common."""
        return self.score.low <= self.honest.high and self.honest.low <= self.score.high

    @property
    def sentence(self) -> str:
        """What the audit says of the promise."""
        said = (
            f"tuned anew {len(self.parts)} times on {self.share:.0%} of the rows, and judged on the others: "
            f"{spoken(self.metric)} {self.score}"
        )
        if self.agrees:
            return f"{said}; the honest score {self.honest} agrees with it"
        return f"{said}; the honest score {self.honest} does not agree with it: believe the audit"

    def to_dict(self) -> dict[str, Any]:
        """JSON values; numbers that are not finite are None."""
        return {
            "metric": self.metric,
            "score": self.score.to_json(),
            "parts": [finite(part) for part in self.parts],
            "honest": self.honest.to_json(),
            "share": self.share,
            "agrees": self.agrees,
        }

    def lines(self) -> list[str]:
        """The verdict, and the parts."""
        return [self.sentence, f"parts: {', '.join(f'{part:.4g}' for part in self.parts)}"]


def audit(
    metric: Metric,
    y: NDArray[Any],
    said: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]],
    *,
    honest: Estimate,
    units: NDArray[np.int64],
    weights: NDArray[np.float64],
    share: float,
    rng: np.random.Generator,
) -> Audit:
    """Read the audit off what every tuning said of the rows it had not seen.

    Parameters
    ----------
    metric, honest
        Of the study.
    y, units, weights
        (n,): coded target, unit and weight of every row of the table.
    said
        For every tuning the rows that judge it, and its predictions (m, k) for them.
    share
        Of the rows that a tuning learned from, on average.
    rng
        Of the draws of the interval.
    """
    rows = np.concatenate([part for part, _ in said])
    p = np.concatenate([answers for _, answers in said])
    score = plain_estimate(y[rows], p, metric, units=np.unique(units[rows], return_inverse=True)[1],
                           weights=weights[rows], rng=rng)  # fmt: skip
    parts = tuple(float(metric.score(y[part], answers, weights[part])) for part, answers in said)
    return Audit(metric.name, score, parts, honest, share)
