"""CMA-ES: what sets it apart."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable

import numpy as np
import pytest

from luthier.errors import MissingExtra
from luthier.space import Categorical, Config, Float, Int, Parameter, SearchSpace
from luthier.strategies import STRATEGIES, Observation, Suggestion
from luthier.testing.strategies import answer, example_spaces, loss_of, played

CUBE = SearchSpace(tuple(Parameter(f"x{k}", Float(0.0, 1.0)) for k in range(5)))
GENERATION = 8  # 4 + floor(3 ln 5)


def draws(history: list[Observation], space: SearchSpace, n: int) -> list[Suggestion]:
    """Ask n times, each time with another generator."""
    strategy = STRATEGIES["cmaes"].for_study(space, seed=0, n_trials=None)
    suggestions = [answer(strategy, space, history, seed) for seed in range(n)]
    return [suggestion for suggestion in suggestions if suggestion is not None]


def drawn(history: list[Observation]) -> Suggestion:
    return draws(history, CUBE, 1)[0]


def searched(space: SearchSpace, n: int, loss: Callable[[Config], float], seed: int = 0) -> list[Observation]:
    """Let it search by itself."""
    strategy = STRATEGIES["cmaes"].for_study(space, seed=0, n_trials=None)
    history: list[Observation] = []
    while len(history) < n:
        suggestion = answer(strategy, space, history, seed)
        assert suggestion is not None
        value = loss(suggestion.config)
        history.append(Observation(len(history), suggestion.config, "complete", value, 0.0, 1.0, 5, 5))
    return history


def test_a_missing_library_is_named_with_the_extra_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cmaes", None)
    with pytest.raises(MissingExtra, match=r"(?s)'cmaes' needs the library 'cmaes'.*pip install 'luthier\[cmaes\]'"):
        STRATEGIES["cmaes"].for_study(CUBE, seed=0, n_trials=None)


def test_the_first_generation_explores_around_the_middle_and_the_next_exploits_it() -> None:
    points = np.array([CUBE.to_unit(s.config) for s in draws([], CUBE, 200)])
    assert np.abs(points.mean(axis=0) - 0.5).max() < 4 * 0.3 / math.sqrt(200)
    history = played(STRATEGIES["cmaes"], CUBE, GENERATION)
    assert drawn(history[:-1]).mode == "explore"
    assert drawn(history).mode == "exploit"


def test_only_the_ranks_of_losses_count() -> None:
    history = played(STRATEGIES["cmaes"], CUBE, 40)
    warped = [dataclasses.replace(o, loss=math.exp(9 * o.loss)) for o in history]
    assert drawn(history).config == drawn(warped).config


def test_a_failed_trial_counts_as_the_worst_and_one_still_running_not_at_all() -> None:
    history = played(STRATEGIES["cmaes"], CUBE, 2 * GENERATION)
    third = history[3]
    failed = dataclasses.replace(third, state="failed", loss=math.nan)
    worst = dataclasses.replace(third, loss=1e6)
    running = dataclasses.replace(third, state="running", loss=math.nan, folds_done=0)
    as_failed = [*history[:3], failed, *history[4:]]
    assert drawn(as_failed).config == drawn([*history[:3], worst, *history[4:]]).config
    assert drawn([*history[:3], running, *history[4:]]).config != drawn(as_failed).config


def test_a_choice_that_wins_takes_over_and_the_others_keep_a_chance() -> None:
    space = SearchSpace((Parameter("x", Float(0.0, 1.0)), Parameter("model", Categorical(("a", "b", "c", "d")))))
    history = searched(space, 150, lambda config: "cdba".index(str(config["model"])) + float(str(config["x"])))
    models = [s.config["model"] for s in draws(history, space, 300)]
    # the margin leaves 1 - 0.73 = 0.27 to be shared by the other choices
    assert models.count("c") > 300 * (0.73 - 4 * math.sqrt(0.73 * 0.27 / 300))
    assert set(models) == set("abcd")


def test_whole_numbers_keep_a_chance_to_change() -> None:
    space = SearchSpace((Parameter("x", Float(0.0, 1.0)), Parameter("depth", Int(1, 9))))
    history = searched(space, 150, lambda config: abs(float(str(config["depth"])) - 7) + float(str(config["x"])))
    depths = [s.config["depth"] for s in draws(history, space, 100)]
    assert 40 < depths.count(7) < 100


def test_parameters_inactive_in_the_winners_stay_open() -> None:
    space = example_spaces()["conditional"]
    history = searched(space, 150, lambda config: 0.0 if config["model"] == "constant" else 1.0)
    found = [math.log10(float(str(s.config["svm.C"]))) for s in draws(history, space, 600) if "svm.C" in s.config]
    assert len(found) > 20
    assert np.std(found) / 6 > 0.15  # half of what it began with, long after the winners have drawn together


@pytest.mark.parametrize("seed", range(3))
def test_it_descends_into_a_bowl(seed: int) -> None:
    history = searched(CUBE, 120, lambda config: loss_of(CUBE, config), seed)
    # 120 random points: the nearest is expected where 120 balls of its distance fill the cube, 5.26 r^5 = 1 / 120
    assert min(o.loss for o in history) < 0.6 * (1 / (120 * 5.26)) ** (2 / 5)
