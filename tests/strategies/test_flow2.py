"""Local steps: what sets them apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from luthier.space import Bool, Categorical, Config, Float, Int, Parameter, SearchSpace
from luthier.strategies import STRATEGIES, Observation, Suggestion
from luthier.testing.strategies import answer, observed

CUBE = SearchSpace(tuple(Parameter(f"x{k}", Float(0.0, 1.0)) for k in range(5)))
START = CUBE.from_unit([0.5] * 5)


def trial(number: int, config: Config, loss: float) -> Observation:
    return Observation(number, config, "complete", loss, 0.0, 1.0, 5, 5)


def next_step(history: list[Observation], space: SearchSpace = CUBE, seed: int = 0) -> Suggestion:
    suggestion = answer(STRATEGIES["flow2"].for_study(space, seed=0, n_trials=None), space, history, seed)
    assert suggestion is not None
    return suggestion


def units(suggestion: Suggestion) -> np.ndarray:
    return CUBE.to_unit(suggestion.config)


def walked(history: list[Observation], n: int, loss: float) -> list[Observation]:
    """Let it take n more steps that all have the same loss."""
    for _ in range(n):
        history = [*history, trial(len(history), dict(next_step(history).config), loss)]
    return history


def test_the_first_step_leaves_the_default_in_a_random_direction_and_has_the_first_length() -> None:
    steps = np.array([units(next_step([trial(0, dict(START), 1.0)], seed=seed)) - 0.5 for seed in range(200)])
    np.testing.assert_allclose(np.sqrt((steps**2).mean(axis=1)), 0.2, rtol=1e-9)
    # each coordinate of a uniform direction has variance 0.2^2; the mean of 200 has a fourteenth of that deviation
    assert (np.abs(steps.mean(axis=0)) < 4 * 0.2 / math.sqrt(200)).all()


def test_a_step_that_failed_is_followed_by_the_opposite_one_and_then_by_a_new_direction() -> None:
    history = walked([trial(0, dict(START), 1.0)], 3, loss=2.0)
    first, second, third = (CUBE.to_unit(o.config) - 0.5 for o in history[1:])
    np.testing.assert_allclose(second, -first, atol=1e-12)
    assert abs(float(third @ first)) < 0.999 * float(first @ first)


def test_it_moves_to_whatever_is_better_also_when_somebody_else_found_it() -> None:
    found = trial(1, {f"x{k}": 0.9 for k in range(5)}, 0.5)
    suggestion = next_step([trial(0, dict(START), 1.0), found, trial(2, dict(START), 0.7)])
    assert suggestion.why.startswith("from trial 1, a step of 0.2")
    assert suggestion.mode == "exploit"


def test_steps_get_shorter_when_sixteen_in_a_row_have_failed() -> None:
    history = walked([trial(0, dict(START), 1.0)], 16, loss=2.0)
    assert "a step of 0.16" in next_step(history).why
    assert "a step of 0.2" in next_step(history[:15]).why


def test_the_failures_of_others_far_away_do_not_shorten_the_steps() -> None:
    far = {f"x{k}": 1.0 if k % 2 else 0.0 for k in range(5)}
    history = [trial(0, dict(START), 1.0), *(trial(k, far, 2.0) for k in range(1, 40))]
    assert "a step of 0.2" in next_step(history).why


def test_a_walk_that_has_come_to_its_end_is_followed_by_another_from_a_random_place() -> None:
    history = walked([trial(0, dict(START), 1.0)], 16, loss=2.0)
    while (suggestion := next_step(history)).mode == "exploit":
        history = walked(history, 16, loss=2.0)
    assert len(history) == 1 + 16 * 11  # 0.2 * 0.8^11 < 0.02
    assert suggestion.why == "drawn at random: a new walk begins"
    history = [*history, trial(len(history), dict(suggestion.config), 1.5)]
    assert next_step(history).why == f"from trial {len(history) - 1}, a step of 0.2 in a random direction"


def test_whole_numbers_and_choices_move_too() -> None:
    space = SearchSpace(
        (Parameter("depth", Int(1, 3)), Parameter("kind", Categorical(("a", "b", "c"))), Parameter("bagging", Bool()))
    )
    start = trial(0, {"depth": 2, "kind": "b", "bagging": False}, 1.0)
    seen = [next_step([start], space, seed).config for seed in range(60)]
    assert {c["depth"] for c in seen} == {1, 2, 3}
    assert {c["kind"] for c in seen} == {"a", "b", "c"}
    assert {c["bagging"] for c in seen} == {False, True}
    assert start.config not in seen


@pytest.mark.parametrize("seed", range(3))
def test_it_descends_into_a_bowl(seed: int) -> None:
    history = [observed(CUBE, 0, CUBE.from_unit([0.9] * 5))]
    while len(history) < 120:
        history.append(observed(CUBE, len(history), next_step(history, seed=seed).config))
    # 120 random points: the nearest is expected where 120 balls of its distance fill the cube, 5.26 r^5 = 1 / 120
    assert min(o.loss for o in history) < 0.6 * (1 / (120 * 5.26)) ** (2 / 5)
