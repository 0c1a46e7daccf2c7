"""How much hangs on luck: would another seed, a few other rows or slightly other numbers have given another answer?

Models that score alike may still decide differently about the same row (D'Amour et al. 2022, "Underspecification
presents challenges for credibility in modern machine learning", Journal of Machine Learning Research 23). What changes
is counted on rows that no model had seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.evaluation.evidence import Evidence
from luthier.evaluation.over_folds import over_folds
from luthier.evaluation.words import with_interval
from luthier.scoring import Estimate
from luthier.scoring.spoken import spoken

Floats = NDArray[np.float64]

LEFT_OUT, NUDGE, WRONG_LABELS = 0.1, 0.01, 0.05
"""Share of training rows that are left out; noise on numbers, in standard deviations; share of labels made wrong."""
CHANGES = {
    "seed": "another seed",
    "rows": f"{LEFT_OUT:.0%} of the training rows left out",
    "nudge": f"every number moved by about {NUDGE:.0%} of its spread",
}
SHAKY = 0.1
"""Share of the answers that may change by luck before it is said first; our judgement."""


@dataclass(frozen=True, slots=True)
class Stability:
    """What luck changes.

    Attributes
    ----------
    metric
        What was measured.
    decisions
        Whether decisions were counted; else how far values move, as a share of the usual error.
    changed
        For every one of `CHANGES` the share of decisions that become others, or how far values move.
    wrong_labels
        By how much the score gets worse with 5 % of the training labels wrong; positive is worse, for losses too.
    """

    metric: str
    decisions: bool
    changed: Mapping[str, Estimate]
    wrong_labels: Estimate

    @property
    def shaky(self) -> bool:
        """Whether any change of luck alone surely moves more than a tenth."""
        return any(found.low > SHAKY for found in self.changed.values())

    def to_dict(self) -> dict[str, Any]:
        """JSON values; numbers that are not finite are None."""
        return {
            "metric": self.metric,
            "of": "decisions" if self.decisions else "usual error",
            "changed": {name: found.to_json() for name, found in self.changed.items()},
            "wrong_labels": self.wrong_labels.to_json(),
            "shaky": self.shaky,
        }

    @property
    def sentence(self) -> str:
        """The change that moves most."""
        worst = max(self.changed, key=lambda name: self.changed[name].value)
        found = self.changed[worst]
        what = "changes {} of the decisions" if self.decisions else "moves answers by {} of the usual error"
        start = "much hangs on luck" if self.shaky else "little hangs on luck"
        return f"{start}: {CHANGES[worst]} {what.format(f'{found.value:.1%}')}"

    def lines(self) -> list[str]:
        """The verdict, every change, and what wrong labels cost."""
        unit = "of the decisions become others" if self.decisions else "of the usual error"
        said = [self.sentence]
        for name, found in self.changed.items():
            said.append(f"{CHANGES[name]}: {found.value:.1%} [{max(found.low, 0.0):.1%}, {found.high:.1%}] {unit}")
        worse = f"{spoken(self.metric)} worse by {with_interval(self.wrong_labels)}"
        return [*said, f"{WRONG_LABELS:.0%} of the training labels wrong: {worse}"]


def stability(evidence: Evidence, told: Mapping[str, Floats], wrong_labels: Floats) -> Stability:
    """Count what changed.

    Parameters
    ----------
    evidence
        Of the study.
    told
        For every one of `CHANGES`, (m, k): what models fitted so said of every slab row, none of which they had seen.
    wrong_labels
        (m, k): the same from models that learned from wrong labels.
    """
    splits, metric, before = evidence.table.splits, evidence.metric, evidence.given
    folds = [splits.fold_slice(number) for number in range(len(splits.folds))]
    sign = 1.0 if metric.greater_is_better else -1.0
    decisions = evidence.task != "regression"

    def changed(p: Floats) -> Estimate:
        if decisions:
            moved = (evidence.decide(p) != evidence.decide(before)).astype(np.float64)
            by_fold = [np.average(moved[of], weights=splits.weights[of]) for of in folds]
        else:
            moved, error = np.abs(p - before)[:, 0], np.abs(evidence.y - before[:, 0])
            by_fold = [np.average(moved[of]) / max(float(np.average(error[of])), 1e-300) for of in folds]
        return over_folds(np.array(by_fold)[:, None], np.ravel, splits)

    def score(p: Floats, of: slice) -> float:
        return sign * float(metric.score(evidence.y[of], p[of], splits.weights[of]))

    lost = np.array([[score(before, of) - score(wrong_labels, of)] for of in folds])
    return Stability(
        metric.name, decisions, {name: changed(told[name]) for name in CHANGES}, over_folds(lost, np.ravel, splits)
    )
