"""What a worker does with a fold of a user's estimator: fit it on the user's own rows, score it, keep its answers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _num_samples

from luthier.sklearn.coding import Coding, Floats, Response, remember_answers
from luthier.sklearn.scorers import SINGLE
from luthier.space import SearchSpace
from luthier.tuning import FoldResult, Job, error_line

Rows = NDArray[np.int64]
Fold = tuple[Rows, Rows]


@dataclass(frozen=True, slots=True)
class MeasuredFold(FoldResult):
    """A fold's result with all that `cv_results_` shows of it.

    Attributes
    ----------
    test, train
        Scores by name, greater is better; `train` is empty unless asked for.
    score_s
        Seconds spent scoring the validation rows.
    answers
        (n_valid, k) float64: what the out-of-fold table holds; None where there is no table.
    complaints
        What went wrong without ending the fold: scorers that failed, answers that could not be read.
    failure
        The exception that ended the fold, where the user wants it raised.
    """

    test: Mapping[str, float] = field(default_factory=dict)
    train: Mapping[str, float] = field(default_factory=dict)
    score_s: float = 0.0
    answers: Floats | None = None
    complaints: tuple[str, ...] = ()
    failure: Exception | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EstimatorWork:
    """Cross-validation of one estimator on rows as the user gave them: any X, original labels, fit parameters.

    Attributes
    ----------
    estimator, space
        What is cloned, and what its configurations stand for.
    X, y
        The rows and their target; y is None for estimators that need none.
    folds
        Rows to learn from and rows to judge by.
    fit_params, score_params
        Handed to `fit` and to the scorers; what has one entry per row is split along with the rows.
    measure
        The scorer; see `Scorers.measure`.
    deciding
        Name of the score the strategy sees; None for the first.
    coding, response
        How to keep the answers for the out-of-fold table; None not to.
    train_scores
        Whether to score the training rows as well.
    error_score
        What counts where scoring fails; "raise" to hand the exception over.
    """

    estimator: Any
    space: SearchSpace
    X: Any
    y: Any
    folds: Sequence[Fold]
    fit_params: Mapping[str, Any]
    score_params: Mapping[str, Any]
    measure: Any
    deciding: str | None
    coding: Coding | None
    response: Response | None
    train_scores: bool
    error_score: Any

    def run(self, job: Job, threads: int) -> MeasuredFold:
        """Fit and score one fold; `threads` is the executor's business, the estimator's parameters are the user's."""
        del threads
        try:
            return self._measured(job)
        except Exception as error:
            if self.error_score != "raise":
                raise
            return MeasuredFold(None, float("nan"), 0.0, failure=error)

    def _measured(self, job: Job) -> MeasuredFold:
        train, valid = self.folds[job.fold]
        # Values may be estimators themselves: clones keep the user's own unfitted, and folds apart.
        values = {name: clone(value, safe=False) for name, value in self.space.params(job.config).items()}
        model = clone(self.estimator).set_params(**values)
        fit_params = rows_of(self.fit_params, self.X, train)
        X_train, y_train = _safe_split(model, self.X, self.y, train)
        X_valid, y_valid = _safe_split(model, self.X, self.y, valid, train)
        start = time.perf_counter()
        model.fit(*_given(X_train, y_train), **fit_params)
        fit_s = time.perf_counter() - start
        remember_answers(model)
        complaints: list[str] = []
        start = time.perf_counter()
        test = self._scores(model, X_valid, y_valid, valid, complaints)
        score_s = time.perf_counter() - start
        answers = self._answers(model, X_valid, complaints)
        scored = self._scores(model, X_train, y_train, train, complaints) if self.train_scores else {}
        deciding = self.deciding if self.deciding in test else next(iter(test))
        return MeasuredFold(
            None,
            test[deciding],
            fit_s,
            test=test,
            train=scored,
            score_s=score_s,
            answers=answers,
            complaints=tuple(complaints),
        )

    def _scores(self, model: Any, X: Any, y: Any, rows: Rows, complaints: list[str]) -> dict[str, float]:
        """Every score; `error_score` and a complaint for those that fail."""
        params = rows_of(self.score_params, self.X, rows)
        try:
            found = self.measure(model, *_given(X, y), **params)
        except Exception as error:
            if self.error_score == "raise":
                raise
            found = f"Scoring failed: {error_line(error)}"
        named = found if isinstance(found, dict) else {SINGLE: found}
        return {name: self._number(name, value, complaints) for name, value in named.items()}

    def _number(self, name: str, value: Any, complaints: list[str]) -> float:
        if isinstance(value, str):  # scikit-learn's scorer of several metrics says so when one of them failed
            complaints.append(f"{name}: {value.strip().splitlines()[-1]}")
            return float(self.error_score)
        value = value.item() if hasattr(value, "item") else value
        if not isinstance(value, Number):
            raise ValueError(  # noqa: TRY004  (as scikit-learn's)
                f"scoring must return a number, got {value!r} ({type(value)}) instead. (scorer={name})"
            )
        return float(value)  # type: ignore[arg-type]  # a complex score would be the user's, and raises

    def _answers(self, model: Any, X: Any, complaints: list[str]) -> Floats | None:
        if self.coding is None or self.response is None:
            return None
        try:
            return self.coding.answers(model, X, self.response)
        except Exception as error:  # noqa: BLE001  (whatever a user's model raises, only the honest score is lost by it)
            complaints.append(f"its predictions could not be kept: {error_line(error)}")
            return None


def rows_of(params: Mapping[str, Any], X: Any, rows: Rows) -> dict[str, Any]:
    """Parameters for some of the rows: what has one entry per row of X is indexed, the rest is handed on."""
    return {
        name: _safe_indexing(value, rows) if _per_row(value, _num_samples(X)) else value
        for name, value in params.items()
    }


def _per_row(value: Any, n: int) -> bool:
    if hasattr(value, "shape"):
        return len(value.shape) > 0 and value.shape[0] == n
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes, Mapping)) and len(value) == n


def _given(X: Any, y: Any) -> tuple[Any, ...]:
    return (X,) if y is None else (X, y)
