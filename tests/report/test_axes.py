"""Axes and the places of labels."""

from __future__ import annotations

import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from luthier.report.axes import Axis, apart, typical_range

values = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=30)


@given(values)
def test_an_axis_holds_its_values_and_its_ticks(known: list[float]) -> None:
    axis = Axis.around(known)
    assert axis.low < min(known)
    assert max(known) < axis.high
    assert all(axis.low - 1e-9 * abs(axis.low) <= t <= axis.high + 1e-9 * abs(axis.high) for t in axis.ticks)
    assert len(axis.ticks) <= 8


def test_an_axis_of_one_value_has_room_on_both_sides() -> None:
    axis = Axis.around([0.5, None, float("nan")])
    assert axis.low < 0.5 < axis.high


@given(st.lists(st.floats(0, 200), min_size=1, max_size=6))
@example([150.0, 166.0, 184.0, 200.0])
def test_labels_never_overlap_and_stay_in_the_picture(wanted: list[float]) -> None:
    places = apart(wanted, 17.0, 6.0, 200.0)
    for one, other in itertools.pairwise(sorted(places)):
        assert other - one >= 17.0 - 1e-6
    assert min(places) >= 6.0 - 1e-6
    assert max(places) <= 200.0 + 1e-6


def test_labels_with_room_stay_where_they_belong() -> None:
    assert apart([150.0, 30.0, 90.0], 17.0, 0.0, 200.0) == [150.0, 30.0, 90.0]


def test_one_hopeless_score_does_not_squeeze_the_good_ones() -> None:
    good = [0.80, 0.81, 0.82, 0.83, 0.84]
    assert typical_range([*good, 0.01], greater_is_better=True).low > 0.7
    assert typical_range([*(1 - g for g in good), 55.0], greater_is_better=False).high < 0.4


@given(values, st.booleans())
def test_the_best_score_is_always_in_sight(scores: list[float], greater_is_better: bool) -> None:
    axis = typical_range(scores, greater_is_better=greater_is_better)
    best = max(scores) if greater_is_better else min(scores)
    assert axis.low <= best <= axis.high
