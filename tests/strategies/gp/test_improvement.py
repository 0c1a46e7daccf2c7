from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from luthier.strategies.gp.improvement import log_expected_improvement


@pytest.mark.parametrize(("mean", "sd", "best"), [(0.0, 1.0, 0.5), (0.3, 0.2, 0.3), (1.0, 0.5, 0.4), (-2.0, 0.1, 1.0)])
def test_it_is_the_log_of_the_integral(mean: float, sd: float, best: float) -> None:
    integral, _ = quad(lambda f: (best - f) * norm.pdf(f, mean, sd), mean - 12 * sd, best)
    got = log_expected_improvement(np.array([mean]), np.array([sd]), best)[0]
    assert got == pytest.approx(np.log(integral), abs=1e-6)


@pytest.mark.parametrize("z", [1.0, 30.0, 999.0, 1001.0, 1e5])
def test_far_from_any_improvement_it_follows_the_asymptotic_series(z: float) -> None:
    # Mills: phi(z) - z Phi(-z) = phi(z) (z^-2 - 3 z^-4 + 15 z^-6 - ...), an upper bound after an odd number of terms
    got = log_expected_improvement(np.array([z]), np.array([1.0]), 0.0)[0] - norm.logpdf(z)
    assert got <= -2 * np.log(z)
    assert got >= -2 * np.log(z) + (np.log1p(-3 / z**2) - 1e-5 if z > 2 else -2.0)


def test_nearer_is_always_better_so_a_search_has_somewhere_to_go() -> None:
    z = np.concatenate([np.linspace(-5, 5, 400, endpoint=False), np.geomspace(5, 1e6, 400)])
    assert (np.diff(log_expected_improvement(z, np.ones_like(z), 0.0)) < 0).all()
