"""Differential evolution: what sets it apart."""

from __future__ import annotations

import re

import numpy as np
import pytest

from luthier.space import Categorical, Config, Float, Parameter, SearchSpace
from luthier.strategies import STRATEGIES, Observation, Suggestion
from luthier.testing.strategies import answer, observed

CUBE = SearchSpace(tuple(Parameter(f"x{k}", Float(0.0, 1.0)) for k in range(5)))


def child(history: list[Observation], space: SearchSpace = CUBE, seed: int = 0) -> Suggestion:
    suggestion = answer(STRATEGIES["evolution"].for_study(space, seed=0, n_trials=None), space, history, seed)
    assert suggestion is not None
    return suggestion


def test_ten_results_are_awaited_before_anything_breeds() -> None:
    rng = np.random.default_rng(3)
    history = [observed(CUBE, k, CUBE.sample(rng)) for k in range(10)]
    assert child(history[:9]).mode == "explore"
    assert child(history).mode == "exploit"


def test_a_child_is_the_best_ones_plus_a_share_of_the_difference_between_two_others() -> None:
    # four points, each as good as the others of its kind, so that each difference is one of few
    corners = [(0.4, 0.4), (0.4, 0.6), (0.6, 0.4), (0.6, 0.6)]
    space = SearchSpace((Parameter("x", Float(0.0, 1.0)), Parameter("y", Float(0.0, 1.0))))
    history = [
        Observation(k, {"x": corners[k % 4][0], "y": corners[k % 4][1]}, "complete", k, 0.0, 1.0, 5, 5)
        for k in range(12)
    ]
    residuals = []
    for seed in range(300):
        suggestion = child(history, space, seed)
        best, a, b = (int(number) for number in re.findall(r"\d+", suggestion.why))
        assert best < 4
        for j, name in enumerate(("x", "y")):
            moved = suggestion.config[name] - corners[best % 4][j]
            if moved != 0:  # the coordinate was crossed
                residuals.append(moved - 0.6 * (corners[a % 4][j] - corners[b % 4][j]))
    # what is left is the normal step of 0.1; 0.3 of the draws leave a coordinate as it was, the forced one apart
    assert len(residuals) == pytest.approx(300 * 2 * (0.7 + 0.3 * 0.5), abs=4 * np.sqrt(600 * 0.85 * 0.15))
    assert abs(np.mean(residuals)) < 4 * 0.1 / np.sqrt(len(residuals))
    assert np.std(residuals) == pytest.approx(0.1, rel=4 / np.sqrt(2 * len(residuals)))


def test_a_choice_is_mostly_inherited() -> None:
    space = SearchSpace((Parameter("x", Float(0.0, 1.0)), Parameter("kind", Categorical(tuple("abcdef")))))
    rng = np.random.default_rng(0)
    history = []
    for k in range(60):
        config: Config = space.sample(rng)
        history.append(Observation(k, config, "complete", float(config["kind"] != "c"), 0.0, 1.0, 5, 5))
    kinds = [child(history, space, seed).config["kind"] for seed in range(200)]
    share = sum(o.config["kind"] == "c" for o in history) / 20  # of the population; the four best have it, too
    # 0.85 of the children are crossed there (0.7, or forced: half of 0.3), four in five of those inherit
    expected = 0.15 + 0.85 * (0.8 * share + 0.2 / 6)
    assert kinds.count("c") == pytest.approx(200 * expected, abs=4 * np.sqrt(200 * expected * (1 - expected)))
    assert set(kinds) == set("abcdef")


@pytest.mark.parametrize("seed", range(3))
def test_it_descends_into_a_bowl(seed: int) -> None:
    history = [observed(CUBE, 0, CUBE.from_unit([0.9] * 5))]
    while len(history) < 120:
        history.append(observed(CUBE, len(history), child(history, seed=seed).config))
    # 120 random points: the nearest is expected where 120 balls of its distance fill the cube, 5.26 r^5 = 1 / 120
    assert min(o.loss for o in history) < 0.6 * (1 / (120 * 5.26)) ** (2 / 5)
