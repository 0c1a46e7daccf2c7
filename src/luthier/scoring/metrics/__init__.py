"""Metrics by scikit-learn's names, one family a file: list a new family here."""

from __future__ import annotations

from luthier.scoring.metrics import counts, probabilities, ranking, regression
from luthier.scoring.metrics.metric import AdditiveMetric, Metric, RankMetric, Task, rank

METRICS: dict[str, AdditiveMetric | RankMetric] = {
    metric.name: metric for family in (counts, probabilities, ranking, regression) for metric in family.METRICS
}

__all__ = ["METRICS", "AdditiveMetric", "Metric", "RankMetric", "Task", "rank"]
