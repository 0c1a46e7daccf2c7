"""Our wrapping adds and takes away nothing: the libraries' own estimators are the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from luthier.models import FAMILIES, FittedPath, Floats
from luthier.models.encoding import Encoder
from luthier.models.extras import EXTRAS, installed
from luthier.models.sparse_logistic import fit_sparse_logistic
from luthier.models.svm import FittedMachine
from luthier.testing.tables import TASKS, Table, cheap, make_table, numbers_only


@pytest.fixture(params=TASKS)
def table(request: pytest.FixtureRequest) -> Table:
    return numbers_only(make_table(request.param))


@pytest.fixture
def weights(table: Table) -> Floats:
    w = np.random.default_rng(9).uniform(0.2, 3, len(table.y))
    w /= w.mean()
    return w


def answers(estimator: Any, X: Floats, task: str) -> Floats:
    """scikit-learn's answer in the shape of our conventions."""
    if task == "regression":
        return np.asarray(estimator.predict(X)).reshape(-1, 1)
    p: Floats = estimator.predict_proba(X)
    return p[:, 1:] if task == "binary" else p


def scaled(table: Table) -> tuple[Floats, Floats]:
    scaler = StandardScaler().fit(table.X)
    return scaler.transform(table.X), scaler.transform(table.X_new)


def target(table: Table) -> tuple[Any, float, float]:
    """The target as the scale-sensitive families are told it."""
    if table.facts.task != "regression":
        return table.y, 0.0, 1.0
    return (table.y - table.y.mean()) / table.y.std(), float(table.y.mean()), float(table.y.std())


@pytest.mark.parametrize("name", ["forest", "extra_trees"])
def test_the_default_forest_is_scikit_learns(name: str, table: Table, weights: Floats) -> None:
    kinds: dict[tuple[str, bool], Any] = {
        ("forest", False): RandomForestClassifier,
        ("forest", True): RandomForestRegressor,
        ("extra_trees", False): ExtraTreesClassifier,
        ("extra_trees", True): ExtraTreesRegressor,
    }
    reference = kinds[name, table.facts.task == "regression"](random_state=4)
    reference.fit(table.X, table.y, sample_weight=weights)
    family = FAMILIES[name]()
    fitted = family.fit(family.default(table.facts), table.facts, table.X, table.y, weights=weights, seed=4)
    expected = answers(reference, table.X_new, table.facts.task)
    np.testing.assert_allclose(fitted.predict(table.X_new), expected, rtol=1e-12, atol=1e-12)


def test_the_default_linear_model_is_scikit_learns(table: Table, weights: Floats) -> None:
    X, X_new = scaled(table)
    reference: Any = Ridge() if table.facts.task == "regression" else LogisticRegression(max_iter=1000)
    reference.fit(X, table.y, sample_weight=weights)
    family = FAMILIES["linear"]()
    fitted = family.fit(family.default(table.facts), table.facts, table.X, table.y, weights=weights)
    expected = answers(reference, X_new, table.facts.task)
    np.testing.assert_allclose(fitted.predict(table.X_new), expected, rtol=1e-6)


