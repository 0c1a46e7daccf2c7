"""By how much one way of judging flatters a model beside another that is harder to deceive.

Both ways judge the same rows, so their difference is paired: with d_i the loss of row i the honest way minus the loss
the flattering way, and rows in units that belong together,

    z = mean(d) / se,    se^2 = sum over units u of (sum over i in u of (d_i - mean(d)))^2 / n^2

(the cluster-robust variance of a mean; Liang & Zeger 1986, Biometrika 73).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.checks.finding import Severity
from luthier.checks.sample import Sample
from luthier.models import Task

Floats = NDArray[np.float64]

LEAST_Z = 3.5
"""One false finding in some thousand tables, were z normal; but several columns are tried, and folds add noise."""
LEAST_SKILL = 0.02
"""A hundredth of ROC AUC: less is not worth a word."""
GRAVE_SKILL = 0.1
"""A twentieth of ROC AUC, or a tenth of R^2: more than tuning usually gains."""


@dataclass(frozen=True, slots=True)
class Flattery:
    """What two ways of judging say of the same rows.

    Parameters
    ----------
    task
        What is predicted.
    flattered, honest
        Skill either way (0 a blind guess, 1 perfection).
    z
        Standard errors by which the honest way finds larger losses.
    n_rows
        Rows judged.
    """

    task: Task
    flattered: float
    honest: float
    z: float
    n_rows: int

    @property
    def size(self) -> float:
        """Skill that is not there."""
        return self.flattered - self.honest

    @property
    def is_clear(self) -> bool:
        """Whether it is more than noise, and worth a word."""
        return self.z >= LEAST_Z and self.size >= LEAST_SKILL

    @property
    def severity(self) -> Severity:
        """An error where it is grave."""
        return "error" if self.size >= GRAVE_SKILL else "warning"

    def evidence(self, flattered: str, honest: str) -> dict[str, Any]:
        """As evidence of a finding: both scores, in a measure people know, under names for the two ways."""
        return {
            "measure": measure(self.task),
            f"score_{flattered}": score(self.flattered, self.task),
            f"score_{honest}": score(self.honest, self.task),
            "optimism": round(score(self.flattered, self.task) - score(self.honest, self.task), 4),
            "z": round(self.z, 1),
            "rows_judged": self.n_rows,
        }


def compare(sample: Sample, flattered: Floats, honest: Floats, units: NDArray[Any]) -> Flattery:
    """What two tables of predictions (n, k) of a sample say, on the rows that both judge.

    Parameters
    ----------
    units
        (n,): rows of one unit belong together.
    """
    both = ~(np.isnan(flattered[:, 0]) | np.isnan(honest[:, 0]))
    nowhere = np.where(both[:, None], 0.0, np.nan)
    d = (sample.losses(honest) - sample.losses(flattered))[both]
    codes = np.unique(units[both], return_inverse=True)[1]
    se = float(np.sqrt((np.bincount(codes, weights=d - d.mean()) ** 2).sum()) / max(len(d), 1))
    return Flattery(
        sample.facts.task,
        sample.skill(flattered + nowhere),
        sample.skill(honest + nowhere),
        float(d.mean() / se) if se > 0 else 0.0,
        int(both.sum()),
    )


def measure(task: Task) -> str:
    """The measure in which evidence is told."""
    return {"binary": "roc_auc", "multiclass": "roc_auc_ovr", "regression": "r2_of_ranks"}[task]


def score(skill: float, task: Task) -> float:
    """Skill in that measure."""
    return round(skill if task == "regression" else (skill + 1.0) / 2.0, 4)
