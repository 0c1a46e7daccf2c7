"""Find the metric somebody asked for: by name, alias, scikit-learn's scorer name, or as a function."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luthier.errors import BadMetric
from luthier.scoring.metrics import counts
from luthier.scoring.metrics.metric import AdditiveMetric, Metric, RankMetric, Task
from luthier.scoring.metrics.own import OwnMetric, is_scorer, read_callable, read_scorer
from luthier.scoring.metrics.regression import pinball

Known = AdditiveMetric | RankMetric

_OF_DECISIONS = frozenset(metric.name for metric in counts.METRICS)

DEFAULTS: dict[Task, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


def default_metric(task: Task) -> str:
    """Name of the metric used when none is asked for.

    A ranking of risk for two classes, proper probabilities for more, the field's usual distance for values.
    """
    return DEFAULTS[task]


def find(
    metrics: Mapping[str, Known],
    wanted: str | Callable[..., Any] | Metric,
    task: Task,
    *,
    alpha: float | None = None,
    greater_is_better: bool | None = None,
    classes: Sequence[Any] = (),
) -> Metric:
    """`get_metric` over a given list of metrics."""
    if isinstance(wanted, (AdditiveMetric, RankMetric, OwnMetric)):
        return _fitting(metrics, wanted, task)
    if isinstance(wanted, str):
        return _fitting(metrics, _by_name(metrics, wanted, task, alpha), task)
    if is_scorer(wanted):
        scorer = read_scorer(wanted, task, classes=classes)
        same = None if scorer.keywords else _ours(metrics, scorer.function)
        # Decided classes handed to a metric of probabilities make another metric (an AUC of three points, say).
        reads_decisions = same is not None and same.name in _OF_DECISIONS
        same_response = task == "regression" or reads_decisions == (scorer.response == "predict")
        if same is not None and same_response and same.greater_is_better == scorer.greater_is_better:
            return _fitting(metrics, same, task)
        return scorer
    if callable(wanted):
        same = _ours(metrics, wanted)
        if same is not None:
            return _fitting(metrics, same, task)
        return read_callable(wanted, task, greater_is_better=greater_is_better)
    raise BadMetric(
        f"{wanted!r} is not a metric",
        fix=f"give a name ({', '.join(_fits(metrics, task))}), a function f(y, p) or a scikit-learn scorer",
    )


def _by_name(metrics: Mapping[str, Known], wanted: str, task: Task, alpha: float | None) -> Known:
    name, _, quantile = wanted.strip().lower().replace("-", "_").replace(" ", "_").partition("@")
    names = _names(metrics)
    if names.get(name) == "pinball" and (quantile or alpha is not None):
        return _pinball(wanted, quantile or alpha)
    if name not in names or quantile:
        likely = _close(metrics, name, task)
        raise BadMetric(
            f"there is no metric {wanted!r}{f'; did you mean {likely!r}?' if likely else ''}",
            fix=f"for a {task} target use one of: {', '.join(_fits(metrics, task))}",
        )
    return metrics[names[name]]


def _pinball(wanted: str, quantile: str | float | None) -> AdditiveMetric:
    try:
        return pinball(float(quantile or 0.0))
    except ValueError as error:
        raise BadMetric(
            f"{wanted!r} (alpha={quantile}) does not name a quantile between 0 and 1",
            fix='write it as "pinball@0.9" for the 90 % quantile',
        ) from error


def _fitting(metrics: Mapping[str, Known], metric: Known | OwnMetric, task: Task) -> Known | OwnMetric:
    if task in metric.tasks:
        return metric
    likely = _close(metrics, metric.name, task)
    raise BadMetric(
        f"the metric {metric.name!r} is for {' and '.join(sorted(metric.tasks))} targets and this one is {task}"
        f"{f'; did you mean {likely!r}?' if likely else ''}",
        fix=f"use one of: {', '.join(_fits(metrics, task))}",
    )


def _ours(metrics: Mapping[str, Known], function: Callable[..., Any]) -> Known | None:
    """Our metric of the same name as a function of sklearn.metrics: faster, and it knows what p it needs."""
    name = str(getattr(function, "__name__", ""))
    from_sklearn = str(getattr(function, "__module__", "")).startswith("sklearn.metrics")
    own = _names(metrics).get(name) if from_sklearn else None
    return None if own is None else metrics[own]


def _fits(metrics: Mapping[str, Known], task: Task) -> list[str]:
    return [name for name, metric in metrics.items() if task in metric.tasks]


def _names(metrics: Mapping[str, Known]) -> dict[str, str]:
    """Every name and alias -> the metric's own name."""
    return {spelling: name for name, metric in metrics.items() for spelling in (name, *metric.aliases)}


def _close(metrics: Mapping[str, Known], name: str, task: Task) -> str | None:
    """The fitting metric of the most similar spelling; a longer name that starts the same comes first."""
    fits = _fits(metrics, task)
    longer = [fit for fit in fits if fit.startswith(f"{name}_")]
    if longer:
        return longer[0]
    spellings = {s: own for s, own in _names(metrics).items() if own in fits}
    close = difflib.get_close_matches(name, spellings, n=1, cutoff=0.6)
    return spellings[close[0]] if close else None
