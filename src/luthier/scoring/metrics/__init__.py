"""Metrics by scikit-learn's names, one family a file: list a new family here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from luthier.scoring.metrics import counts, probabilities, ranking, regression
from luthier.scoring.metrics.counts import f_beta
from luthier.scoring.metrics.lookup import default_metric, find
from luthier.scoring.metrics.metric import AdditiveMetric, Metric, RankMetric, Task, rank
from luthier.scoring.metrics.money import Costs
from luthier.scoring.metrics.own import OwnMetric
from luthier.scoring.metrics.regression import pinball

METRICS: dict[str, AdditiveMetric | RankMetric] = {
    metric.name: metric for family in (counts, probabilities, ranking, regression) for metric in family.METRICS
}


def get_metric(
    wanted: str | Callable[..., Any] | Metric,
    task: Task,
    *,
    alpha: float | None = None,
    greater_is_better: bool | None = None,
    classes: Sequence[Any] = (),
) -> Metric:
    """The metric somebody asked for.

    Parameters
    ----------
    wanted
        A name of `METRICS`, an alias ("auc", "mcc"), a scikit-learn scorer name ("neg_log_loss": the same metric as
        "log_loss", reported in its own sign), "pinball@0.9" for a quantile; a function ``f(y, p)`` (see
        `own.read_callable`); a scorer made by scikit-learn's `make_scorer`; or a metric, handed back.
    task
        What is predicted.
    alpha
        Quantile of "pinball", when its name does not say it.
    greater_is_better
        Direction of a function that does not say it by an attribute of that name.
    classes
        Classes in code order, for scorers that name them (`pos_label`, `labels`).

    Raises
    ------
    BadMetric
        When it is unknown or does not fit the task (the message lists those that do, and the nearest spelling), or a
        function does not say which direction is better.

    Examples
    --------
    >>> get_metric("neg_root_mean_squared_error", "regression").name
    'rmse'
    >>> get_metric("auc", "binary").name
    'roc_auc'
    """
    return find(METRICS, wanted, task, alpha=alpha, greater_is_better=greater_is_better, classes=classes)


__all__ = [
    "METRICS",
    "AdditiveMetric",
    "Costs",
    "Metric",
    "OwnMetric",
    "RankMetric",
    "Task",
    "default_metric",
    "f_beta",
    "get_metric",
    "pinball",
    "rank",
]
