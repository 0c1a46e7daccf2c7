"""Rows that count more in training: `--reweight`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from luthier.api.problem import Order, pose
from luthier.errors import BadColumn, BadValues
from luthier.tuning import Job


def shop(n: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    spent, north = rng.normal(size=n), rng.random(n) < 0.25
    left = (np.where(north, -spent, spent) + rng.normal(size=n) > 0).astype(int)
    return pd.DataFrame({"spent": spent, "region": np.where(north, "north", "south"), "left": left})


def problem(frame: pd.DataFrame, **asked):
    return pose(frame, Order("left", models="linear", budget="1 trials", **asked))


def first_fold(posed):
    return posed.work.run(Job(0, 0, 0, posed.plan.starts[0], 0), 1)


def test_rows_of_the_slice_weigh_more_in_training_and_the_same_in_the_score() -> None:
    """A column of weights does the same to the fit; the score of what was predicted is that of rows that are alike."""
    frame = shop()
    told = frame.assign(w=np.where(frame.region == "north", 5.0, 1.0))
    plain, emphasised, weighted = problem(frame), problem(frame, reweight=("region = north",), reweight_by=5.0), None
    weighted = problem(told, weight="w", cv=plain.splits.folds)
    found, by_column, without = map(first_fold, (emphasised, weighted, plain))
    np.testing.assert_allclose(found.predictions, by_column.predictions, rtol=1e-5)
    assert np.abs(found.predictions - without.predictions).max() > 0.05
    _, valid = plain.splits.folds[0]
    assert found.score == pytest.approx(plain.metric.score(plain.dataset.y[valid], found.predictions))
    assert found.score != by_column.score


def test_slices_multiply_and_make_it_another_question() -> None:
    frame = shop()
    both = problem(frame, reweight=("region = north", "spent >= 0"), reweight_by=3.0)
    assert sorted(set(both.work.emphasis.tolist())) == [1.0, 3.0, 9.0]
    assert both.plan.identity != problem(frame).plan.identity
    again = Order.from_json(both.order.to_json())
    assert (again.reweight, again.reweight_by) == (("region = north", "spent >= 0"), 3.0)


@pytest.mark.parametrize(
    ("slice_", "by", "error", "said"),
    [
        ("region = west", 2.0, BadValues, "holds no row"),
        ("spent >= -99", 2.0, BadValues, "holds every row"),
        ("town = west", 2.0, BadColumn, "no column 'town'"),
        ("north", 2.0, BadValues, "north"),
        ("region = north", 0.0, BadValues, "cannot count 0.0 times"),
        ("region = north", float("nan"), BadValues, "cannot count nan times"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(slice_: str, by: float, error, said: str) -> None:
    with pytest.raises(error, match=said):
        problem(shop(), reweight=(slice_,), reweight_by=by)
