"""Losses of trials that were carried unequally far."""

from __future__ import annotations

import math
from typing import Literal

import pytest

from luthier.strategies import Observation
from luthier.strategies.comparable import comparable


def observation(
    loss: float,
    fidelity: float = 1.0,
    curve: tuple[tuple[float, float], ...] = (),
    state: Literal["running", "partial", "complete", "failed"] | None = None,
) -> Observation:
    state = state or ("complete" if fidelity == 1 else "partial")
    return Observation(0, {}, state, loss, math.nan, 1.0, int(state == "complete"), 1, fidelity, curve)


def test_whole_trials_keep_their_losses_and_failed_and_running_ones_have_none() -> None:
    history = [observation(0.3), observation(math.nan, state="failed"), observation(math.nan, state="running")]
    losses, level = comparable(history, enough=1)
    assert losses.tolist() == [0.3, math.inf, math.inf]
    assert level == 1


def test_trials_are_compared_at_the_highest_fidelity_that_enough_have_reached() -> None:
    halved = [observation(0.1 * k, 0.25) for k in range(4)] + [observation(0.3, 0.5), observation(0.2, 0.5)]
    history = [*halved, observation(0.25, 1.0, ((0.25, 0.9), (0.5, 0.4)))]
    for enough, level in ((1, 1.0), (2, 0.5), (3, 0.5), (4, 0.25), (99, 0.25)):
        assert comparable(history, enough)[1] == level
    assert comparable(history, 3)[0].tolist() == [math.inf] * 4 + [0.3, 0.2, 0.4]  # the last one from its curve


def test_a_trial_that_went_further_without_a_curve_counts_with_the_loss_it_has() -> None:
    losses, level = comparable([observation(0.5, 0.5), observation(0.2)], enough=2)
    assert (losses.tolist(), level) == ([0.5, 0.2], 0.5)


@pytest.mark.parametrize(("sd", "loss"), [(0.05, 0.25), (math.nan, math.inf)])
def test_some_of_the_folds_count_with_a_standard_deviation_on_top(sd: float, loss: float) -> None:
    some = Observation(0, {}, "partial", 0.2, sd, 1.0, 2, 5)
    assert comparable([some, observation(0.3)], enough=1)[0].tolist() == [pytest.approx(loss), 0.3]


def test_without_any_loss_everything_is_unknown() -> None:
    assert comparable([observation(math.inf), observation(math.nan, state="failed")], 3)[0].tolist() == [math.inf] * 2
