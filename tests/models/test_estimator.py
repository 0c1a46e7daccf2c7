from __future__ import annotations

import sys
import time
import types
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.cluster import Birch, BisectingKMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  # it makes the import below possible
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC

from luthier.errors import BadSpace, DamagedModel, UsageError
from luthier.models import EstimatorFamily, Facts, Task, joint_default, joint_space, split_config
from luthier.space import SearchSpace
from luthier.testing.tables import TASKS, like, make_table


def frame_of(task: Task) -> tuple[Facts, pd.DataFrame, Any, pd.DataFrame]:
    """The suite's table as a user sees it: named columns, a category in words."""
    table = make_table(task)
    words = np.array(["red", "green", "blue", "black", "white"], dtype=object)

    def frame(X: Any) -> pd.DataFrame:
        columns = pd.DataFrame(np.nan_to_num(X[:, :3]), columns=["a", "b", "c"])
        return columns.assign(colour=words[np.nan_to_num(X[:, 3]).astype(int)])

    return table.facts, frame(table.X), table.y, frame(table.X_new)


def prepared(final: Any) -> Any:
    to_numbers = ColumnTransformer(
        [("colour", OneHotEncoder(handle_unknown="ignore"), ["colour"])], remainder="passthrough"
    )
    return make_pipeline(to_numbers, StandardScaler(with_mean=False), final)


def nothing() -> SearchSpace:
    return SearchSpace.parse({})


@pytest.mark.parametrize("task", TASKS)
def test_a_pipeline_on_named_columns_is_tuned_fitted_written_and_read(task: Task) -> None:
    facts, X, y, X_new = frame_of(task)
    final, name = (Ridge(), "ridge__alpha") if task == "regression" else (LogisticRegression(), "logisticregression__C")
    family = EstimatorFamily(prepared(final), SearchSpace.parse({name: (0.01, 10.0, "log")}))
    assert family.default(facts) == {name: 1.0}
    weak, strong = (family.fit({name: value}, facts, X, y).predict(X_new) for value in (0.01, 10.0))
    assert not np.allclose(weak, strong)
    like(weak, facts)
    fitted = family.fit(family.default(facts), facts, X, y)
    read = EstimatorFamily.reader().load(fitted.dump())
    np.testing.assert_array_equal(read.predict(X_new), fitted.predict(X_new))


def test_choices_that_are_objects_reach_the_estimator_and_are_not_fitted_themselves() -> None:
    facts, X, y, X_new = frame_of("binary")
    mine, other = LogisticRegression(C=1e-6), LinearDiscriminantAnalysis()
    family = EstimatorFamily(
        prepared(LogisticRegression(C=1e-6)), SearchSpace.parse({"logisticregression": [mine, other]})
    )
    joint = joint_space({"estimator": family}, facts)
    labels = {}
    for seed in range(20):
        _, config = split_config(joint.sample(np.random.default_rng(seed)))
        fitted: Any = family.fit(config, facts, X, y)
        labels[config["logisticregression"]] = type(fitted.model[-1])
        like(fitted.predict(X_new), facts)
    assert set(labels.values()) == {LogisticRegression, LinearDiscriminantAnalysis}
    assert not hasattr(mine, "coef_")
    joint.check(joint_default({"estimator": family}, facts))
    assert labels[family.default(facts)["logisticregression"]] is LogisticRegression


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ({"C": (0.1, 10.0, "log")}, {"C": 1.0}),
        ({"C": (2.0, 8.0, "log"), "max_iter": (50, 200)}, {"C": 4.0, "max_iter": 100}),
        ({"solver": {"saga": {"l1_ratio": (0.0, 1.0)}, "lbfgs": {}}}, {"solver": "lbfgs"}),
        ([{"C": [5.0]}, {"C": [1.0, 2.0]}], {"branch": 1, "C@1": 1.0}),
    ],
)
def test_the_default_is_the_estimator_as_it_is_or_the_nearest_the_space_holds(space: Any, expected: Any) -> None:
    facts, *_ = frame_of("binary")
    family = EstimatorFamily(LogisticRegression(), SearchSpace.parse(space))
    assert family.default(facts) == (expected if "solver" in expected else pytest.approx(expected))
    family.search.check(family.default(facts))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("final", [RidgeClassifier(), LinearSVC(), SVC(decision_function_shape="ovo"), SVC()])
def test_without_probabilities_decisions_keep_the_labels(task: Task, final: Any) -> None:
    facts, X, y, X_new = frame_of(task)
    fitted: Any = EstimatorFamily(prepared(final), nothing()).fit({}, facts, X, y)
    p = fitted.predict(X_new)
    like(p, facts)
    labels = p.argmax(axis=1) if task == "multiclass" else (p[:, 0] > 0.5).astype(int)
    np.testing.assert_array_equal(labels, fitted.model.predict(X_new))


