from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from luthier.strategies.gp.regression import Beliefs, Regression, _negative_log_posterior

RNG = np.random.default_rng(0)
X, Y = RNG.random((25, 3)), RNG.standard_normal(25)
GROUP = np.arange(3)


def test_predictions_are_those_of_scikit_learn() -> None:
    scales, amplitude, noise = np.array([0.4, 1.5, 0.9]), 1.7, 0.05
    extra = RNG.random(25) * 0.1
    ours = Regression.of(Beliefs(np.log(scales), np.log(amplitude), np.log(noise)), X, GROUP, Y, extra)
    # a constant mean with a standard normal prior is a constant kernel of variance 1
    kernel = ConstantKernel(amplitude) * Matern(scales, nu=2.5) + ConstantKernel(1.0)
    theirs = GaussianProcessRegressor(kernel, alpha=noise + extra + 1e-8, optimizer=None).fit(X, Y)
    points = RNG.random((40, 3))
    mean, sd = ours.predict(points)
    expected_mean, expected_sd = theirs.predict(points, return_std=True)
    np.testing.assert_allclose(mean, expected_mean, atol=1e-7)
    np.testing.assert_allclose(sd, expected_sd, atol=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_of_the_posterior_is_its_derivative(seed: int) -> None:
    rng = np.random.default_rng(seed)
    prior = np.array([0.0, 0.1, -4.0])
    theta = prior + 0.5 * rng.standard_normal(3)
    group = np.array([0, 0, 0])  # three columns of one dimension, as a choice of three has
    extra = rng.random(25) * 0.01

    def value(t: np.ndarray) -> float:
        return _negative_log_posterior(t, prior, X, group, Y, extra)[0]

    _, gradient = _negative_log_posterior(theta, prior, X, group, Y, extra)
    np.testing.assert_allclose(gradient, approx_fprime(theta, value, 1e-6), rtol=1e-3, atol=1e-3)


def test_what_does_not_matter_gets_the_longest_scale() -> None:
    y = np.sin(6 * X[:, 0])
    scales = Beliefs.learned(X, GROUP, (y - y.mean()) / y.std(), np.zeros(25)).scales
    assert np.argmin(scales) == 0
    assert scales[1:].min() > scales[0] + 1.0


def test_a_noisier_reading_pulls_less() -> None:
    beliefs = Beliefs.prior(1)
    point, group = np.array([[0.5]]), np.array([0])
    sure = Regression.of(beliefs, point, group, np.array([2.0]), np.array([0.0])).predict(point)[0]
    vague = Regression.of(beliefs, point, group, np.array([2.0]), np.array([1.0])).predict(point)[0]
    assert 0 < vague[0] < sure[0] <= 2.0
