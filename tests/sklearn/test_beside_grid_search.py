"""On a finite grid TuneCV gives, number by number, what GridSearchCV gives."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import fbeta_score, make_scorer, mean_absolute_error, r2_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from luthier.sklearn import TuneCV


def beside(
    estimator: Any, grid: Any, X: Any, y: Any = None, *, fit: dict[str, Any] | None = None, **options: Any
) -> tuple[Any, TuneCV]:
    """Both searches, fitted, after every number of `cv_results_` was compared."""
    theirs = GridSearchCV(estimator, grid, **options).fit(X, y, **(fit or {}))
    ours = TuneCV(estimator, grid, strategy="grid", random_state=3, n_replays=100, **options).fit(X, y, **(fit or {}))
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    for column, expected in theirs.cv_results_.items():
        found = ours.cv_results_[column]
        if column.startswith("param_"):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(expected))
            assert found.tolist() == expected.tolist()
        elif "time" in column:
            assert found.shape == expected.shape
            assert (found >= 0).all()
        elif column != "params":
            # Equal but for the order of sums in other thread pools.
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9, err_msg=column)
    for attribute in ("best_index_", "best_params_", "n_splits_", "multimetric_"):
        assert getattr(ours, attribute, None) == getattr(theirs, attribute, None), attribute
    if hasattr(theirs, "best_score_"):
        assert ours.best_score_ == pytest.approx(theirs.best_score_, abs=1e-9)
    return theirs, ours


TREE = DecisionTreeClassifier(random_state=0)


@pytest.mark.parametrize(
    "scoring", [None, "accuracy", "roc_auc", "neg_log_loss", "f1", "average_precision", "neg_brier_score"]
)
def test_two_classes(two_classes: Any, scoring: str | None) -> None:
    X, y = two_classes
    theirs, ours = beside(TREE, {"max_depth": [1, 2, 4], "splitter": ["random", "best"]}, X, y, scoring=scoring)
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=1e-12)
    assert ours.naive_score_ is not None


@pytest.mark.parametrize(
    "scoring", [None, "balanced_accuracy", "roc_auc_ovr", "neg_log_loss", "f1_macro", "roc_auc_ovo"]
)
def test_several_classes_that_are_words(three_classes: Any, scoring: str | None) -> None:
    X, y = three_classes
    theirs, ours = beside(
        LogisticRegression(), {"C": np.logspace(-2, 1, 4), "fit_intercept": [True, False]}, X, y, scoring=scoring
    )
    assert ours.classes_.tolist() == ["high", "low", "middle"]
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize(
    "scoring", [None, "neg_root_mean_squared_error", "neg_mean_absolute_error", "neg_median_absolute_error"]
)
def test_values(values: Any, scoring: str | None) -> None:
    beside(Ridge(), {"alpha": [0.01, 1.0, 100.0]}, *values, scoring=scoring, return_train_score=True)


@pytest.mark.parametrize(
    "cv",
    [
        3,
        KFold(4, shuffle=True, random_state=1),
        RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0),
        ShuffleSplit(3, test_size=0.3, random_state=0),
        TimeSeriesSplit(3),
        [(np.arange(100), np.arange(100, 160))],
    ],
)
def test_any_splitter(two_classes: Any, cv: Any) -> None:
    _, ours = beside(TREE, {"max_depth": [1, 3]}, *two_classes, cv=cv)
    assert ours.honest_score_ is not None


def test_a_list_of_grids_with_a_setting_in_common(two_classes: Any) -> None:
    grids = [
        {"C": [1.0, 10.0], "kernel": ["linear"]},
        {"C": [1.0], "kernel": ["linear", "rbf"], "gamma": ["scale", 0.1]},
    ]
    beside(SVC(), grids, *two_classes)


def test_steps_of_a_pipeline_that_are_swapped_or_left_out(two_classes: Any) -> None:
    pipe = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())])
    grids = [
        {"scale": [StandardScaler(), MinMaxScaler(), None, "passthrough"], "model__C": [0.1, 1.0]},
        {"model": [KNeighborsClassifier(), TREE]},
    ]
    _, ours = beside(pipe, grids, *two_classes)
    # The very objects of the grid are shown, and none of them was fitted.
    assert ours.cv_results_["params"][-1]["model"] is TREE
    assert not hasattr(TREE, "tree_")


def test_words_and_holes_in_a_frame(passengers: Any) -> None:
    frame, lived = passengers
    prepare = ColumnTransformer(
        [("words", OneHotEncoder(handle_unknown="ignore"), ["sex", "deck"]), ("numbers", SimpleImputer(), ["fare"])]
    )
    pipe = make_pipeline(prepare, LogisticRegression(class_weight={"yes": 2.0, "no": 1.0}, max_iter=1000))
    grid = {"columntransformer__numbers__strategy": ["mean", "median"], "logisticregression__C": [0.1, 1.0]}
    theirs, ours = beside(pipe, grid, frame, lived, scoring="roc_auc")
    assert ours.feature_names_in_.tolist() == ["sex", "deck", "fare"]
    assert ours.n_features_in_ == 3
    np.testing.assert_array_equal(ours.predict(frame), theirs.predict(frame))


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix])
def test_sparse_rows(two_classes: Any, form: Any) -> None:
    X, y = two_classes
    beside(LogisticRegression(), {"C": [0.1, 1.0]}, form(np.where(X > 0.5, X, 0.0)), y)


def test_lists(two_classes: Any) -> None:
    X, y = two_classes
    beside(TREE, {"max_depth": [1, 3]}, X.tolist(), y.tolist())


def test_frames_with_any_index(two_classes: Any) -> None:
    X, y = two_classes
    index = np.random.default_rng(0).permutation(len(y)) + 1000
    beside(TREE, {"max_depth": [1, 3]}, pd.DataFrame(X, index=index).rename(columns=str), pd.Series(y, index=index))


def test_a_precomputed_kernel(two_classes: Any) -> None:
    X, y = two_classes
    beside(SVC(kernel="precomputed"), {"C": [0.1, 1.0]}, X @ X.T, y)


def test_groups_stay_whole(two_classes: Any) -> None:
    X, y = two_classes
    beside(TREE, {"max_depth": [1, 3]}, X, y, cv=GroupKFold(4), fit={"groups": np.arange(len(y)) // 5})


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", ["accuracy", "roc_auc"]])
def test_row_weights_reach_the_fits_and_the_scores(two_classes: Any, scoring: Any) -> None:
    X, y = two_classes
    weights = np.random.default_rng(2).integers(1, 6, len(y)).astype(float)
    refit = "roc_auc" if isinstance(scoring, list) else True
    fit = {"sample_weight": weights}
    _, ours = beside(TREE, {"max_depth": [1, 3]}, X, y, scoring=scoring, refit=refit, fit=fit)
    assert ours.honest_score_ is not None


@pytest.mark.parametrize("refit", ["beta", "auc", False])
def test_several_scores(two_classes: Any, refit: Any) -> None:
    scoring = {"beta": make_scorer(fbeta_score, beta=2), "auc": "roc_auc", "leaves": lambda e, X, y: -e.get_n_leaves()}
    theirs, ours = beside(TREE, {"max_depth": [1, 3, None]}, *two_classes, scoring=scoring, refit=refit)
    assert hasattr(ours, "best_params_") == hasattr(theirs, "best_params_")
    assert set(ours.scorer_) == {"beta", "auc", "leaves"}


def test_a_callable_that_gives_several_scores(values: Any) -> None:
    def scores(estimator: Any, X: Any, y: Any) -> dict[str, float]:
        p = estimator.predict(X)
        return {"r2": r2_score(y, p), "mae": -mean_absolute_error(y, p)}

    theirs, ours = beside(Ridge(), {"alpha": [0.1, 10.0]}, *values, scoring=scores, refit="mae")
    assert ours.score(*values) == theirs.score(*values)


def test_a_callable_that_chooses(values: Any) -> None:
    def most_penalised(results: Any) -> int:
        return int(np.argmax(results["param_alpha"]))

    _, ours = beside(Ridge(), {"alpha": [0.1, 10.0, 1.0]}, *values, refit=most_penalised)
    assert ours.best_params_ == {"alpha": 10.0}
    assert not hasattr(ours, "best_score_")


def test_several_targets(values: Any) -> None:
    X, y = values
    _, ours = beside(MultiOutputRegressor(Ridge()), {"estimator__alpha": [0.1, 10.0]}, X, np.column_stack([y, -y]))
    assert ours.honest_score_reason_ == "the target has 2 columns, and the replay reads one"


@pytest.mark.parametrize("estimator", [KMeans(n_init=1, random_state=0), KernelDensity()])
def test_estimators_without_a_target(values: Any, estimator: Any) -> None:
    grid = {"n_clusters": [2, 4]} if isinstance(estimator, KMeans) else {"bandwidth": [0.5, 2.0]}
    beside(estimator, grid, values[0])


class Moody(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Refuses to learn from rows that hold the first one, when told to."""

    def __init__(self, moody: bool = False, share: float = 0.5) -> None:
        self.moody = moody
        self.share = share

    def fit(self, X: Any, y: Any) -> Any:
        if self.moody and (X[:, 0] == 99.0).any():
            raise RuntimeError("not today")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return self.classes_[(X[:, 1] > self.share).astype(int)]


