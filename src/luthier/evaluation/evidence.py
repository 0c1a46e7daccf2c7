"""What a study left behind for its evaluation, and the form in which the answers come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from luthier.data import Dataset, Task
from luthier.evaluation.blend import Blender
from luthier.evaluation.simplest import Simplest
from luthier.evaluation.thresholds import Rule
from luthier.evaluation.verdict import Verdict
from luthier.evaluation.worst_group import WorstGroup
from luthier.models.balance import BALANCE
from luthier.scoring import Metric, OutOfFold
from luthier.scoring.metrics import Costs
from luthier.scoring.recalibration import Mapped, read_recalibrator
from luthier.tuning import History, StudyPlan

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

WRONG = "share of wrong answers"
AS_IT_IS = 0.5
"""The threshold of a model that was given none."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The last steps of a model.

    Attributes
    ----------
    kind, recalibrator
        The recalibrator and its name; None where probabilities are left as they are.
    threshold
        The chance above which a case of two classes is called positive.
    rule
        How the threshold was chosen, in words; empty where nobody asked for one.
    """

    kind: str | None = None
    recalibrator: Mapped | None = None
    threshold: float = AS_IT_IS
    rule: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "kind": self.kind,
            "recalibrator": None if self.recalibrator is None else self.recalibrator.to_json(),
            "threshold": self.threshold,
            "rule": self.rule,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Finish:
        """Inverse of `to_json`."""
        fitted = body["recalibrator"]
        return cls(body["kind"], None if fitted is None else read_recalibrator(fitted), body["threshold"], body["rule"])


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """How far off what is shipped was on every row of the table that was judged, without having seen it.

    Attributes
    ----------
    rows
        (n,): numbers of the rows in the table, rising.
    errors
        (n,) >= 0: share of its answers to the row that were wrong, or their mean distance from the truth.
    units
        (n,): what the row belongs to (its group, its stretch of time); None where every row stands for itself.
    error
        What an error is, in words.
    """

    rows: NDArray[np.intp]
    errors: Floats
    units: NDArray[np.int64] | None
    error: str


@dataclass(frozen=True)
class Evidence:
    """Everything a reading may look at; nothing is trained again.

    Attributes
    ----------
    table
        Out-of-fold predictions of the configurations the choice was made among.
    metric
        What was optimised.
    dataset
        The table of the study. Row `table.splits.rows[i]` of it is slab row i.
    plan, history
        What was to be done, and what was.
    verdict
        What was chosen, and its honest score.
    chooser
        How a blend, or a configuration that is not the best, was chosen; None where the best was.
    shipped_with
        What is done to the predictions of what was chosen.
    rule, costs
        How to choose a threshold, and what decisions cost; None where the user did not say.
    groups
        (n, ...) columns of the table, features or not, whose values name the groups to compare; None where none is.
    seed
        Root of the randomness of every reading.
    """

    table: OutOfFold
    metric: Metric
    dataset: Dataset
    plan: StudyPlan
    history: History
    verdict: Verdict
    chooser: Blender | Simplest | WorstGroup | None = None
    shipped_with: Finish = Finish()
    rule: Rule | None = None
    costs: Costs | None = None
    groups: pd.DataFrame | None = None
    seed: int = 0

    @property
    def task(self) -> Task:
        """What is predicted."""
        return self.dataset.schema.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes in code order, as text; binary: (negative, positive); empty for a regression."""
        return tuple(map(str, self.dataset.schema.classes))

    @property
    def y(self) -> NDArray[Any]:
        """(m,): coded target in slab order."""
        return self.table.y

    @property
    def weights(self) -> NDArray[np.float64]:
        """(m,): base weight of every slab row."""
        return self.table.splits.weights

    @cached_property
    def shipped(self) -> NDArray[Any]:
        """(m, k): what the shipped configuration, or blend, said of every slab row without having seen it."""
        if self.verdict.blend is not None:
            return self.verdict.blend.predictions(self.table)
        return np.asarray(self.table.values[self.table.index(self.verdict.shipped)])  # noqa: PD011 - no frame

    @cached_property
    def given(self) -> Floats:
        """(m, k): the same after the recalibrator, as a user of the model gets it."""
        p = np.asarray(self.shipped, np.float64)
        mend = self.shipped_with.recalibrator
        return p if mend is None else np.asarray(mend.apply(p), np.float64)

    @property
    def balanced(self) -> bool:
        """Whether the search could choose how much rare classes count."""
        return any(parameter.name.endswith(f".{BALANCE}") for parameter in self.plan.space)

    @cached_property
    def decided(self) -> NDArray[np.int64]:
        """(m,): code of the class that is decided for at the threshold in use."""
        return self.decide(self.given)

    def decide(self, p: Floats) -> NDArray[np.int64]:
        """(m,): the same of other answers (m, k)."""
        return (p[:, 0] > self.shipped_with.threshold).astype(np.int64) if p.shape[1] == 1 else p.argmax(axis=1)

    @cached_property
    def judged(self) -> Judged:
        """The errors of what is shipped, row by row; a row judged several times counts once, with their mean."""
        splits, known = self.table.splits, self.weights > 0
        regression = self.task == "regression"
        off = np.abs(self.y - self.given[:, 0]) if regression else (self.decided != self.y).astype(np.float64)
        rows, first, of = np.unique(splits.rows[known], return_index=True, return_inverse=True)
        errors = np.bincount(of, off[known]) / np.bincount(of)
        units = splits.units[known][first]
        alone = len(np.unique(units)) == len(units)
        return Judged(rows, errors, None if alone else units, "mean error" if regression else WRONG)

    def rng(self, reading: str) -> np.random.Generator:
        """The randomness of one reading: its own, so that no reading changes another's."""
        return np.random.default_rng([self.seed, int.from_bytes(reading.encode(), "little") % 2**32])


class Part(Protocol):
    """The answer of one reading: a frozen value of its own kind."""

    def to_dict(self) -> dict[str, Any]:
        """JSON values; numbers that are not finite are None."""
        ...

    def lines(self) -> list[str]:
        """The answer for people, the verdict first."""
        ...


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The answer where a question does not arise, or the data are too few to say, or there was no time to ask it."""

    reason: str
    for_want_of_time: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"answered": False, "reason": self.reason}

    def lines(self) -> list[str]:
        """The reason."""
        return [self.reason]
