from __future__ import annotations

import numpy as np
import pytest

from luthier.evaluation import Blend, Blender
from luthier.scoring import OutOfFold, Splits, get_metric

FREE = np.zeros((2, 1))


def errors_table(spreads: tuple[float, ...], n: int = 4000) -> OutOfFold:
    """Configurations with independent errors of these spreads around a target of zero."""
    rows = np.arange(n)
    folds = tuple((np.setdiff1d(rows, valid), valid) for valid in np.array_split(rows, 5))
    values = np.random.default_rng(0).normal(0, np.array(spreads)[:, None], (len(spreads), n))
    splits = Splits("shuffled", "simulated", folds, 1, rows, rows, np.ones(n))
    return OutOfFold(splits, np.zeros(n), tuple(range(len(spreads))), values.astype(np.float32)[:, :, None])


def chosen(table: OutOfFold, costs: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = FREE) -> Blend:
    blender = Blender(("a", "b"), costs, np.array([1.0]))
    return blender.choose(table, get_metric("rmse", "regression"), table.splits.weights)


@pytest.mark.parametrize("spread", [1.0, 1.5, 2.5])
def test_weights_come_near_the_inverse_variances_even_where_an_equal_share_would_hurt(spread: float) -> None:
    blend = chosen(errors_table((1.0, spread)))
    best = 1 / (1 + spread**-2)  # of the better one, for independent errors
    # A count of at most 16 additions lies within 1/16 of any share; errors of 4,000 rows move the best by far less.
    assert dict(zip(blend.members, blend.weights, strict=True))[0] == pytest.approx(best, abs=1 / 16)


def test_a_member_that_costs_too_much_is_left_out() -> None:
    assert chosen(errors_table((1.0, 1.0)), np.array([[0.6], [0.6]])).members in {(0,), (1,)}


def test_a_blend_read_back_is_the_blend() -> None:
    blend = Blend((3, 1), (0.75, 0.25), "logarithmic")
    assert Blend.from_json(blend.to_json()) == blend