def test_a_class_the_fold_lacks_keeps_its_column() -> None:
    facts, X, y, X_new = frame_of("multiclass")
    p = EstimatorFamily(prepared(LogisticRegression()), nothing()).fit({}, facts, X[y != 1], y[y != 1]).predict(X_new)
    like(p, facts)
    assert (p[:, 1] == 0).all()


def test_every_random_state_that_is_open_follows_the_seed_and_none_that_is_set() -> None:
    facts, X, y, X_new = frame_of("binary")
    family = EstimatorFamily(prepared(RandomForestClassifier(n_estimators=5)), nothing())
    one, again, other = (family.fit({}, facts, X, y, seed=s).predict(X_new) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    fixed = EstimatorFamily(prepared(RandomForestClassifier(n_estimators=5, random_state=0)), nothing())
    first, second = (fixed.fit({}, facts, X, y, seed=s).predict(X_new) for s in (1, 2))
    np.testing.assert_array_equal(first, second)


def test_jobs_are_held_to_the_threads_of_the_fit() -> None:
    facts, X, y, _ = frame_of("binary")
    family = EstimatorFamily(prepared(RandomForestClassifier(n_estimators=2, n_jobs=-1)), nothing())
    fitted: Any = family.fit({}, facts, X, y, threads=1)
    assert fitted.model[-1].n_jobs == 1


@pytest.mark.parametrize(
    ("task", "final"),
    [
        ("binary", LogisticRegression()),
        ("regression", TransformedTargetRegressor(Ridge(), transformer=StandardScaler())),
    ],
)
def test_weights_reach_the_last_step(task: Task, final: Any) -> None:
    facts, X, y, X_new = frame_of(task)
    family = EstimatorFamily(prepared(final), nothing())
    heavy = np.where(y > np.median(y), 20.0, 1.0) if task == "regression" else np.where(y == 1, 20.0, 1.0)
    assert (
        family.fit({}, facts, X, y, weights=heavy).predict(X_new).mean()
        > family.fit({}, facts, X, y).predict(X_new).mean()
    )


def test_weights_that_would_be_ignored_are_refused() -> None:
    facts, X, y, _ = frame_of("binary")
    family = EstimatorFamily(prepared(KNeighborsClassifier()), nothing())
    with pytest.raises(UsageError, match=r"(?s)KNeighborsClassifier takes no row weights.*fix:"):
        family.fit({}, facts, X, y, weights=np.ones(len(y)))


def test_the_users_estimator_is_never_touched() -> None:
    facts, X, y, _ = frame_of("binary")
    mine = prepared(LogisticRegression())
    EstimatorFamily(mine, SearchSpace.parse({"logisticregression__C": (0.1, 1.0)})).fit(
        {"logisticregression__C": 0.2}, facts, X, y
    )
    assert mine[-1].C == 1.0
    assert not hasattr(mine[-1], "coef_")


def test_a_parameter_the_estimator_does_not_have_is_refused() -> None:
    facts, X, y, _ = frame_of("binary")
    family = EstimatorFamily(LogisticRegression(), SearchSpace.parse({"D": (0.1, 1.0)}))
    with pytest.raises(BadSpace, match=r"(?s)LU110.*'D'"):
        family.fit({"D": 0.5}, facts, X[["a"]], y)


# What is written and read


@pytest.mark.parametrize(
    "final",
    [HistGradientBoostingClassifier(max_iter=3), RandomForestClassifier(n_estimators=3), KNeighborsClassifier()],
)
def test_compiled_parts_are_read_and_checked(final: Any) -> None:
    facts, X, y, X_new = frame_of("multiclass")
    fitted = EstimatorFamily(final, nothing()).fit({}, facts, X[["a", "b"]], y)
    read = EstimatorFamily.reader().load(fitted.dump())
    np.testing.assert_array_equal(read.predict(X_new[["a", "b"]]), fitted.predict(X_new[["a", "b"]]))


@pytest.fixture
def their_module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A user's module with a transformer of their own."""
    module = types.ModuleType("their_module")

    class Doubled(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
        def fit(self, X: Any, y: Any = None) -> Any:
            self.n_features_in_ = X.shape[1]
            return self

        def transform(self, X: Any) -> Any:
            return X * 2

    Doubled.__module__, Doubled.__qualname__ = "their_module", "Doubled"
    vars(module).update(Doubled=Doubled, double=_double)
    monkeypatch.setitem(sys.modules, "their_module", module)
    return module


def _double(X: Any) -> Any:
    return X * 2


def test_a_users_own_class_is_read_only_when_it_is_named(their_module: types.ModuleType) -> None:
    facts, X, y, X_new = frame_of("binary")
    numbers = ["a", "b"]
    family = EstimatorFamily(make_pipeline(their_module.Doubled(), LogisticRegression()), nothing())
    fitted = family.fit({}, facts, X[numbers], y)
    with pytest.raises(DamagedModel, match=r"(?s)their_module\.Doubled.*trusted=\['their_module\.Doubled'\]"):
        EstimatorFamily.reader().load(fitted.dump())
    read = EstimatorFamily.reader(["their_module.Doubled"]).load(fitted.dump())
    np.testing.assert_array_equal(read.predict(X_new[numbers]), fitted.predict(X_new[numbers]))


def test_what_cannot_be_written_without_pickle_is_refused_in_words() -> None:
    facts, X, y, _ = frame_of("binary")
    pipeline = make_pipeline(FunctionTransformer(lambda X: X * 2), LogisticRegression())
    fitted = EstimatorFamily(pipeline, nothing()).fit({}, facts, X[["a"]], y)
    files_or_error: Any
    try:
        files_or_error = fitted.dump()
    except UsageError as error:
        files_or_error = error
    if isinstance(files_or_error, dict):  # a lambda may be written by name, but then it can not be read
        with pytest.raises(DamagedModel, match="LU401"):
            EstimatorFamily.reader(["tests.<lambda>"]).load(files_or_error)
    else:
        assert "lambda" in files_or_error.fix


@pytest.mark.parametrize(
    "cannot",
    [
        make_pipeline(FunctionTransformer(lambda X: X), LogisticRegression()),  # seen before it is fitted
        make_pipeline(Birch(n_clusters=2), LogisticRegression()),  # seen when it is fitted
    ],
)
def test_what_cannot_be_saved_is_noticed_before_anything_is_tuned(cannot: Any) -> None:
    facts, X, y, _ = frame_of("binary")
    with pytest.raises(UsageError, match="cannot be written without pickle"):
        EstimatorFamily(cannot, nothing()).rehearsed(facts, X[["a", "b"]], y)


def test_types_that_a_fit_brings_are_trusted_by_the_process_that_fitted_and_by_no_other() -> None:
    facts, X, y, X_new = frame_of("binary")
    mine = EstimatorFamily(LGBMClassifier(n_estimators=3, verbose=-1), nothing())
    family = mine.rehearsed(facts, X[["a", "b"]], y)
    fitted = family.fit({}, facts, X[["a", "b"]], y)
    read = family.load(fitted.dump())
    np.testing.assert_array_equal(read.predict(X_new[["a", "b"]]), fitted.predict(X_new[["a", "b"]]))
    with pytest.raises(DamagedModel, match=r"lightgbm\.basic\.Booster"):
        EstimatorFamily.reader().load(fitted.dump())


def test_an_estimator_that_fails_on_a_few_rows_is_left_to_the_folds() -> None:
    facts, X, y, _ = frame_of("binary")
    family = EstimatorFamily(make_pipeline(PCA(1000), LogisticRegression()), nothing())
    assert family.rehearsed(facts, X[["a", "b"]], y) is not None


class Endless(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Never comes back while it is watched."""

    def fit(self, X: Any, y: Any) -> Any:
        time.sleep(30)
        return self


def test_an_estimator_that_never_comes_back_does_not_keep_the_study_from_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("luthier.models.estimator.REHEARSAL_S", 0.2)
    facts, X, y, _ = frame_of("binary")
    begun = time.monotonic()
    EstimatorFamily(Endless(), nothing()).rehearsed(facts, X[["a", "b"]], y)
    assert time.monotonic() - begun < 10


SAVED: dict[str, Any] = {
    "a vote": VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())], voting="soft"),
    "a stack": StackingClassifier([("a", GaussianNB()), ("b", LogisticRegression())], cv=2),
    "columns by their kind": make_pipeline(
        make_column_transformer((StandardScaler(), make_column_selector(dtype_include=np.number))), LogisticRegression()
    ),
    "the most telling": make_pipeline(SelectKBest(mutual_info_classif, k=1), LogisticRegression()),
    "a search of its own": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, scoring="roc_auc"),
    "a threshold of its own": TunedThresholdClassifierCV(LogisticRegression(), cv=2, scoring="f1"),
    "gaps filled one by the other": make_pipeline(IterativeImputer(max_iter=2), LogisticRegression()),
    "splines": make_pipeline(SplineTransformer(n_knots=3), LogisticRegression()),
    "clusters": make_pipeline(BisectingKMeans(3, random_state=0), LogisticRegression()),
}


@pytest.mark.parametrize("mine", SAVED.values(), ids=SAVED.keys())
def test_what_scikit_learn_offers_is_read_by_a_process_that_trusts_nothing(mine: Any) -> None:
    facts, X, y, X_new = frame_of("binary")
    fitted = EstimatorFamily(mine, nothing()).fit({}, facts, X[["a", "b"]], y)
    read = EstimatorFamily.reader().load(fitted.dump())
    np.testing.assert_array_equal(read.predict(X_new[["a", "b"]]), fitted.predict(X_new[["a", "b"]]))


class Loner(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Predicts labels and nothing else."""

    def fit(self, X: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[-1])


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_labels_alone_become_certain_probabilities(task: Task) -> None:
    facts, X, y, X_new = frame_of(task)
    p = EstimatorFamily(Loner(), nothing()).fit({}, facts, X, y).predict(X_new)
    like(p, facts)
    assert (p[:, -1] == 1).all()
