from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.scoring.pool import Pool, pooled

chances = st.floats(0.01, 0.99)


@given(p=chances, q=chances)
def test_a_logarithmic_pool_averages_the_log_odds(p: float, q: float) -> None:
    (said,) = pooled([np.array([[p]]), np.array([[q]])], [0.25, 0.75], "logarithmic")
    odds = (p / (1 - p)) ** 0.25 * (q / (1 - q)) ** 0.75
    assert said[0] == pytest.approx(odds / (1 + odds), rel=1e-9)  # the rounding of a few float64 operations


@pytest.mark.parametrize("pool", ["linear", "logarithmic"])
def test_pooled_chances_of_classes_still_add_up_to_one(pool: Pool) -> None:
    p, q = np.random.default_rng(0).dirichlet(np.ones(3), (2, 50))
    assert pooled([p, q], [0.5, 0.5], pool).sum(axis=1) == pytest.approx(np.ones(50))


def test_no_model_may_be_so_sure_that_it_outvotes_all_others() -> None:
    (said,) = pooled([np.array([[0.0]]), np.array([[0.9]])], [0.5, 0.5], "logarithmic")
    assert said[0] == pytest.approx(0.029, abs=5e-4)  # sqrt(9 * 1e-4) = 0.03 as odds