def test_elastic_net_is_scikit_learns_on_a_standardised_target(weights: Floats) -> None:
    table = numbers_only(make_table("regression"))
    X, X_new = scaled(table)
    y, mean, deviation = target(table)
    reference = ElasticNet(alpha=0.1, l1_ratio=0.3).fit(X, y, sample_weight=weights)
    config = {"scaling": "standard", "penalty": "elasticnet", "lasso_alpha": 0.1, "l1_ratio": 0.3}
    fitted = FAMILIES["linear"]().fit(config, table.facts, table.X, table.y, weights=weights)
    np.testing.assert_allclose(
        fitted.predict(table.X_new)[:, 0], reference.predict(X_new) * deviation + mean, rtol=1e-4
    )


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.4, 0.0])
@pytest.mark.parametrize("C", [0.02, 1.0])
def test_the_sparse_logistic_solver_reaches_sagas_solution(n_classes: int, l1_ratio: float, C: float) -> None:
    table = numbers_only(make_table("binary" if n_classes == 2 else "multiclass"))
    X, _ = scaled(table)
    w = np.random.default_rng(1).uniform(0.2, 3, len(X))
    reference = LogisticRegression(C=C, l1_ratio=l1_ratio, solver="saga", tol=1e-8, max_iter=20_000, random_state=0)
    reference.fit(X, table.y, sample_weight=w)
    coef, intercept = fit_sparse_logistic(X, table.y, w, n_classes=n_classes, C=C, l1_ratio=l1_ratio, tol=1e-7)
    np.testing.assert_allclose(coef.T, reference.coef_, atol=2e-3)
    centered = intercept - intercept.mean() * (n_classes > 2)  # softmax intercepts are known up to a constant
    np.testing.assert_allclose(
        centered, reference.intercept_ - reference.intercept_.mean() * (n_classes > 2), atol=2e-3
    )


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
@pytest.mark.parametrize("by", ["uniform", "distance"])
def test_unweighted_neighbours_vote_as_scikit_learns(table: Table, metric: str, by: str) -> None:
    X, X_new = scaled(table)
    kind: Any = KNeighborsRegressor if table.facts.task == "regression" else KNeighborsClassifier
    reference = kind(n_neighbors=7, weights=by, metric=metric).fit(X, table.y)
    config = {"n_neighbors": 7, "weights": by, "metric": metric, "scaling": "standard"}
    fitted = FAMILIES["knn"]().fit(config, table.facts, table.X, table.y)
    for rows, reference_rows in ((table.X_new, X_new), (table.X, X)):  # among themselves distances are zero
        expected = answers(reference, reference_rows, table.facts.task)
        np.testing.assert_allclose(fitted.predict(rows), expected, rtol=1e-7, atol=1e-9)


def test_a_neighbour_of_weight_three_votes_like_three_neighbours() -> None:
    table = numbers_only(make_table("binary"))
    weights = np.where(np.arange(len(table.y)) % 2, 3.0, 1.0)
    config = {"n_neighbors": 2, "weights": "uniform", "metric": "euclidean", "scaling": "standard"}
    fitted = FAMILIES["knn"]().fit(config, table.facts, table.X, table.y, weights=weights)
    assert set(np.unique(fitted.predict(table.X_new).round(12))) <= {0.0, 0.25, 0.5, 0.75, 1.0}


def test_support_vector_regression_is_scikit_learns_on_a_standardised_target() -> None:
    table = numbers_only(make_table("regression"))
    X, X_new = scaled(table)
    y, mean, deviation = target(table)
    w = np.random.default_rng(2).uniform(0.5, 2, len(y))
    reference = SVR().fit(X, y, sample_weight=w / w.mean())
    family = FAMILIES["svm"]()
    fitted = family.fit(family.default(table.facts), table.facts, table.X, table.y, weights=w)
    np.testing.assert_allclose(
        fitted.predict(table.X_new)[:, 0], reference.predict(X_new) * deviation + mean, rtol=1e-9
    )


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_support_vector_decisions_are_scikit_learns(task: str) -> None:
    table = make_table(task)  # type: ignore[arg-type]
    family = FAMILIES["svm"]()
    fitted = family.fit(family.default(table.facts), table.facts, table.X, table.y)
    assert isinstance(fitted, FittedMachine)
    encoder = Encoder.fit(table.X, table.facts)
    E, E_new = encoder.encode(table.X), encoder.encode(table.X_new)
    expected = SVC(gamma=1 / (E.shape[1] * E.var())).fit(E, table.y).decision_function(E_new)
    ours = fitted.machine.one_against_rest(E_new)
    np.testing.assert_allclose(ours[:, 1] if task == "binary" else ours, expected, rtol=1e-7, atol=1e-9)


