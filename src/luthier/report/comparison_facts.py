"""Everything the page of a comparison says, and nothing about how it looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from luthier.evaluation.contenders import Comparison
from luthier.report.facts import DataFacts, MetricFacts


@dataclass(frozen=True, slots=True)
class ComparisonFacts:
    """A comparison of strategies, ready to be said.

    Attributes
    ----------
    data, metric
        What was compared on, and by what.
    comparison
        What came of it.
    budget, budget_s
        Of each repeat of each strategy, in words, and in seconds where time or money limits it.
    fits
        Folds that were fitted.
    saved_fits, saved_s
        Folds, and their seconds, that another strategy had fitted before.
    elapsed_s
        Real seconds.
    price_per_hour, currency
        None without a price.
    n_folds, splits
        Folds of one configuration, and why these.
    n_jobs, seed, machine, versions, study, finished_at_utc
        For the record.
    report_path
        Where the page is; None when it was not written.
    """

    data: DataFacts
    metric: MetricFacts
    comparison: Comparison
    budget: str
    budget_s: float | None
    fits: int
    saved_fits: int
    saved_s: float
    elapsed_s: float
    price_per_hour: float | None = None
    currency: str = ""
    n_folds: int = 5
    splits: str = ""
    n_jobs: int = 1
    seed: int = 0
    machine: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    study: str = ""
    finished_at_utc: str = ""
    report_path: str | None = None

    def money_of(self, seconds: float) -> float | None:
        """What so many seconds cost; None without a price."""
        return None if self.price_per_hour is None else seconds / 3600.0 * self.price_per_hour

    def to_json(self) -> dict[str, Any]:
        """As JSON values, in the form that `luthier compare --json` promises."""
        return {
            "study": self.study,
            "dataset": self.data.name,
            "target": self.data.target,
            "task": self.data.task,
            "metric": self.metric.name,
            "greater_is_better": self.metric.greater_is_better,
            "budget": self.budget,
            "budget_s": self.budget_s,
            "repeats": self.comparison.repeats,
            "elapsed_s": self.elapsed_s,
            **self.comparison.to_json(self.money_of),
            "fits": self.fits,
            "saving": {"fits": self.saved_fits, "seconds": self.saved_s},
            "report": self.report_path,
        }