def test_a_configuration_that_fails_counts_nan_and_is_said(two_classes: Any) -> None:
    X, y = two_classes
    X = X.copy()
    X[0, 0] = 99.0
    grid = {"moody": [True, False], "share": [0.0, 0.5]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = GridSearchCV(Moody(), grid).fit(X, y)
    search = TuneCV(Moody(), grid, strategy="grid")
    with (
        pytest.warns(FitFailedWarning, match="2 of them with: RuntimeError: not today"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search.fit(X, y)
    for column in ("mean_test_score", "rank_test_score"):
        np.testing.assert_array_equal(search.cv_results_[column], theirs.cv_results_[column])
    # The first fold judges the row that annoys, so it went well; then one failed, and the rest were not worth a try.
    assert np.isfinite(search.cv_results_["split0_test_score"]).all()
    assert np.isnan(search.cv_results_["split4_test_score"][:2]).all()
    assert search.best_params_ == theirs.best_params_


def test_forests_that_draw_from_the_global_generator_are_fitted_too(two_classes: Any) -> None:
    X, y = two_classes
    runs = [
        TuneCV(RandomForestClassifier(5), {"max_depth": [1, 5]}, strategy="grid", random_state=4).fit(X, y)
        for _ in "ab"
    ]
    first, second = (run.cv_results_["mean_test_score"] for run in runs)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(*(run.predict_proba(X) for run in runs))


def test_an_estimator_without_probabilities(two_classes: Any) -> None:
    _, ours = beside(LinearSVC(), {"C": [0.01, 1.0]}, *two_classes, scoring="roc_auc")
    assert ours.honest_score_ is not None


def test_a_regression_tree(values: Any) -> None:
    beside(
        DecisionTreeRegressor(random_state=0), {"ccp_alpha": [0.0, 0.1], "max_depth": [None, 3]}, *values, scoring="r2"
    )
