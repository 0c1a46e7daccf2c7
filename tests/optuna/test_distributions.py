"""Optuna's distributions beside ours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.space import Bool, Categorical, Fixed, Float, Int, Quantiles

optuna = pytest.importorskip("optuna")
from luthier.optuna.distributions import Counterpart  # noqa: E402  (after the skip)
from luthier.space.optuna_form import to_optuna  # noqa: E402

d = optuna.distributions


def has(theirs: Any, value: Any) -> bool:
    """Whether a distribution of Optuna's has this value, by Optuna's own rule."""
    return bool(theirs._contains(theirs.to_internal_repr(value)))


@pytest.mark.parametrize(
    "distribution",
    [
        Float(0, 1),
        Float(0, 1, step=0.25),
        Float(-10.2, 10.2, step=0.1),
        Float(0.1, 10, log=True),
        Int(0, 9),
        Int(1, 9, step=2),
        Int(1, 64, log=True),
        Bool(),
        Categorical(("a", None, 3)),
        Categorical((1, 2, 4), ordered=True),
    ],
)
def test_a_distribution_survives_the_way_to_optuna_and_back(distribution: Any) -> None:
    assert Counterpart.of(to_optuna(distribution)).ours == distribution


def test_what_optuna_cannot_say_becomes_the_nearest_thing_it_can() -> None:
    assert to_optuna(Fixed(2)) == d.CategoricalDistribution((2,))
    assert to_optuna(Categorical(("a", "b"), weights=(1.0, 3.0))) == d.CategoricalDistribution(("a", "b"))
    assert to_optuna(Float(2, 10, log=True, step=2)) == d.FloatDistribution(2, 10, log=True)
    assert to_optuna(Int(2, 8, log=True, step=2)) == d.IntDistribution(2, 8, log=True)
    assert to_optuna(Float(0, 1, step=1 / 3)) == d.FloatDistribution(0, 1)
    assert to_optuna(Quantiles((0.0, 1.0, 3.0))) == d.FloatDistribution(0.0, 3.0)


decimals = st.integers(-(10**6), 10**6).map(lambda n: n / 1000)


@given(low=decimals, n=st.integers(0, 500), step=st.integers(1, 10**5).map(lambda n: n / 10_000))
def test_stepped_ranges_of_decimals_have_the_same_values_in_both(low: float, n: int, step: float) -> None:
    ours = Float(low, low + n * step, step=step)
    theirs = to_optuna(ours)
    assert theirs.step in (step, None)
    assert all(has(theirs, ours.at(k)) for k in range(int(ours.n_values)))


steps = st.none() | st.floats(1e-3, 10)


# beyond, Optuna does not always find its own values in its ranges
@given(low=st.floats(-100, 100), width=st.floats(0, 100), step=steps, u=st.floats(0, 1))
@pytest.mark.filterwarnings("ignore:The distribution is specified by")
def test_optuna_takes_every_value_of_a_range_read_from_it(
    low: float, width: float, step: float | None, u: float
) -> None:
    theirs = d.FloatDistribution(low, low + width, step=step)
    if theirs.low <= theirs.high:
        assert has(theirs, Counterpart.of(theirs).ours.from_unit(u))


@given(low=st.integers(-1000, 1000), n=st.integers(0, 1000), step=st.integers(1, 50), u=st.floats(0, 1))
def test_whole_numbers_are_the_same_in_both(low: int, n: int, step: int, u: float) -> None:
    theirs = d.IntDistribution(low, low + n * step, step=step)
    ours = Counterpart.of(theirs).ours
    assert to_optuna(ours) == theirs
    assert has(theirs, ours.from_unit(u))


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution should be")
def test_choices_that_json_cannot_hold_keep_apart() -> None:
    def same_name() -> None: ...

    first, second = (same_name, lambda: None)
    second.__qualname__ = first.__qualname__
    choices = (math.nan, (1, 2), first, second, None, "nan")
    pair = Counterpart.of(d.CategoricalDistribution(choices))
    scalars = [pair.scalar(choice) for choice in choices]
    assert len(set(scalars)) == len(choices)
    assert all(pair.value(scalar) is choice for scalar, choice in zip(scalars, choices, strict=True))
    assert pair.value(pair.scalar(float("nan"))) is choices[0]  # as it comes back from a database


def test_numpys_numbers_are_values_too() -> None:
    assert Counterpart.of(d.IntDistribution(1, 9)).scalar(np.int64(3)) == 3
    with pytest.raises(ValueError, match="10"):
        Counterpart.of(d.IntDistribution(1, 9)).scalar(10)
