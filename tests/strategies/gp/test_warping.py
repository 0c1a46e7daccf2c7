from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import skew, yeojohnson

from luthier.strategies.gp.warping import Warping

LOSSES = arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6))


def test_without_a_cut_it_is_scipys_yeo_johnson_standardised() -> None:
    losses = np.random.default_rng(0).gamma(2.0, size=60)
    expected, _ = yeojohnson((losses - losses.mean()) / losses.std())
    expected = (expected - expected.mean()) / expected.std()
    np.testing.assert_allclose(Warping.of(losses)(losses), expected, atol=1e-4)


def test_skewed_losses_become_symmetric() -> None:
    losses = np.random.default_rng(1).lognormal(sigma=1.0, size=200)
    assert abs(skew(Warping.of(losses)(losses))) < 0.3 < skew(losses)


def test_a_training_that_diverged_does_not_flatten_the_others() -> None:
    good = np.random.default_rng(2).normal(size=20)
    values = Warping.of(np.append(good, 1e9))(good)
    assert values.std() > 0.3


@given(LOSSES)
def test_values_are_finite_and_keep_the_order(losses: np.ndarray) -> None:
    values = Warping.of(losses)(losses)
    assert np.isfinite(values).all()
    order = np.argsort(losses, kind="stable")
    assert (np.diff(values[order]) >= -1e-9).all()


def test_the_way_back_returns_the_losses() -> None:
    losses = np.random.default_rng(3).gamma(2.0, size=30)
    warping = Warping.of(losses)
    np.testing.assert_allclose(warping.loss(warping(losses)), losses, rtol=1e-6)


def test_the_slope_is_the_derivative() -> None:
    losses = np.random.default_rng(4).gamma(2.0, size=30)
    warping, step = Warping.of(losses), 1e-6
    numeric = (warping(losses + step) - warping(losses - step)) / (2 * step)
    inside = losses < warping.ceiling - step
    np.testing.assert_allclose(warping.slope(losses)[inside], numeric[inside], rtol=1e-4)


@pytest.mark.parametrize("losses", [[1.0, 1.0, 1.0], [1e300, -1e300, 1e299], [0.0], [5.0, 5.0, 5.0, 7.0]])
def test_degenerate_losses_are_digested(losses: list[float]) -> None:
    values = np.array(losses)
    assert np.isfinite(Warping.of(values)(values)).all()
