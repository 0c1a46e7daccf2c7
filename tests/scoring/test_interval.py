"""Intervals of the replay against intervals everybody knows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from luthier.scoring.interval import Moments, leaning_interval, unsteadiness


def test_without_skew_it_is_the_t_interval() -> None:
    x = np.r_[-3.0, -1.0, 0.0, 1.0, 3.0]
    se = x.std(ddof=1) / math.sqrt(5)
    low, high = leaning_interval(0.0, se, Moments.of(x), 5, 0.95)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 4, loc=0, scale=se))


def test_it_leans_towards_the_long_tail() -> None:
    x = np.r_[np.zeros(95), np.full(5, 10.0)]
    se = x.std(ddof=1) / 10
    low, high = leaning_interval(x.mean(), se, Moments.of(x), 100, 0.95)
    assert high - x.mean() > x.mean() - low > 0


def test_for_a_share_it_is_close_to_wilsons() -> None:
    x = np.r_[np.zeros(80), np.ones(20)]
    low, high = leaning_interval(0.2, math.sqrt(0.2 * 0.8 / 100), Moments.of(x), 100, 0.95)
    wilson = stats.binomtest(20, 100).proportion_ci(method="wilson")
    # Three quarters of Wilson's shift, and t for z: together less than a hundredth.
    assert (low, high) == pytest.approx((wilson.low, wilson.high), abs=0.01)


def test_it_covers_a_skewed_mean_better_than_the_t_interval() -> None:
    rng = np.random.default_rng(0)
    leaning, plain = [], []
    for x in rng.lognormal(0, 1, (2000, 60)):
        se = x.std(ddof=1) / math.sqrt(60)
        low, high = leaning_interval(x.mean(), se, Moments.of(x), 60, 0.95)
        leaning.append(low <= math.exp(0.5) <= high)
        plain.append(abs(x.mean() - math.exp(0.5)) <= stats.t.ppf(0.975, 59) * se)
    # Both on the same 2,000 samples; a difference of 1.5 points is beyond four standard errors of discordant pairs.
    assert np.mean(leaning) > np.mean(plain) + 0.015


def test_nothing_to_go_by_gives_no_interval() -> None:
    assert all(math.isnan(end) for end in leaning_interval(0.5, 0.1, Moments(1.0, 0.0), 1, 0.95))
    assert all(math.isnan(end) for end in leaning_interval(math.nan, 0.1, Moments(1.0, 0.0), 10, 0.95))


def test_unsteadiness_is_the_chance_that_two_replays_differ() -> None:
    assert unsteadiness(np.full(10, 0.3)) == 0.0
    assert unsteadiness(np.r_[np.full(5, 0.1), np.full(5, 0.2)]) == pytest.approx(0.5)
