"""Windows that look forward: what they hold for any times, and what they promise on streams made to be judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from luthier.errors import BadSplit
from luthier.scoring import Estimate, choose_splits
from luthier.scoring.ahead import ahead
from luthier.scoring.forward import COMING, YEAR_S, forward_windows, season_weights, time_blocks

START = 1.5e9  # July 2017, in seconds since 1970


@settings(max_examples=100)
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


@settings(max_examples=60)
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


# What the score promises, on streams whose law is known ---------------------------------------------------------------


def slow(n: int, memory: float, rng: np.random.Generator) -> Any:
    """A stationary first-order autoregression of variance one that forgets in `memory` steps."""
    phi = np.exp(-1 / memory)
    return lfilter([np.sqrt(1 - phi**2)], [1, -phi], rng.normal(size=n), zi=[phi * rng.normal()])[0]


def outcome(X: Any, y: Any, times: Any) -> tuple[float, float, float, bool, bool]:
    """Of a linear model: what shuffled folds and what forward windows report over what came; what came; and whether the
    plain and the widened interval hold it."""
    n = int(0.7 * len(y))

    def errors(train: Any, judged: Any) -> Any:
        return y[judged] - X[judged] @ np.linalg.lstsq(X[train], y[train], rcond=None)[0]

    def rmse(error: Any, w: Any = None) -> float:
        return float(np.sqrt(np.average(error**2, weights=w)))

    came = rmse(errors(np.arange(n), np.arange(n, len(y))))
    fold_of = np.random.default_rng(0).permutation(n) % 5
    shuffled = rmse(
        np.concatenate([errors(np.flatnonzero(fold_of != f), np.flatnonzero(fold_of == f)) for f in range(5)])
    )
    splits = choose_splits(y[:n], "regression", times=times[:n])
    by_window = [errors(train, valid) for train, valid in splits.folds]
    squares = np.concatenate(by_window) ** 2
    forward = float(np.sqrt(np.average(squares, weights=splits.weights)))
    U = splits.units.max() + 1
    drawn = np.random.default_rng(1).multinomial(U, np.full(U, 1 / U), 200)
    sums = (
        drawn @ np.bincount(splits.units, splits.weights * squares),
        drawn @ np.bincount(splits.units, splits.weights),
    )
    low, high = np.quantile(np.sqrt(sums[0] / sums[1]), [0.025, 0.975])
    plain = Estimate(forward, float(low), float(high), U)
    wide = ahead(plain, splits, np.array([rmse(error) for error in by_window]), greater_is_better=False)
    return shuffled / came, forward / came, came, came in plain, came in wide


def run(stream: str, n_streams: int = 150, n: int = 600) -> Any:
    rng = np.random.default_rng(5)
    results = []
    for _ in range(n_streams):
        X, times = rng.normal(size=(n, 3)), START + np.linspace(0, YEAR_S, n)
        beta, noise = np.ones((n, 3)), rng.normal(size=n)
        if stream == "correlated":
            noise = slow(n, 10, rng)
        elif stream == "regimes":
            beta = rng.normal(size=(n, 3))[np.cumsum(rng.random(n) < 10 / n)]
        elif stream == "seasons":
            times = START + np.linspace(0, 3 * YEAR_S, n)
            noise = noise * np.exp(0.6 * np.sin(2 * np.pi * (np.linspace(0, 3, n) + rng.random())))
        results.append(outcome(X, (X * beta).sum(axis=1) + noise, times))
    return np.array(results, float)


def test_on_a_steady_stream_forward_windows_report_what_comes() -> None:
    results = run("steady")
    # Mean of 150 ratios of relative standard deviation 0.05, from rmse of 420 and 180 rows: three standard errors.
    assert np.log(results[:, 1]).mean() == pytest.approx(0.0, abs=3 * 0.065 / np.sqrt(150) + 0.01)


def test_where_the_law_jumps_forward_windows_promise_less_too_much_than_shuffled_folds() -> None:
    shuffled, forward = np.log(run("regimes")[:, :2]).mean(axis=0)
    assert shuffled < -0.1
    assert shuffled / 2 < forward < 0.05


def test_where_seasons_are_known_those_to_come_are_judged() -> None:
    errors = np.abs(np.log(run("seasons")[:, :2])).mean(axis=0)
    assert errors[1] < errors[0]


@pytest.mark.parametrize("stream", ["steady", "correlated", "seasons"])
def test_the_widened_interval_holds_what_comes_in_a_stream_that_stays_itself(stream: str) -> None:
    plain, wide = run(stream)[:, 3:].mean(axis=0)
    # 150 streams: the standard error of a share of 0.95 is 0.018. The plain interval speaks of the past alone.
    assert wide >= 0.95 - 3 * 0.018
    assert wide >= plain


def test_an_interval_stays_within_the_range_of_its_metric() -> None:
    splits = choose_splits(np.arange(800.0), "regression", times=np.arange(800.0))
    scores = np.array([0.99, 0.6, 0.97, 0.8, 0.99, 0.7, 0.95, 0.9])
    wide = ahead(Estimate(0.95, 0.9, 0.98, 40), splits, scores, greater_is_better=True)
    assert 0.5 < wide.low < 0.9
    assert 0.98 < wide.high < 1.0
    loss = ahead(Estimate(0.1, 0.05, 0.2, 40), splits, scores, greater_is_better=False)
    assert 0 < loss.low < 0.05
    # R^2 has no lowest value, but never exceeds one.
    falls_short = ahead(Estimate(0.7, 0.4, 0.9, 40), splits, scores - 0.7, greater_is_better=True)
    assert falls_short.low < 0.4
    assert 0.9 < falls_short.high < 1.0


@pytest.mark.parametrize("scores", [[0.5, np.nan, np.nan, np.nan], [np.nan] * 4])
def test_without_windows_to_compare_the_interval_is_left_alone(scores: list[float]) -> None:
    splits = choose_splits(np.arange(800.0), "regression", times=np.arange(800.0), cv=4)
    estimate = Estimate(0.5, 0.4, 0.6, 40)
    assert ahead(estimate, splits, np.array(scores), greater_is_better=True) == estimate


def test_windows_that_were_all_alike_leave_the_interval_alone() -> None:
    splits = choose_splits(np.arange(800.0), "regression", times=np.arange(800.0))
    same = ahead(Estimate(-3.0, -4.0, 1.0, 40), splits, np.full(8, 0.3), greater_is_better=True)
    assert (same.low, same.high) == pytest.approx((-4.0, 1.0))
