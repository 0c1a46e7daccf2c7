"""What the budget bought: held against searches in which every configuration's true score is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from luthier.evaluation.course import CORE_WATTS, NEXT, Course, Stop, stops_of
from luthier.scoring import Estimate, OutOfFold, Splits, get_metric
from luthier.tuning import Price

ACCURACY, LOG_LOSS = get_metric("accuracy", "binary"), get_metric("log_loss", "binary")


def search(strengths: list[float], n: int = 3000, seed: int = 0) -> OutOfFold:
    """A table in which trial t tells the classes apart by `strengths[t]` standard deviations of its noise."""
    rng = np.random.default_rng(seed)
    y, rows = rng.integers(0, 2, n), np.arange(n)
    reading = rng.normal(size=(len(strengths), n)) + np.where(y == 1, 0.5, -0.5) * np.array(strengths)[:, None]
    p = (1 / (1 + np.exp(-np.array(strengths)[:, None] * reading))).astype(np.float32)
    valid = np.array_split(rows, 5)
    folds = tuple((np.setdiff1d(rows, v), v) for v in valid)
    splits = Splits("shuffled", "simulated", folds, 1, rows, rows, np.ones(n))
    return OutOfFold(splits, y, tuple(range(len(strengths))), p[:, :, None])


def read(table: OutOfFold, metric=ACCURACY, **more) -> tuple[tuple[Stop, ...], Estimate | None]:
    """Of a search of as many seconds as trials."""
    ended = {t: t + 1.0 for t in table.trials}
    total = float(len(table))
    moments = [total / 8, total / 4, total / 2, total]
    return stops_of(table, metric, ended, moments, rng=np.random.default_rng(1), n_replays=200, **more)


def course_of(stops: tuple[Stop, ...], doubling: Estimate | None, **more) -> Course:
    told = {"p_default_as_good": 0.25, "default_kept": False, "spent_s": 1800.0, "fits": 80, "core_s": 3600.0}
    return Course("accuracy", True, stops, doubling=doubling, **{**told, "price": None, **more})


def test_what_was_found_late_was_worth_the_wait() -> None:
    stops, _ = read(search([0.5] * 12 + [2.0] * 4))
    found = course_of(stops, None)
    assert found.rises_on
    assert found.sentence.startswith("the honest score rose to the end")
    true_rise = norm.cdf(1.0) - norm.cdf(0.25)
    for stop in stops[:-1]:
        assert not stop.settled
        assert stop.later.value == pytest.approx(true_rise, abs=0.04)  # 3 standard errors of two shares of 3,000 rows
        assert stop.as_good < 0.01


@pytest.mark.parametrize("metric", [ACCURACY, LOG_LOSS])
def test_what_came_after_the_best_was_in_vain(metric) -> None:
    """A good trial in the first eighth, and poor ones after it: nothing later can be better, for losses too."""
    stops, doubling = read(search([1.0, 2.0] + [0.5] * 30), metric)
    found = course_of(stops, doubling)
    assert found.enough is stops[0]
    assert [stop.trials for stop in stops] == [4, 8, 16, 32]
    assert all(stop.later.value == 0 and stop.as_good == 1 for stop in stops)
    assert doubling is not None
    assert (doubling.value, doubling.low, doubling.high) == (0, 0, 0)
    assert found.doubling_sentence.startswith("twice the budget should bring nothing more")


def test_a_score_that_only_seems_to_rise_has_stopped_rising() -> None:
    """Equal trials: the naive score climbs with every one of them, and what is chosen gets no better."""
    wrong = 0
    for seed in range(20):
        stops, _ = read(search([1.0] * 64, n=500, seed=seed))
        assert [stop.naive for stop in stops] == sorted(stop.naive for stop in stops)
        wrong += not stops[0].settled
    # The rule of one standard error errs with probability 0.16 for an unbiased rise: 8 or more of 20 with 0.01.
    assert wrong < 8


def test_a_rise_at_an_even_pace_is_expected_to_go_on_at_half_of_it() -> None:
    pace = [0.0, 0.1, 0.4, 0.8, 1.2, 1.6]  # the best at every doubling, from the first trial on
    stops, doubling = read(search([pace[int(np.ceil(np.log2(t + 1)))] for t in range(32)], n=20_000))
    assert doubling is not None
    rises = np.diff([norm.cdf(pace[k] / 2) for k in (3, 4, 5)])
    assert doubling.value == pytest.approx(NEXT * min(rises[1], rises.mean()), abs=0.01)
    assert doubling.low <= 0 < doubling.value < doubling.high
    assert course_of(stops, doubling).doubling_sentence.endswith("and may bring nothing")


def test_moments_whose_best_is_not_at_hand_are_left_out() -> None:
    """Of a long search only the best trials are kept: what was best early on may not be among them."""
    table = search([0.8, 1.0, 1.2, 1.5])
    ended = {9: 1.0, 0: 2.0, 1: 4.0, 2: 6.0, 3: 8.0}
    scores = {9: 0.99, 0: 0.6, 1: 0.7, 2: 0.8, 3: 0.995}
    stops, doubling = stops_of(
        table, ACCURACY, ended, [2.0, 4.0, 8.0], rng=np.random.default_rng(0), n_replays=50, score_of=scores
    )
    assert [stop.seconds for stop in stops] == [8.0]
    assert doubling is None
    assert course_of(stops, None).doubling_sentence == "the search was too short to say what more of it would bring"


def test_what_it_cost_and_what_a_point_must_be_worth() -> None:
    stops, _ = read(search([1.0] * 8))
    more = Estimate(0.005, 0.0, 0.02, 100, 0.9)
    found = course_of(stops, more, price=Price(4.0, "EUR"))
    assert found.money == 2.0  # half an hour of it
    assert found.watt_hours == CORE_WATTS  # an hour of one core
    assert found.doubling_sentence.endswith("it costs 2 EUR, so 0.01 of it must be worth 4 or more")
    assert "2 EUR, about 12 Wh" in found.spent_sentence
    assert found.to_dict()["spent"]["money"] == 2.0
    assert found.lines()[1] == "the default would do as well as what was found with a chance of 25%"
