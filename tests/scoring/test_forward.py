"""Windows that look forward: what they hold for any times, and what they promise on streams made to be judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.errors import BadSplit
from luthier.scoring.forward import COMING, YEAR_S, forward_windows, season_weights, time_blocks

START = 1.5e9  # July 2017, in seconds since 1970


@settings(max_examples=100, deadline=None)
@given(
    n_times=st.integers(2, 60),
    rows_a_time=st.integers(1, 20),
    n_windows=st.one_of(st.none(), st.integers(1, 12)),
    seed=st.integers(0, 999),
)
def test_every_window_is_predicted_from_all_that_was_before_and_nothing_else(
    n_times: int, rows_a_time: int, n_windows: int | None, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    times = rng.choice(np.sort(rng.normal(size=n_times)), n_times * rows_a_time)
    distinct = len(np.unique(times))
    if distinct < 2 or (n_windows or 1) > distinct - 1:
        with pytest.raises(BadSplit, match="distinct times"):
            forward_windows(times, n_windows=n_windows)
        return
    windows = forward_windows(times, n_windows=n_windows)
    assert 1 <= len(windows.folds) <= (n_windows or 8)
    for train, valid in windows.folds:
        first = times[valid].min()
        np.testing.assert_array_equal(np.sort(train), np.flatnonzero(times < first))  # ties are never parted
    judged = np.concatenate([valid for _, valid in windows.folds])
    assert len(np.unique(judged)) == len(judged)
    np.testing.assert_array_equal(np.sort(judged), np.flatnonzero(times >= times[judged].min()))
    np.testing.assert_array_equal(np.flatnonzero(windows.weights), np.sort(judged))


@pytest.mark.parametrize(("n", "learned_first"), [(10_000, 1000), (600, 100), (90, 30), (4, 1)])
def test_windows_are_of_like_size_and_cover_all_but_the_first_rows(n: int, learned_first: int) -> None:
    windows = forward_windows(np.arange(float(n)))
    sizes = {len(valid) for _, valid in windows.folds}
    assert max(sizes) - min(sizes) <= 1
    assert sum(len(valid) for _, valid in windows.folds) == n - learned_first
    assert len(windows.folds[0][0]) == learned_first


def test_the_first_window_waits_for_a_second_class() -> None:
    classes = np.r_[np.zeros(600, int), np.tile([0, 1], 200)]
    windows = forward_windows(np.arange(1000.0), classes=classes)
    assert all(len(np.unique(classes[train])) == 2 for train, _ in windows.folds)
    assert len(windows.folds[0][0]) == 610  # five of the second class


def test_a_class_that_comes_with_the_last_time_only_cannot_be_learned() -> None:
    times = np.minimum(np.arange(100.0), 90.0)
    with pytest.raises(BadSplit, match="one class"):
        forward_windows(times, classes=(times == 90).astype(int))


def test_one_time_cannot_be_split() -> None:
    with pytest.raises(BadSplit, match="distinct times"):
        forward_windows(np.ones(50))


@settings(max_examples=60, deadline=None)
@given(years=st.floats(2.0, 12.0), judged_after=st.floats(1.0, 1.5))
def test_seasons_count_as_often_as_they_come_per_time_they_were_judged(years: float, judged_after: float) -> None:
    t = START + np.sort(np.random.default_rng(0).random(4000)) * years * YEAR_S
    t = np.r_[START, t, START + years * YEAR_S]
    judged_from = START + min(judged_after, years - 1) * YEAR_S
    weights = season_weights(t, judged_from)
    for i in (5, 700, 1900, 3100, 3999):
        same_season = t[i] + np.arange(-20, 20) * YEAR_S
        coming = np.sum((same_season > t[-1]) & (same_season < t[-1] + COMING * (t[-1] - t[0])))
        judged = np.sum((same_season >= judged_from) & (same_season <= t[-1]))
        assert weights[i] == pytest.approx(coming / max(judged, 1))


def test_with_two_years_of_dates_judging_begins_after_one_and_only_in_seasons_to_come() -> None:
    t = START + np.arange(0, 2.1, 1 / 365.25) * YEAR_S
    windows = forward_windows(t)
    judged = np.concatenate([valid for _, valid in windows.folds])
    assert t[judged].min() >= START + YEAR_S
    to_come = np.mod((t[judged] - t[-1]) / YEAR_S, 1.0)
    assert to_come.max() <= COMING * 2.1
    assert "season" in windows.reason
    assert len(windows.folds) == 8


@pytest.mark.parametrize("t", [np.arange(1000.0), START + np.arange(0, 1.9, 0.001) * YEAR_S])
def test_without_dates_over_two_years_nothing_is_said_of_seasons(t: Any) -> None:
    windows = forward_windows(t)
    assert "season" not in windows.reason
    assert np.ptp(windows.weights[windows.weights > 0]) == 0


@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=60))
def test_blocks_never_span_two_windows(sizes: list[int]) -> None:
    blocks = time_blocks(sizes)
    assert len(blocks) == sum(sizes)
    assert (np.diff(blocks) >= 0).all()
    np.testing.assert_array_equal(np.unique(blocks), np.arange(blocks.max() + 1))
    ends = np.cumsum(sizes)[:-1]
    assert (blocks[ends] != blocks[ends - 1]).all()
