"""Which rows judge a model, by what measure, and how far the judgement can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luthier.lazily import lazily

if TYPE_CHECKING:
    from luthier.scoring.estimate import Estimate
    from luthier.scoring.metrics import (
        METRICS,
        AdditiveMetric,
        Metric,
        OwnMetric,
        RankMetric,
        Task,
        default_metric,
        get_metric,
        rank,
    )
    from luthier.scoring.splits import Splits, choose_splits
    from luthier.scoring.table import OutOfFold

__all__ = [
    "METRICS",
    "AdditiveMetric",
    "Estimate",
    "Metric",
    "OutOfFold",
    "OwnMetric",
    "RankMetric",
    "Splits",
    "Task",
    "choose_splits",
    "default_metric",
    "get_metric",
    "rank",
]

__getattr__ = lazily(
    __name__,
    {
        "scoring.estimate": ("Estimate",),
        "scoring.metrics": (
            "METRICS",
            "AdditiveMetric",
            "Metric",
            "OwnMetric",
            "RankMetric",
            "Task",
            "default_metric",
            "get_metric",
            "rank",
        ),
        "scoring.splits": ("Splits", "choose_splits"),
        "scoring.table": ("OutOfFold",),
    },
)
