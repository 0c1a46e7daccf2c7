"""Calibration: unbiased where nothing is wrong, covering where something is, and recalibrated only where that helps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from luthier.evaluation.calibration import calibration_error, reliability, wilson
from luthier.evaluation.recalibrating import choose_recalibrator


@pytest.mark.parametrize("n", [200, 1000, 10_000])
def test_perfect_predictions_have_no_error_on_average_and_the_interval_says_so(n: int) -> None:
    rng, repeats = np.random.default_rng(n), 120
    found = []
    for _ in range(repeats):
        p = rng.beta(0.7, 2, n)
        found.append(calibration_error(rng.random(n) < p, p))
    assert abs(np.mean([error.squared.value for error in found])) < 0.001
    assert np.mean([error.plug_in for error in found]) > 1 / n  # what is usually reported does not vanish
    covered = np.mean([error.squared.low <= 0 for error in found])
    assert abs(covered - 0.975) < 3 * np.sqrt(0.975 * 0.025 / repeats)  # the lower end alone can be wrong about zero


def test_the_interval_covers_the_error_of_predictions_that_are_off() -> None:
    rng, n, repeats = np.random.default_rng(5), 600, 120
    grid = (np.arange(100_000) + 0.5) / 100_000
    gap = expit(0.6 * logit(grid)) - grid
    truth = float((gap.reshape(10, -1).mean(axis=1) ** 2).mean())  # over ten bins of equal size
    covered, values = 0, []
    for _ in range(repeats):
        p = rng.random(n)
        error = calibration_error(rng.random(n) < expit(0.6 * logit(p)), p)
        values.append(error.squared.value)
        covered += error.squared.low <= truth <= error.squared.high
    assert np.mean(values) == pytest.approx(truth, abs=4 * np.std(values) / np.sqrt(repeats))
    assert abs(covered / repeats - 0.955) < 3 * np.sqrt(0.955 * 0.045 / repeats)  # 93 to 98 % is the promise


def test_rows_judged_twice_are_not_twice_as_many() -> None:
    rng = np.random.default_rng(3)
    p = rng.random(300)
    y = rng.random(300) < p
    once = calibration_error(y, p)
    rows = np.tile(np.arange(300), 2)
    twice = calibration_error(y[rows], p[rows], weights=np.full(600, 0.5), units=rows)
    assert twice.squared.value == pytest.approx(once.squared.value)
    assert twice.squared.high == pytest.approx(once.squared.high)


def test_rows_without_weight_count_for_nothing() -> None:
    rng = np.random.default_rng(3)
    p = rng.random(400)
    y = rng.random(400) < p
    kept = np.arange(400) < 300
    lone = calibration_error(y[kept], p[kept])
    assert calibration_error(y, p, weights=kept.astype(float)).squared.value == pytest.approx(lone.squared.value)


def test_a_constant_prediction_is_one_bin() -> None:
    (point,) = reliability(np.arange(100) < 30, np.full(100, 0.3))
    assert [point.predicted, point.observed, point.n] == pytest.approx([0.3, 0.3, 100])
    assert point.low < 0.3 < point.high


def test_the_band_is_wilsons() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3: 15 of 148 and 0 of 20.
    low, high = wilson(np.array([15 / 148, 0.0]), np.array([148.0, 20.0]))
    np.testing.assert_allclose(low, [0.0624, 0.0], atol=5e-5)
    np.testing.assert_allclose(high, [0.1605, 0.1611], atol=5e-5)


def choice(slope: float, n: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    z = rng.normal(-1, 1.5, n)
    y = (rng.random(n) < expit(z)).astype(np.int64)
    p = expit(slope * z)[:, None]
    return choose_recalibrator(y, p, weights=np.ones(n), units=np.arange(n), rng=rng), z


def test_what_is_too_sure_is_recalibrated_and_the_map_undoes_it() -> None:
    found, z = choice(slope=2.0, n=2000)
    assert found.chosen in ("temperature", "platt", "beta")
    assert found.fitted is not None
    np.testing.assert_allclose(found.fitted.apply(expit(2.0 * z)[:, None])[:, 0], expit(z), atol=0.06)
    assert found.mended is not None


def test_perfect_predictions_are_left_alone() -> None:
    assert [choice(slope=1.0, n=400, seed=seed)[0].chosen for seed in range(20)] == [None] * 20
