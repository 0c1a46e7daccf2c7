"""What the user wants to be good at: scikit-learn scorers to measure by, and a metric the replay can read."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import check_scoring, get_scorer, get_scorer_names, make_scorer

from luthier.errors import BadMetric
from luthier.scoring import Metric, OwnMetric, RankMetric, get_metric
from luthier.scoring.metrics.counts import METRICS as OF_DECISIONS
from luthier.scoring.metrics.own import is_scorer, read_scorer
from luthier.sklearn.coding import Coding, Response

SINGLE = "score"
"""The name of the only score, as in `mean_test_score`."""


@dataclass(frozen=True, slots=True, eq=False)
class Scorers:
    """How a fitted model is scored.

    Attributes
    ----------
    measure
        ``measure(estimator, X, y, **params)`` -> a number, or a dictionary of numbers; greater is better.
    by_name
        The scorers behind `measure`, where there are several; None for one.
    wanted
        What the user wrote for the score that decides, and None where a function of the user's decides.
    """

    measure: Any
    by_name: Mapping[str, Any] | None
    wanted: Any

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the scores; None where only a call of the user's function tells."""
        if self.by_name is not None:
            return tuple(self.by_name)
        return None if callable(self.wanted) and not is_scorer(self.wanted) else (SINGLE,)

    @property
    def public(self) -> Any:
        """What `scorer_` shows."""
        return self.measure if self.by_name is None else dict(self.by_name)

    def weight_blind(self) -> list[str]:
        """The scorers that take no row weights."""
        named = {SINGLE: self.measure} if self.by_name is None else self.by_name
        return [name for name, scorer in named.items() if not _takes_weights(scorer)]


def read_scoring(scoring: Any, estimator: Any, coding: Coding | None, *, refit: Any, error_score: Any) -> Scorers:
    """Read scikit-learn's `scoring`, and Luthier's own names of metrics wherever a name may stand.

    Raises
    ------
    BadMetric
        A name is known neither to scikit-learn nor to Luthier, or does not fit the target.
    ValueError, TypeError
        As scikit-learn's `check_scoring`.
    """
    if isinstance(scoring, (list, tuple, set)):
        if not scoring or not all(isinstance(name, str) for name in scoring) or len(set(scoring)) < len(scoring):
            raise ValueError(f"scoring={scoring!r} must be a non-empty list of different names")
        scoring = {name: name for name in (sorted(scoring) if isinstance(scoring, set) else scoring)}
    if isinstance(scoring, Mapping):
        wanted = scoring.get(refit) if isinstance(refit, str) else None
        by_name = {name: _scorer(one, estimator, coding) for name, one in scoring.items()}
        measure = check_scoring(estimator, scoring=by_name, raise_exc=error_score == "raise")
        return Scorers(measure, by_name, wanted)
    if scoring is None:
        return Scorers(_scorer(None, estimator, coding), None, _of_score_method(estimator))
    return Scorers(_scorer(scoring, estimator, coding), None, scoring)


def _of_score_method(estimator: Any) -> str | None:
    """What an estimator's own `score` most probably is; the replay checks it against the measured scores."""
    return "accuracy" if is_classifier(estimator) else "r2" if is_regressor(estimator) else None


def _scorer(one: Any, estimator: Any, coding: Coding | None) -> Any:
    if isinstance(one, str):
        return get_scorer(one) if one in get_scorer_names() else _own_scorer(one, estimator, coding)
    return check_scoring(estimator, scoring=one)


def _own_scorer(name: str, estimator: Any, coding: Coding | None) -> Any:
    """A metric of Luthier's as a scorer in scikit-learn's sign."""
    if coding is None:
        if not (is_classifier(estimator) or is_regressor(estimator)):
            raise BadMetric(
                f"scikit-learn has no scorer {name!r}, and Luthier's metrics need a classifier or a regressor",
                fix="see sklearn.metrics.get_scorer_names()",
            )
        # Not fitted yet: only asked what it takes, never to score.
        return make_scorer(OwnScore(None, None))
    metric = get_metric(name, coding.task)
    response = "predict" if coding.task == "regression" else response_of(metric)
    asked = (response, "predict_proba") if response == "decision_function" else response
    return make_scorer(OwnScore(metric, coding), response_method=asked, greater_is_better=metric.greater_is_better)


@dataclass(frozen=True, slots=True)
class OwnScore:
    """A metric of Luthier's as the function that `make_scorer` wants."""

    metric: Metric | None
    coding: Coding | None

    @property
    def __name__(self) -> str:
        return "none" if self.metric is None else self.metric.name

    def __call__(self, y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
        """The metric's value, in its own sign."""
        assert self.metric is not None
        assert self.coding is not None
        p = np.asarray(y_pred)
        if self.coding.task != "regression" and response_of(self.metric) == "predict":
            p = self.coding.decisions(p)
        elif p.ndim == 2 and p.shape[1] != self.coding.n_outputs:
            raise ValueError(f"{p.shape[1]} of {len(self.coding.classes)} classes were seen in training")
        return self.metric.score(self.coding.code(y_true), p.reshape(len(p), -1), sample_weight)


def _takes_weights(scorer: Any) -> bool:
    accepts: Callable[[], bool] | None = getattr(scorer, "_accept_sample_weight", None)
    return bool(accepts()) if accepts is not None else "sample_weight" in inspect.signature(scorer).parameters


# --- what the replay can read -----------------------------------------------------------------------------------------


def replayed_metrics(wanted: Any, coding: Coding) -> Sequence[Metric] | str:
    """Metrics that may be what `wanted` measures, the fastest first; a reason in words where there is none.

    Which of them it is, if any, the measured scores will show.
    """
    if wanted is None:
        return "no score that can be computed from predictions chose the configuration"
    if not isinstance(wanted, str) and not is_scorer(wanted):
        return (
            "the scoring is a function of the fitted model, which the replay does not have; "
            "make it a scorer of predictions with sklearn.metrics.make_scorer"
        )
    scorer = get_scorer(wanted) if isinstance(wanted, str) and wanted in get_scorer_names() else wanted
    classes = coding.classes.tolist()
    # Our metric of that name is the fastest; the scorer's own function knows which class it counts as positive.
    readings: list[Callable[[], Metric]] = [lambda: get_metric(wanted, coding.task, classes=classes)]
    if is_scorer(scorer):
        readings.append(lambda: read_scorer(scorer, coding.task, classes=classes))
    found: list[Metric] = []
    reason = ""
    for read in readings:
        try:
            found.append(read())
        except BadMetric as error:
            reason = reason or error.what
    # One table is kept, of decisions or of probabilities: whatever reads the other is no candidate.
    return [metric for metric in found if _decides(metric) == _decides(found[0])] or reason


def _decides(metric: Metric) -> bool:
    return response_of(metric) == "predict"


def response_of(metric: Metric) -> Response:
    """What a metric reads of a classifier, as scikit-learn's scorer of that name does."""
    if isinstance(metric, OwnMetric):
        return metric.response
    if isinstance(metric, RankMetric):
        return "predict_proba" if metric.name.startswith("roc_auc_ovr") else "decision_function"
    return "predict" if any(metric.name == known.name for known in OF_DECISIONS) else "predict_proba"
