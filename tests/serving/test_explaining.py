from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from luthier.serving.explaining import shapley_values


def game(mixtures: Any) -> Any:
    """Answers with a product and a threshold in them, so that orders matter."""
    a, b, c, d = mixtures.T.astype(float)
    return 2 * a + 3 * a * b * c - np.maximum(b + c + d - 2, 0) + 0.5 * d * c


def exact(n_fields: int) -> Any:
    """By the definition: the mean gain over every order."""
    gains = np.zeros(n_fields)
    orders = list(permutations(range(n_fields)))
    for order in orders:
        inside = np.zeros(n_fields, bool)
        for field in order:
            before = game(inside[None])[0]
            inside[field] = True
            gains[field] += game(inside[None])[0] - before
    return gains / len(orders)


def test_sampled_orders_come_to_the_shapley_values_within_their_own_errors() -> None:
    values, errors = shapley_values(game, 4, 4000, np.random.default_rng(0))
    assert np.all(np.abs(values - exact(4)) <= 5 * errors + 1e-12)
    assert errors.max() < 0.05


def test_what_the_fields_add_is_the_whole_difference_however_few_the_orders() -> None:
    values, _ = shapley_values(game, 4, 4, np.random.default_rng(1))
    assert values.sum() == pytest.approx(game(np.ones((1, 4), bool))[0] - game(np.zeros((1, 4), bool))[0])


def test_fields_that_only_add_are_known_exactly() -> None:
    weights = np.array([1.0, -2.0, 0.5])
    values, errors = shapley_values(lambda mixtures: mixtures @ weights, 3, 8, np.random.default_rng(2))
    np.testing.assert_allclose(values, weights)
    np.testing.assert_allclose(errors, 0, atol=1e-12)


def test_the_error_shrinks_as_the_orders_grow() -> None:
    few = shapley_values(game, 4, 40, np.random.default_rng(3))[1].max()
    many = shapley_values(game, 4, 4000, np.random.default_rng(3))[1].max()
    assert many < few / 5
