"""Recalibrators: what they learn against scikit-learn, and what every one of them promises."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit, softmax
from sklearn.calibration import _SigmoidCalibration, _TemperatureScaling
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from luthier.scoring import get_metric
from luthier.scoring.recalibration import RECALIBRATORS, fit_recalibrator, read_recalibrator


def too_sure(n: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Predictions whose log odds are twice what they should be, and a third too high."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-0.5, 1.0, n)
    y = (rng.random(n) < expit(z)).astype(np.int64)
    return y, expit(2 * z + 0.3)[:, None]


def three_classes(n: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.2, (n, 3))
    y = (rng.random(n)[:, None] > softmax(z, axis=1).cumsum(axis=1)).sum(axis=1)
    return y, softmax(1.7 * z, axis=1)


def test_platt_scaling_is_that_of_scikit_learn_on_log_odds() -> None:
    y, p = too_sure()
    reference = _SigmoidCalibration().fit(logit(p[:, 0]), y)
    ours = fit_recalibrator("platt", y, p).apply(p)[:, 0]
    np.testing.assert_allclose(ours, reference.predict(logit(p[:, 0])), atol=1e-4)


def test_temperature_scaling_is_that_of_scikit_learn() -> None:
    y, p = three_classes()
    reference = _TemperatureScaling().fit(np.log(p), y)
    np.testing.assert_allclose(fit_recalibrator("temperature", y, p).apply(p), reference.predict(np.log(p)), atol=1e-4)


def test_two_classes_have_the_temperature_of_two_columns() -> None:
    y, p = too_sure()
    one = fit_recalibrator("temperature", y, p)
    two = fit_recalibrator("temperature", y, np.hstack([1 - p, p]))
    assert one.to_json()["temperature"] == pytest.approx(two.to_json()["temperature"], rel=1e-3)


def test_beta_calibration_is_a_logistic_regression_on_both_logarithms() -> None:
    y, p = too_sure()
    X = np.column_stack([np.log(p[:, 0]), -np.log1p(-p[:, 0])])
    reference = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(X, y)
    assert (reference.coef_ > 0).all()  # else the bounds would bind and the two would differ
    np.testing.assert_allclose(
        fit_recalibrator("beta", y, p).apply(p)[:, 0], reference.predict_proba(X)[:, 1], atol=2e-4
    )


def test_isotonic_calibration_is_that_of_scikit_learn_with_one_row_of_each_class_at_the_far_end() -> None:
    y, p = too_sure(500)
    x = np.r_[p[:, 0], p.min(), p.max()]
    reference = IsotonicRegression(out_of_bounds="clip").fit(x, np.r_[y, 1, 0])
    grid = np.linspace(0, 1, 101)[:, None]
    np.testing.assert_allclose(
        fit_recalibrator("isotonic", y, p).apply(grid)[:, 0], reference.predict(grid[:, 0]), atol=1e-12
    )


@pytest.mark.parametrize("name", RECALIBRATORS)
@pytest.mark.parametrize("rows", [too_sure, three_classes])
class TestEvery:
    def test_mends_what_is_too_sure(self, name: str, rows) -> None:
        y, p = rows()
        fresh_y, fresh_p = rows(seed=1)
        loss = get_metric("log_loss", "binary" if p.shape[1] == 1 else "multiclass")
        mended = fit_recalibrator(name, y, p).apply(fresh_p)
        assert loss.score(fresh_y, mended) < 0.95 * loss.score(fresh_y, fresh_p)

    def test_says_probabilities_for_anything(self, name: str, rows) -> None:
        y, p = rows(200)
        sure = np.array([[0.0], [1.0], [0.5]]) if p.shape[1] == 1 else np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
        said = fit_recalibrator(name, y, p).apply(sure)
        assert said.shape == sure.shape
        assert ((said > 0) & (said < 1)).all()
        if p.shape[1] > 1:
            np.testing.assert_allclose(said.sum(axis=1), 1)

    def test_weights_count_as_copies(self, name: str, rows) -> None:
        y, p = rows(300)
        times = np.random.default_rng(2).integers(0, 3, len(y))
        weighted = fit_recalibrator(name, y, p, times.astype(float))
        copied = fit_recalibrator(name, np.repeat(y, times), np.repeat(p, times, axis=0))
        np.testing.assert_allclose(weighted.apply(p), copied.apply(p), atol=1e-3)  # where the optimisers stop

    def test_comes_back_from_json(self, name: str, rows) -> None:
        y, p = rows(200)
        found = fit_recalibrator(name, y, p)
        again = read_recalibrator(json.loads(json.dumps(found.to_json())))
        np.testing.assert_array_equal(again.apply(p), found.apply(p))


@pytest.mark.parametrize("name", RECALIBRATORS)
def test_two_classes_keep_their_order(name: str) -> None:
    y, p = too_sure(100)
    y = 1 - y  # even where everything was learned the wrong way round
    grid = np.linspace(0, 1, 50)[:, None]
    assert (np.diff(fit_recalibrator(name, y, p).apply(grid)[:, 0]) >= 0).all()


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "spline"},
        {"kind": "platt", "slope": 1.0},
        {"kind": "platt", "slope": float("nan"), "offset": 0.0},
        {"kind": "temperature", "temperature": 0.0},
        {"kind": "isotonic", "x": [0.0, 1.0], "y": [0.5, 0.4]},
        {"kind": "isotonic", "x": [], "y": []},
        {"kind": "one_against_rest", "parts": [{"kind": "spline"}]},
    ],
)
def test_what_makes_no_recalibrator_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"recalibrator|temperature|isotonic"):
        read_recalibrator(body)
