"""The user's target and an estimator's answers, in the shapes the house agrees on.

The estimator itself sees the labels as they are. Coded targets and (n, k) predictions exist beside it, for the
out-of-fold table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import type_of_target

from luthier.models.estimator import FittedEstimator
from luthier.models.lesson import Target
from luthier.scoring import Task

Floats = NDArray[np.float64]
Response = Literal["predict", "predict_proba", "decision_function"]
"""What a metric reads: decided classes, probabilities, or (where only order counts) decision values before those."""

_RESPONSES: tuple[Response, ...] = ("predict", "predict_proba", "decision_function")


@dataclass(frozen=True, slots=True, eq=False)
class Coding:
    """What is predicted, and how its labels are coded.

    Attributes
    ----------
    task
        Binary, multiclass or regression.
    classes
        (k,): labels in code order, sorted as scikit-learn's `classes_`; empty for regression.
    """

    task: Task
    classes: NDArray[Any]

    @property
    def n_outputs(self) -> int:
        """Columns of a prediction."""
        return len(self.classes) if self.task == "multiclass" else 1

    def code(self, y: Any) -> NDArray[Any]:
        """(n,): class codes, or values as floats."""
        column: NDArray[Any] = np.asarray(y).reshape(len(y))
        if self.task == "regression":
            return column.astype(np.float64)
        return np.searchsorted(self.classes, column).astype(np.int64)

    def decisions(self, labels: Any) -> Floats:
        """(n, k): certainty for the predicted class; (n, 1) for two classes."""
        shown: NDArray[np.bool_] = np.asarray(labels).reshape(len(labels), 1) == self.classes
        return (shown[:, 1:] if self.task == "binary" else shown).astype(np.float64)

    def answers(self, model: Any, X: Any, response: Response) -> Floats:
        """(n, k): what a fitted model says of rows."""
        if self.task == "regression":
            return np.asarray(model.predict(X), dtype=np.float64).reshape(-1, 1)
        if response == "predict" or not any(hasattr(model, method) for method in _RESPONSES[1:]):
            return self.decisions(model.predict(X))
        # A fold may lack a class; without `classes_` nobody can say which, and all are taken to be there.
        labels = np.asarray(getattr(model, "classes_", self.classes))
        if response == "decision_function" and hasattr(model, response) and len(labels) == len(self.classes):
            values = np.asarray(model.decision_function(X), dtype=np.float64)
            if values.size == len(values) * self.n_outputs:
                return values.reshape(len(values), self.n_outputs)
        present = tuple(int(k) for k in np.searchsorted(self.classes, labels))
        return FittedEstimator(model, Target(self.task, len(self.classes), present), labels).predict(X)


def read_target(estimator: Any, y: Any) -> Coding | str:
    """Look at what is to be predicted; a reason in words where an out-of-fold table cannot hold it.

    Raises
    ------
    ValueError
        Classes that are NaN or infinite.
    """
    if y is None:
        return "there is no target to hold predictions against"
    shape = np.shape(y)
    if len(shape) == 2 and shape[1] > 1:
        return f"the target has {shape[1]} columns, and the replay reads one"
    values = np.asarray(y)
    if is_classifier(estimator):
        if values.dtype.kind == "f":
            assert_all_finite(values, input_name="y")
        kind = type_of_target(y)
        if kind not in ("binary", "multiclass"):
            return f"the replay reads classes, and the target is {kind}"
        classes = np.unique(values)
        if len(classes) < 2:
            return "the target has one class only"
        return Coding("binary" if len(classes) == 2 else "multiclass", classes)
    if is_regressor(estimator):
        if values.dtype.kind not in "fiub" or not np.isfinite(values).all():
            return "the target is not made of finite numbers"
        return Coding("regression", np.empty(0))
    return f"{type(estimator).__name__} is neither a classifier nor a regressor"


def remember_answers(model: Any) -> None:
    """Let a fitted model that is about to be thrown away answer the same question about the same rows once.

    A scorer and the out-of-fold table, or several scorers, ask for the same predictions; for nearest neighbours or a
    support vector machine every asking costs as much as the fold.
    """
    for method in _RESPONSES:
        if hasattr(model, method):
            setattr(model, method, _once(getattr(model, method)))


def _once(ask: Callable[..., Any]) -> Callable[..., Any]:
    known: list[tuple[Any, Any]] = []

    @wraps(ask)  # scikit-learn goes by the method's name
    def answer(X: Any, *args: Any, **options: Any) -> Any:
        if args or options:
            return ask(X, *args, **options)
        if not known or known[0][0] is not X:
            known[:] = [(X, ask(X))]
        return known[0][1]

    return answer
