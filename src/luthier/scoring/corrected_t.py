"""The corrected resampled t test: is one configuration better than another over cross-validation folds?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from luthier.scoring.draws import Floats


@dataclass(frozen=True, slots=True)
class CorrectedT:
    """A mean difference over folds, tested with the variance corrected for the rows the folds share.

    Attributes
    ----------
    difference
        Mean over folds; NaN when no fold has both scores.
    t, p
        Statistic and two-sided p-value of "no difference"; NaN with fewer than two folds. A difference that is the same
        on every fold and not zero has t infinite and p zero.
    low, high
        Interval of the difference at `level`.
    n_folds
        Folds that entered.
    level
        Of the interval.
    """

    difference: float
    t: float
    p: float
    low: float
    high: float
    n_folds: int
    level: float = 0.95

    def to_json(self) -> dict[str, Any]:
        """JSON values; numbers that are not finite become None."""
        numbers = {"difference": self.difference, "t": self.t, "p": self.p, "low": self.low, "high": self.high}
        said = {name: number if math.isfinite(number) else None for name, number in numbers.items()}
        return {**said, "n_folds": self.n_folds, "level": self.level}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> CorrectedT:
        """The result that `to_json` wrote; what was not finite comes back as NaN."""
        numbers = [
            math.nan if body[key] is None else float(body[key]) for key in ("difference", "t", "p", "low", "high")
        ]
        difference, t, p, low, high = numbers
        return cls(difference, t, p, low, high, int(body["n_folds"]), float(body["level"]))


def corrected_t(differences: Floats, *, test_to_train: float, level: float = 0.95) -> CorrectedT:
    """Test whether the mean of fold-wise differences is zero.

        t = mean(d) / sqrt((1 / J + n_test / n_train) var(d)),   J - 1 degrees of freedom

    Training sets overlap, so the differences are correlated and the plain t test finds winners that are none; the added
    n_test / n_train stands for that correlation.

    Parameters
    ----------
    differences
        (J,): score of one minus score of the other on every fold; NaN where a fold has no score.
    test_to_train
        Rows judged over rows learned from, of a typical fold.
    level
        Of the interval.

    Notes
    -----
    Source: Nadeau & Bengio (2003), Machine Learning 52, sec. 3 (the corrected resampled t-test); Bouckaert & Frank
    (2004) use it for repeated cross-validation. It is approximate: no unbiased variance exists (Bengio & Grandvalet
    2004).
    """
    d = differences[np.isfinite(differences)]
    J = len(d)
    if J == 0:
        return CorrectedT(math.nan, math.nan, math.nan, math.nan, math.nan, 0, level)
    mean = float(d.mean())
    if J == 1:
        return CorrectedT(mean, math.nan, math.nan, math.nan, math.nan, 1, level)
    se = math.sqrt((1 / J + test_to_train) * float(d.var(ddof=1)))
    q = float(stats.t.ppf(0.5 + level / 2, J - 1))
    if se == 0:
        t = math.copysign(math.inf, mean) if mean else 0.0
        return CorrectedT(mean, t, 0.0 if mean else 1.0, mean, mean, J, level)
    t = mean / se
    return CorrectedT(mean, t, float(2 * stats.t.sf(abs(t), J - 1)), mean - q * se, mean + q * se, J, level)
