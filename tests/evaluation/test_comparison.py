"""Strategies weighed against each other: the numbers, against slow versions, and the sentence that follows."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from luthier.evaluation import FRACTIONS, Comparison, Step, Trace, compared
from luthier.evaluation.comparison import mean_ranks

END_S = 10.0
DEFAULT = 0.50


def a_trace(name: str, repeat: int, found: list[tuple[float, float | None]], folds: Any = ()) -> Trace:
    """The default after one second, then (seconds, score) as given."""
    steps = [Step(1.0, 1.0 / END_S, DEFAULT, "default", folds and tuple(DEFAULT + f for f in folds))]
    for number, (seconds, score) in enumerate(found, start=1):
        own = tuple(score + f for f in folds) if score is not None and folds else ()
        steps.append(Step(seconds, seconds / END_S, score, "explore", own, number))
    return Trace(name, repeat, tuple(steps), END_S, fits=5 * len(steps))


def weighed(traces: list[Trace], *, greater_is_better: bool = True, budget: str = "5m") -> Comparison:
    return compared(
        traces,
        greater_is_better=greater_is_better,
        test_to_train=0.25,
        budget=budget,
        end_s=END_S,
        rng=np.random.default_rng(0),
    )


def ending(name: str, *finals: float, folds: Any = ()) -> list[Trace]:
    """Repeats that find their last score after two seconds."""
    return [a_trace(name, r, [(2.0, final)], folds) for r, final in enumerate(finals)]


found = st.lists(
    st.tuples(st.floats(1.5, END_S), st.one_of(st.none(), st.floats(0, 1).map(lambda v: round(v, 2)))), max_size=6
).map(lambda steps: sorted(steps, key=lambda step: step[0]))


def best_until(trace: Trace, seconds: float, *, greater: bool) -> float:
    pick = max if greater else min
    return pick(s.score for s in trace.steps if s.score is not None and s.seconds <= seconds)


@given(runs=st.lists(found, min_size=4, max_size=4), greater=st.booleans())
def test_curves_are_the_mean_and_the_span_of_the_best_so_far_of_the_repeats(runs: Any, greater: bool) -> None:
    traces = [a_trace("ab"[i // 2], i % 2, steps) for i, steps in enumerate(runs)]
    for contender in weighed(traces, greater_is_better=greater).contenders:
        own = [trace for trace in traces if trace.strategy == contender.name]
        for point in contender.curve:
            values = [best_until(trace, point.seconds, greater=greater) for trace in own]
            assert point.value == pytest.approx(np.mean(values), abs=1e-12)
            assert (point.low, point.high) == (min(values), max(values))
        assert contender.curve[-1].seconds == END_S
        assert contender.curve[-1].value == pytest.approx(contender.score.value, abs=1e-12)
        assert contender.at == (
            *(pytest.approx(np.mean([best_until(x, f * END_S, greater=greater) for x in own])) for f in FRACTIONS),
        )


@given(
    losses=st.lists(st.integers(0, 4), min_size=24, max_size=24).map(
        lambda v: np.asarray(v, dtype=float).reshape(3, 2, 4)
    )
)
def test_a_mean_rank_is_the_average_over_all_ways_to_pair_repeats(losses: Any) -> None:
    S, R, T = losses.shape
    slow = np.zeros(S)
    ways = list(itertools.product(range(R), repeat=S))  # one repeat of every strategy
    for way in ways:
        for time in range(T):
            now = [losses[i, way[i], time] for i in range(S)]
            slow += [1 + sum((b < a) + (b == a) / 2 for j, b in enumerate(now) if j != i) for i, a in enumerate(now)]
    ranks = mean_ranks(losses, np.random.default_rng(0), n_draws=50)
    assert [r.value for r in ranks] == pytest.approx(list(slow / len(ways) / T))
    assert sum(r.value for r in ranks) == pytest.approx(S * (S + 1) / 2)
    assert all(1 <= r.low <= r.value + 1e-12 <= r.high + 2e-12 <= S + 3e-12 for r in ranks)


def test_rank_intervals_hold_their_promise_at_three_repeats() -> None:
    rng, hits, n = np.random.default_rng(1), 0, 200
    shift = np.array([0.0, 0.5, 1.0])
    # The true mean rank of the first: it is behind j with the chance that N(shift_j, 2) is below zero.
    truth = 1 + sum(0.5 * math.erfc(s / 2) for s in shift[1:])
    for _ in range(n):
        losses = (shift[:, None] + rng.normal(size=(3, 3)))[:, :, None]
        rank = mean_ranks(losses, rng, n_draws=300)[0]
        hits += rank.low <= truth <= rank.high
    # 95 % less three standard errors of 200 draws; three repeats are few, and more than promised is no fault.
    assert hits / n >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / n)


def test_seconds_to_a_score_are_those_of_the_first_step_that_reached_it() -> None:
    traces = [a_trace("a", 0, [(2.0, 0.6), (4.0, 0.8)]), a_trace("a", 1, [(3.0, 0.7), (9.0, 0.9)])]
    traces += [a_trace("random", 0, [(2.0, 0.7)]), a_trace("random", 1, [(8.0, 0.7)])]
    comparison = weighed(traces)
    (target,) = comparison.targets
    assert target.name == "random"
    assert target.score == pytest.approx(0.7)
    reached = {c.name: c.reached[0] for c in comparison.contenders}
    assert (reached["a"].seconds, reached["a"].repeats) == (3.5, 2)
    assert (reached["random"].seconds, reached["random"].repeats) == (5.0, 2)


def test_the_score_of_the_strategies_carries_the_t_interval_of_its_repeats() -> None:
    finals = [0.80, 0.83, 0.82]
    score = weighed([*ending("a", *finals), *ending("b", 0.7, 0.7, 0.7)]).contenders[0].score
    half = t.ppf(0.975, 2) * np.std(finals, ddof=1) / math.sqrt(3)
    assert (score.value, score.low, score.high) == pytest.approx(
        (np.mean(finals), np.mean(finals) - half, np.mean(finals) + half)
    )


@pytest.mark.parametrize("greater", [True, False])
def test_the_best_comes_first_whichever_way_the_metric_points(greater: bool) -> None:
    traces = [*ending("low", 0.2, 0.25), *ending("high", 0.8, 0.9)]
    if not greater:  # the default of 0.5 stays the best of "high"
        assert weighed(traces, greater_is_better=False).contenders[0].name == "low"
    else:
        assert weighed(traces).contenders[0].name == "high"


def test_a_lead_within_luck_is_called_luck_and_a_clear_one_is_advice() -> None:
    clear = weighed([*ending("auto", 0.90, 0.901, 0.902), *ending("random", 0.80, 0.801, 0.799)])
    assert clear.advice == "for 5m on these data: auto; random is 0.1 worse and costs the same"
    vague = weighed([*ending("auto", 0.90, 0.80, 0.85), *ending("random", 0.80, 0.89, 0.84)])
    assert "no difference worth a choice between auto and random" in vague.advice
    assert not vague.contenders[1].surely_behind


def test_what_ends_behind_chance_is_not_worth_it() -> None:
    traces = [*ending("auto", 0.900, 0.901, 0.902), *ending("random", 0.890, 0.891, 0.892)]
    advice = weighed([*traces, *ending("grid", 0.700, 0.701, 0.702)]).advice
    assert "random is 0.01 worse and costs the same" in advice
    assert "grid is not worth it" in advice


def test_one_repeat_and_nothing_gained_are_said_as_they_are() -> None:
    assert "one repeat cannot tell skill from luck" in weighed([*ending("a", 0.9), *ending("b", 0.6)]).advice
    nothing = weighed([*ending("a", 0.4, 0.3), *ending("b", 0.2, 0.5)])
    assert "no strategy found anything better than the default" in nothing.advice


def equal_strategies(rng: np.random.Generator, n_strategies: int) -> list[Trace]:
    """Strategies of one skill: what they end with differs by luck of the search only, on folds that agree about it."""
    traces = []
    for i in range(n_strategies):
        for repeat in range(3):
            final = 0.8 + 0.01 * rng.normal()
            traces += [replace(trace, repeat=repeat) for trace in ending(f"s{i}", final)]
    return traces


def test_equal_strategies_are_seldom_told_apart_however_many_there_are() -> None:
    rng, n = np.random.default_rng(2), 200
    wrong = sum(any(c.surely_behind for c in weighed(equal_strategies(rng, 5)).contenders) for _ in range(n))
    # One comparison in twenty may err; three standard errors of 200 simulated ones on top.
    assert wrong / n <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / n)


def test_repeats_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="the same repeats"):
        weighed([*ending("a", 0.9, 0.8), *ending("b", 0.6)])
    with pytest.raises(ValueError, match="has no score"):
        weighed([Trace("a", 0, (), 1.0), Trace("b", 0, (), 1.0)])
