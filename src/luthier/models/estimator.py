"""Any scikit-learn estimator or Pipeline, with a space of the user's.

It sees the frame of the feature columns (not the coded matrix), because a user's pipeline does its own preprocessing,
and class codes 0..k-1 as labels.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.base import clone

from luthier.errors import BadSpace, UsageError
from luthier.models.archive import ARCHIVE, check_writable, dump_estimator, load_estimator, needed_types, own_packages
from luthier.models.facts import Facts
from luthier.models.family import Config, Files, Fitted, Floats
from luthier.models.files import read_bytes, write_files
from luthier.models.lesson import Target
from luthier.models.own_point import own_point
from luthier.models.threads import at_most
from luthier.space import SearchSpace

REHEARSAL_ROWS, REHEARSAL_S = 200, 5.0
"""Rows on which an estimator is fitted to see whether it can be saved, and the seconds that is waited for."""


@dataclass(frozen=True, slots=True, eq=False)
class EstimatorFamily:
    """A user's estimator as a model family.

    Parameters
    ----------
    estimator
        Anything with scikit-learn's `get_params`, `set_params` and `fit`; it is cloned, never fitted itself.
    search
        What may be tuned, under the names `set_params` takes ("classifier__C").
    trusted
        Full names of the user's own types that `load` may build.
    """

    name: ClassVar[str] = "estimator"
    input: ClassVar[Literal["matrix", "frame"]] = "frame"
    path: ClassVar[str | None] = None

    estimator: Any
    search: SearchSpace
    trusted: tuple[str, ...] = ()

    @classmethod
    def reader(cls, trusted: Sequence[str] = ()) -> Self:
        """Return a family that only loads."""
        return cls(None, SearchSpace(()), tuple(trusted))

    def unsuited(self, facts: Facts) -> str | None:  # noqa: ARG002  # the user chose it
        """Nothing speaks against what the user asked for."""
        return None

    def default(self, facts: Facts) -> Config:  # noqa: ARG002  # the estimator as the user handed it over
        """Return the estimator as it was handed over, or the nearest to it that the space holds."""
        return own_point(self.search, self.estimator.get_params(deep=True))

    def space(self, facts: Facts) -> SearchSpace:  # noqa: ARG002  # the user's own
        """Return the user's space."""
        return self.search

    def work(self, config: Config, facts: Facts) -> float:  # noqa: ARG002  # nothing is known of a user's estimator
        """Guess: a second for 10 000 rows of 20 features; the engine measures soon."""
        return 0.02 + 5e-6 * facts.n_rows * max(1, facts.n_features)

    def fit(
        self,
        config: Config,
        facts: Facts,
        X: Any,
        y: NDArray[Any],
        *,
        weights: Floats | None = None,
        seed: int = 0,
        threads: int = 1,
    ) -> Fitted:
        """Clone, configure and fit the estimator; row weights are passed on as they are.

        Raises
        ------
        BadSpace
            The estimator refuses a parameter of the configuration.
        UsageError
            Weights are given and its last step does not take any.
        """
        model = clone(self.estimator)
        try:
            # a choice may stand for a whole estimator, which clone() keeps from being fitted itself
            model.set_params(**{name: clone(value, safe=False) for name, value in self.search.params(config).items()})
        except ValueError as error:
            raise BadSpace(
                f"the estimator refuses the configuration: {error}", fix="check the space's names"
            ) from error
        model.set_params(**_randomness(model, seed), **_parallelism(model, threads))
        arguments = {} if weights is None else {_weight_argument(model): weights}
        with at_most(threads):
            model.fit(X, y, **arguments)
        return FittedEstimator(model, Target.of(y, facts))

    def load(self, files: Files) -> Fitted:
        """Read the archive.

        Types are refused that are neither known, nor in `trusted`, nor of a package that the estimator in hand (where
        there is one) brought into this process itself.
        """
        packages = frozenset[str]() if self.estimator is None else own_packages(self._brought())
        estimator = load_estimator(read_bytes(files, ARCHIVE), self.trusted, packages)
        return FittedEstimator(estimator, Target.from_files(files))

    def rehearsed(self, facts: Facts, X: Any, y: NDArray[Any], weights: Floats | None = None) -> Self:
        """Find out before tuning whether what will be fitted can be written without pickle: fit it on a few rows.

        Returns
        -------
        EstimatorFamily
            The same, with the types trusted that were found in the estimator this very process has fitted.

        Raises
        ------
        UsageError
            It holds something that cannot be written, such as a lambda.
        """
        for part in self._brought():
            check_writable(part)
        rows = _few_rows(y, facts)
        given = None if weights is None else weights[rows]
        made: list[Fitted] = []

        def fit() -> None:
            # A failure on so few rows means little, and if it means something, the folds will say the same.
            with contextlib.suppress(Exception):
                made.append(self.fit(self.default(facts), facts, X.iloc[rows], y[rows], weights=given))

        # Folds are fitted by workers, which can be stopped. Here only the waiting can be.
        fitting = threading.Thread(target=fit, daemon=True)
        fitting.start()
        fitting.join(REHEARSAL_S)
        return self.with_trusted(needed_types(read_bytes(made[0].dump(), ARCHIVE))) if made else self

    def _brought(self) -> tuple[Any, ...]:
        """The estimator and the objects that the space offers as choices."""
        objects: Mapping[str, Mapping[str, Any]] = self.search.objects
        return (self.estimator, *(choice for choices in objects.values() for choice in choices.values()))

    def with_trusted(self, trusted: Sequence[str]) -> Self:
        """Return the family with further types that `load` may build."""
        return replace(self, trusted=(*self.trusted, *trusted))


