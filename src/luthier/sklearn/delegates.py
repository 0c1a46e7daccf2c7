"""What a tuned estimator answers by asking the best one it found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.exceptions import NotFittedError
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted


def _best_has(method: str) -> Callable[[Any], bool]:
    """Whether the best estimator, or before `fit` the one to be tuned, has a method."""

    def check(self: Any) -> bool:
        if not self.refit:
            raise AttributeError(
                f"This {type(self).__name__} instance was initialized with `refit=False`. {method} is available only "
                "after refitting on the best parameters. You can refit an estimator manually using the `best_params_` "
                "attribute"
            )
        getattr(getattr(self, "best_estimator_", self.estimator), method)  # AttributeError says what is missing
        return True

    return check


class AnswersAsBest:
    """The methods of the best estimator, each there exactly when that estimator has it and `refit` is not False."""

    estimator: Any
    best_estimator_: Any
    refit: Any

    @available_if(_best_has("predict"))  # type: ignore[untyped-decorator]
    def predict(self, X: Any) -> Any:
        """Predict labels or values with the best estimator."""
        return self._best("predict")(X)

    @available_if(_best_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        """Probabilities of `classes_` by the best estimator."""
        return self._best("predict_proba")(X)

    @available_if(_best_has("predict_log_proba"))  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Any:
        """Logarithms of the probabilities of `classes_` by the best estimator."""
        return self._best("predict_log_proba")(X)

    @available_if(_best_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        """Decision values of the best estimator."""
        return self._best("decision_function")(X)

    @available_if(_best_has("score_samples"))  # type: ignore[untyped-decorator]
    def score_samples(self, X: Any) -> Any:
        """Scores of single rows by the best estimator."""
        return self._best("score_samples")(X)

    @available_if(_best_has("transform"))  # type: ignore[untyped-decorator]
    def transform(self, X: Any) -> Any:
        """Rows transformed by the best estimator."""
        return self._best("transform")(X)

    @available_if(_best_has("inverse_transform"))  # type: ignore[untyped-decorator]
    def inverse_transform(self, X: Any) -> Any:
        """Rows transformed back by the best estimator."""
        return self._best("inverse_transform")(X)

    @property
    def n_features_in_(self) -> int:
        """Number of features seen by the best estimator during `fit`."""
        try:
            check_is_fitted(self)
        except NotFittedError as error:  # so that hasattr() is False before fit
            raise AttributeError(f"{type(self).__name__} object has no n_features_in_ attribute.") from error
        return int(self.best_estimator_.n_features_in_)

    @property
    def classes_(self) -> Any:
        """Class labels of the best estimator."""
        _best_has("classes_")(self)
        return self.best_estimator_.classes_

    def _best(self, method: str) -> Any:
        check_is_fitted(self)
        return getattr(self.best_estimator_, method)
