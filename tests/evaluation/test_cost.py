"""Judging takes the time it is given, and is thorough enough whatever that is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.evaluation.cost import (
    BESIDE,
    FEWEST_BLEND_REPLAYS,
    FEWEST_OWN_REPLAYS,
    FEWEST_REPLAYS,
    MOST_BLEND_REPLAYS,
    MOST_REPLAYS,
    Effort,
    finish_effort,
    replay_s,
)
from luthier.scoring import Metric, get_metric

METRICS = {
    "roc_auc": get_metric("roc_auc", "binary"),
    "log_loss": get_metric("log_loss", "multiclass"),
    "rmse": get_metric("rmse", "regression"),
    "own": get_metric(lambda y, p: float((y == p).mean()), "regression", greater_is_better=True),
}
sizes = st.integers(10, 200_000)


def effort(
    allowed_s: float,
    metric: Metric,
    *,
    rows: int = 10_000,
    units: int = 10_000,
    outputs: int = 1,
    configs: int = 30,
    blend: bool = True,
    call_s: float = 0.002,
    groups: int = 0,
) -> Effort:
    return Effort.within(
        allowed_s,
        metric,
        rows=rows,
        units=units,
        outputs=outputs,
        configs=configs,
        blend=blend,
        call_s=call_s,
        groups=groups,
    )


@given(
    name=st.sampled_from(sorted(METRICS)),
    allowed_s=st.floats(0.1, 1000),
    rows=sizes,
    outputs=st.integers(1, 40),
    configs=st.integers(1, 200),
    blend=st.booleans(),
)
def test_what_fits_the_time_is_within_it_and_nothing_is_less_thorough_than_the_fewest_replays(
    name: str, allowed_s: float, rows: int, outputs: int, configs: int, *, blend: bool
) -> None:
    found = effort(allowed_s, METRICS[name], rows=rows, units=rows, outputs=outputs, configs=configs, blend=blend)
    fewest = FEWEST_OWN_REPLAYS if name == "own" else FEWEST_REPLAYS
    assert fewest <= found.replays <= MOST_REPLAYS
    assert found.blend_replays == 0 or FEWEST_BLEND_REPLAYS <= found.blend_replays <= MOST_BLEND_REPLAYS
    # A blend is compared with the choice of one draw by draw.
    assert found.blend_replays <= found.replays
    assert 1 <= found.configs <= configs
    spare = found.replays > fewest and found.blend_replays not in range(1, FEWEST_BLEND_REPLAYS + 1)
    least_s = 0.002 * (2 + BESIDE) * FEWEST_OWN_REPLAYS if name == "own" else 0.0
    assert found.seconds <= max(allowed_s, least_s) * 1.001 or not spare


def test_without_a_limit_of_time_all_replays_are_made() -> None:
    found = effort(math.inf, METRICS["roc_auc"])
    assert (found.replays, found.blend_replays, found.configs) == (MOST_REPLAYS, MOST_BLEND_REPLAYS, 30)


def test_a_slow_function_of_the_users_is_asked_about_fewer_configurations_and_never_about_blends() -> None:
    found = effort(2.0, METRICS["own"], configs=200, call_s=0.01)
    assert found.configs == 2
    assert found.blend_replays == 0
    assert found.seconds == pytest.approx(3.0, abs=0.1)  # of two, each drawn fifty times, with four calls beside


def test_few_units_are_cheap_to_judge_by_roc_auc() -> None:
    few, many = (
        replay_s(METRICS["roc_auc"], rows=40_000, units=units, outputs=1, configs=10, replays=MOST_REPLAYS)
        for units in (40, 40_000)
    )
    assert few < many / 5


@given(
    allowed_s=st.floats(0.1, 1000), rows=sizes, outputs=st.integers(1, 40), choose_one_s=st.sampled_from([0.0, 0.01])
)
def test_the_last_steps_are_replayed_as_often_as_there_is_time_for(
    allowed_s: float, rows: int, outputs: int, choose_one_s: float
) -> None:
    def ending(name: str) -> tuple[int, float]:
        return finish_effort(
            allowed_s, METRICS[name], rows=rows, outputs=outputs, most_replays=200, choose_one_s=choose_one_s
        )

    (replays, seconds), (_, chosen_s) = ending("log_loss"), ending("roc_auc")
    assert FEWEST_BLEND_REPLAYS <= replays <= 200
    assert seconds - chosen_s <= allowed_s * 1.001 or replays == FEWEST_BLEND_REPLAYS


def test_of_many_classes_one_recalibrator_competes_which_costs_little() -> None:
    ten_s, eleven_s = (
        finish_effort(1.0, METRICS["roc_auc"], rows=2000, outputs=k, most_replays=200, choose_one_s=0.0)[1]
        for k in (10, 11)
    )
    assert eleven_s < ten_s / 5


@given(
    name=st.sampled_from(sorted(METRICS)),
    allowed_s=st.floats(0.1, 1000),
    rows=sizes,
    outputs=st.integers(1, 40),
    groups=st.integers(1, 20),
)
def test_a_choice_by_more_than_one_score_is_replayed_as_often_as_there_is_time_for(
    name: str, allowed_s: float, rows: int, outputs: int, groups: int
) -> None:
    found = effort(allowed_s, METRICS[name], rows=rows, outputs=outputs, groups=groups)
    assert FEWEST_BLEND_REPLAYS <= found.replays <= MOST_REPLAYS
    assert found.blend_replays == 0
    assert found.seconds <= allowed_s * 1.001 or found.replays == FEWEST_BLEND_REPLAYS
    more = effort(allowed_s, METRICS[name], rows=rows, outputs=outputs, groups=groups + 1)
    assert more.replays <= found.replays  # groups cost time, and none is left out