def _few_rows(y: NDArray[Any], facts: Facts) -> NDArray[np.int64]:
    """Rows enough for nearly any estimator to be fitted: some of every class, or some from everywhere."""
    if facts.task == "regression":
        return np.unique(np.linspace(0, len(y) - 1, REHEARSAL_ROWS).astype(np.int64))
    each = max(2, REHEARSAL_ROWS // facts.n_classes)
    return np.sort(np.concatenate([np.flatnonzero(y == label)[:each] for label in range(facts.n_classes)]))


def _randomness(model: Any, seed: int) -> dict[str, int]:
    """Set every random state that is not set yet, in the estimator and all nested ones."""
    states = model.get_params(deep=True).items()
    return {name: seed % 2**32 for name, value in states if name.split("__")[-1] == "random_state" and value is None}


def _parallelism(model: Any, threads: int) -> dict[str, int]:
    """Hold every explicit number of jobs to the threads of this fit; unset ones mean one already."""
    jobs = model.get_params(deep=True).items()
    return {name: threads for name, value in jobs if name.split("__")[-1] == "n_jobs" and value is not None}


def _weight_argument(model: Any) -> str:
    """Return the name under which `fit` takes row weights: of a Pipeline its last step's."""
    steps = getattr(model, "steps", None)
    if steps is not None and steps[-1][1] not in (None, "passthrough"):
        return f"{steps[-1][0]}__{_weight_argument(steps[-1][1])}"
    inner = getattr(model, "regressor", None)  # TransformedTargetRegressor hands on what it is given
    if "sample_weight" in inspect.signature(model.fit).parameters or (
        inner is not None and _weight_argument(inner) == "sample_weight"
    ):
        return "sample_weight"
    raise UsageError(
        f"{type(model).__name__} takes no row weights, and weights must not be ignored silently",
        fix="leave out weight=..., or use an estimator whose fit() takes sample_weight",
    )


def _decides_pairs(model: Any) -> bool:
    """Whether `decision_function` scores pairs of classes: its shape does not say, three classes have three pairs."""
    settings = model.get_params(deep=True).items()
    return any(name.split("__")[-1] == "decision_function_shape" and value == "ovo" for name, value in settings)


@dataclass(frozen=True, slots=True, eq=False)
class FittedEstimator:
    """A user's fitted estimator; `target` knows the class codes it was shown.

    Parameters
    ----------
    model
        The estimator.
    target
        Reads its answers.
    labels
        The classes it was shown, in code order, as it knows them; by default it was shown the codes themselves.
    """

    model: Any
    target: Target
    labels: NDArray[Any] | None = None

    def predict(self, X: Any) -> Floats:
        """Predict (n, k).

        Classes by `predict_proba`; without it by the logistic function (softmax) of `decision_function`, which keeps
        order and labels but is not calibrated; without both by 1 for the predicted class.
        """
        if self.target.task == "regression":
            return np.asarray(self.model.predict(X), dtype=np.float64).reshape(-1, 1)
        p = self._probabilities(X)
        if self.target.task == "binary":
            # A fold with one class only teaches estimators that allow it to answer in one column.
            return p[:, 1:2] if p.shape[1] == 2 else np.full((len(p), 1), float(self.target.present[0]))
        out = np.zeros((len(p), self.target.n_classes))
        out[:, self.target.present] = p
        return out

    def _probabilities(self, X: Any) -> Floats:
        """Probabilities of the classes seen in training (n, m)."""
        m = len(self.target.present)
        if hasattr(self.model, "predict_proba"):
            return np.asarray(self.model.predict_proba(X), dtype=np.float64)
        if hasattr(self.model, "decision_function"):
            scores = np.asarray(self.model.decision_function(X), dtype=np.float64)
            if m == 2 and scores.ndim == 1:
                return np.column_stack([expit(-scores), expit(scores)])
            if scores.ndim == 2 and scores.shape[1] == m and not _decides_pairs(self.model):
                return np.asarray(softmax(scores, axis=1))
        labels = np.array(self.target.present) if self.labels is None else self.labels
        shown: NDArray[np.bool_] = np.asarray(self.model.predict(X))[:, None] == labels
        return shown.astype(np.float64)

    def dump(self) -> dict[str, bytes]:
        """Write the estimator as a skops archive."""
        return write_files({"target": self.target.to_json()}, native={ARCHIVE: dump_estimator(self.model)})