def test_support_vector_probabilities_are_calibrated_better_than_the_plain_sigmoid() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(1600, 3))
    p = 1 / (1 + np.exp(-2 * X[:, 0]))
    y = (rng.random(1600) < p).astype(np.int64)
    facts = numbers_only(make_table("binary")).facts
    fitted = FAMILIES["svm"]().fit(FAMILIES["svm"]().default(facts), facts, X[:800], y[:800])
    ours = fitted.predict(X[800:])[:, 0]
    assert isinstance(fitted, FittedMachine)
    plain = 1 / (1 + np.exp(-fitted.machine.decide(fitted.encoder.encode(X[800:]))[:, 0]))
    assert ((ours - p[800:]) ** 2).mean() < ((plain - p[800:]) ** 2).mean()
    assert abs(ours.mean() - y[800:].mean()) < 0.05


@pytest.mark.parametrize(("layers", "activation"), [(1, "relu"), (2, "tanh")])
def test_the_network_is_scikit_learns(table: Table, weights: Floats, layers: int, activation: str) -> None:
    X, X_new = scaled(table)
    y, mean, deviation = target(table)
    kind: Any = MLPRegressor if table.facts.task == "regression" else MLPClassifier
    reference = kind(
        hidden_layer_sizes=(20,) * layers, activation=activation, max_iter=500, random_state=3, batch_size=32
    )
    reference.fit(X, y, sample_weight=weights)
    config = {**cheap(FAMILIES["mlp"](), table.facts), "n_layers": layers, "width": 20, "activation": activation}
    config.update(max_iter=500, batch_size=32)
    fitted = FAMILIES["mlp"]().fit(config, table.facts, table.X, table.y, weights=weights, seed=3)
    expected = answers(reference, X_new, table.facts.task) * deviation + mean
    np.testing.assert_allclose(fitted.predict(table.X_new), expected, rtol=1e-6)


def test_default_lightgbm_is_lightgbms_own_estimator(table: Table, weights: Floats) -> None:
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMRegressor if table.facts.task == "regression" else LGBMClassifier
    reference = kind(verbosity=-1, n_jobs=1, deterministic=True, force_col_wise=True)
    reference.fit(table.X, table.y, sample_weight=weights)
    family = FAMILIES["lightgbm"]()
    fitted = family.fit(family.default(table.facts), table.facts, table.X, table.y, weights=weights)
    expected = answers(reference, table.X_new, table.facts.task)
    # labels are single precision in LightGBM, and ours are standardised first
    np.testing.assert_allclose(fitted.predict(table.X_new), expected, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name, kind in FAMILIES.items() if kind.path])
def test_one_fit_answers_for_every_value_of_the_path(name: str) -> None:
    if name in EXTRAS and not installed(name):
        pytest.skip(f"the extra {name} is not installed")
    family = FAMILIES[name]()
    assert family.path is not None
    for task in TASKS:
        table = make_table(task)
        # bagging and feature sampling on: their draws must not depend on how many rounds follow
        random = {
            "bagging_fraction": 0.7,
            "feature_fraction": 0.6,
            "subsample": 0.7,
            "auto_rate": False,
            "learning_rate": 0.1,
        }
        known = {p.name for p in family.space(table.facts).parameters}
        config = {**family.default(table.facts), **{k: v for k, v in random.items() if k in known}, family.path: 24}
        fitted = family.fit(config, table.facts, table.X, table.y, seed=8)
        assert isinstance(fitted, FittedPath)
        values = [9, 24, 1]
        for value, p in zip(values, fitted.predict_path(table.X_new, values), strict=True):
            refit = family.fit({**config, family.path: value}, table.facts, table.X, table.y, seed=8)
            np.testing.assert_allclose(p, refit.predict(table.X_new), rtol=1e-6, atol=1e-9)
