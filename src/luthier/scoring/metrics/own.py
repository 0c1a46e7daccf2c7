"""Metrics brought along: a function f(y, p), or a scorer made by scikit-learn's `make_scorer`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from luthier.errors import BadMetric
from luthier.scoring.metrics.counts import decide
from luthier.scoring.metrics.metric import Floats, Predictions, Target, Task, as_columns

REPEATED_ROWS_PER_ROW = 8
"""How many times longer than the table a table of repeated rows may get; our judgement of precision against time."""


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """A user's function as a metric.

    Attributes
    ----------
    function
        ``f(y, p)`` or ``f(y, p, sample_weight=...)``, see `read_callable` for what y and p look like.
    response
        "predict": p is the decided class (or the value); "predict_proba": probabilities (or the value).
    sign
        -1 where the function's value is turned round before it is reported (``make_scorer`` with a loss).
    weight_name
        Name of the parameter that takes row weights; None when there is none, and rows are repeated instead.
    classes
        The classes in code order, for a scorer that wants to see them; () to hand over codes.
    """

    name: str
    greater_is_better: bool
    tasks: frozenset[Task]
    function: Callable[..., Any]
    response: Literal["predict", "predict_proba"] = "predict_proba"
    weight_name: str | None = None
    keywords: Mapping[str, Any] = field(default_factory=dict)
    classes: tuple[Any, ...] = ()

    def score(self, y: Target, p: Predictions, weights: Floats | None = None) -> float:
        """The function's value; rows of weight zero are not shown to it.

        Raises
        ------
        BadMetric
            The function raised, or did not return a number.
        """
        y, p = np.asarray(y), as_columns(p)
        keywords = dict(self.keywords)
        if weights is not None:
            rows, kept = self._weigh(np.asarray(weights, np.float64))
            y, p = y[rows], p[rows]
            if self.weight_name is not None:
                keywords[self.weight_name] = kept
        if len(y) == 0:
            return float("nan")
        try:
            return float(self.function(self._shown(y), self._answers(p), **keywords))
        except Exception as error:  # a user's function may raise anything; its author is told
            raise BadMetric(
                f"the metric {self.name!r} failed on {len(y)} rows: {type(error).__name__}: {error}",
                fix="mend the function so that f(y, p) returns one number, and NaN where it is undefined",
            ) from error

    def _weigh(self, weights: Floats) -> tuple[Any, Floats]:
        """Rows to show and their weights; without a weight parameter, rows repeated as their weights say."""
        rows = np.flatnonzero(weights > 0)
        kept = weights[rows]
        if self.weight_name is not None or len(rows) == 0:
            return rows, kept
        times = kept / kept.min()
        if not np.allclose(times, np.round(times), rtol=0, atol=1e-9) or times.mean() > REPEATED_ROWS_PER_ROW:
            # Fractional weights: the running total is rounded, so any stretch of rows is off by less than one repeat.
            upto = np.round(np.cumsum(kept) * (REPEATED_ROWS_PER_ROW * len(kept) / kept.sum()))
            times = np.diff(upto, prepend=0.0)
        return np.repeat(rows, np.round(times).astype(np.int64)), kept

    def _shown(self, y: Target) -> Target:
        return np.asarray(self.classes)[y] if self.classes else y

    def _answers(self, p: Predictions) -> Predictions:
        # In float64, which is what a model's own predict_proba gives: some functions check that rows sum to one.
        p = p.astype(np.float64)
        if self.tasks == frozenset({"regression"}):
            return p[:, 0]
        if self.response == "predict":
            return self._shown(decide(p))
        return p[:, 0] if p.shape[1] == 1 else p / p.sum(axis=1, keepdims=True)


def read_callable(function: Callable[..., Any], task: Task, *, greater_is_better: bool | None = None) -> OwnMetric:
    """A plain function as a metric.

    ``f(y, p)`` gets numpy arrays: for two classes y holds 0 and 1 (1 is the positive class) and p (n,) the probability
    of the positive class; for more classes y holds codes 0..k-1 in the sorted order of the classes and p (n, k) their
    probabilities; for regression y and p (n,) hold values. It returns one number. A parameter called `sample_weight` or
    `weights` is handed the row weights; without one, rows are repeated in proportion to their weights.

    Parameters
    ----------
    function
        The function. Its attribute `greater_is_better`, if any, says the direction.
    task
        What is predicted.
    greater_is_better
        The direction, where the function does not say it.

    Raises
    ------
    BadMetric
        When nobody said which direction is better, or the function wants a model rather than predictions.
    """
    name = getattr(function, "__name__", type(function).__name__)
    better = getattr(function, "greater_is_better", greater_is_better)
    parameters = _parameters(function)
    if len([p for p in parameters.values() if p.default is p.empty and p.kind in _POSITIONAL]) > 2:
        raise BadMetric(
            f"the metric {name!r} takes ({', '.join(parameters)}); Luthier scores predictions, not models",
            fix="write it as f(y, p), or wrap a scikit-learn metric with make_scorer",
        )
    if better is None:
        raise BadMetric(
            f"the metric {name!r} does not say whether greater is better",
            fix=f"set {name}.greater_is_better = True (or False)",
        )
    return OwnMetric(
        name=str(name),
        greater_is_better=bool(better),
        tasks=frozenset({task}),
        function=function,
        weight_name=next((known for known in ("sample_weight", "weights") if known in parameters), None),
    )


def is_scorer(thing: object) -> bool:
    """Whether it was made by scikit-learn's `make_scorer`."""
    return callable(thing) and all(hasattr(thing, part) for part in ("_score_func", "_sign", "_kwargs"))


def read_scorer(scorer: Any, task: Task, *, classes: Sequence[Any] = ()) -> OwnMetric:
    """A scorer made by scikit-learn's `make_scorer` as a metric.

    A scorer that turns a loss round (``greater_is_better=False``) is reported as the loss it is made of: scores are in
    the metric's own sign. `predict` scorers see decided classes, `predict_proba` and `decision_function` scorers
    probabilities (of the positive class, for two).

    Parameters
    ----------
    scorer
        The scorer.
    task
        What is predicted.
    classes
        The classes in code order (negative, positive for two), for scorers with a `pos_label` or `labels`; without
        them the function sees codes.

    Raises
    ------
    BadMetric
        When it asks for another response of the model.
    """
    function, keywords = scorer._score_func, dict(scorer._kwargs)  # noqa: SLF001 -- make_scorer has no public reading
    name = getattr(function, "__name__", type(function).__name__)
    wanted = getattr(scorer, "_response_method", "predict")
    wanted = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    known = {"predict": "predict", "predict_proba": "predict_proba", "decision_function": "predict_proba"}
    response = next((known[method] for method in wanted if method in known), None)
    if response is None:
        raise BadMetric(
            f"the scorer {name!r} asks the model for {' or '.join(wanted)}",
            fix='use response_method="predict" or "predict_proba" in make_scorer',
        )
    return OwnMetric(
        name=str(name),
        greater_is_better=scorer._sign > 0,  # noqa: SLF001 -- as above
        tasks=frozenset({task}),
        function=function,
        response="predict" if response == "predict" else "predict_proba",
        weight_name="sample_weight" if "sample_weight" in _parameters(function) else None,
        keywords=keywords,
        classes=tuple(classes),
    )


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # a builtin without a readable signature: take it at its word
        return {}
