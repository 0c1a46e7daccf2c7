"""Tree-Parzen search: what sets it apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from luthier.space import Categorical, Float, Parameter, SearchSpace
from luthier.strategies import STRATEGIES, Observation
from luthier.testing.strategies import answer, example_spaces, observed, played

SQUARE = SearchSpace((Parameter("x", Float(0.0, 1.0)), Parameter("y", Float(0.0, 1.0))))


def studied(space: SearchSpace, n: int, seed: int = 0) -> list[Observation]:
    rng = np.random.default_rng(seed)
    return [observed(space, trial, space.sample(rng)) for trial in range(n)]


def suggested(history: list[Observation], n: int = 60, space: SearchSpace = SQUARE) -> np.ndarray:
    """(n, d) coordinates of what is suggested after the same history with different randomness."""
    search = STRATEGIES["tpe"].for_study(space, seed=0, n_trials=None)
    suggestions = [answer(search, space, history, seed) for seed in range(n)]
    return space.to_units([s.config for s in suggestions if s is not None])


def test_the_first_five_are_drawn_at_random_and_then_the_model_speaks() -> None:
    search = STRATEGIES["tpe"].for_study(SQUARE, seed=0, n_trials=None)
    history = studied(SQUARE, 5)
    early, late = answer(search, SQUARE, history[:4]), answer(search, SQUARE, history)
    assert early is not None
    assert late is not None
    assert early.why == "drawn at random: 4 results are too few"
    assert "times as likely like the best of 5 as like the rest" in late.why


def test_it_says_near_which_trial_it_drew() -> None:
    history = studied(SQUARE, 40)
    search = STRATEGIES["tpe"].for_study(SQUARE, seed=0, n_trials=None)
    best = {o.trial for o in sorted(history, key=lambda o: o.loss)[:4]}
    for seed in range(20):
        suggestion = answer(search, SQUARE, history, seed)
        assert suggestion is not None
        assert suggestion.evidence is not None
        assert suggestion.evidence.distance is not None
        if suggestion.mode == "exploit":
            assert int(suggestion.why.split("near trial ")[1].split(";")[0]) in best
        else:
            assert suggestion.why.startswith("from anywhere in the space")


def test_failures_repel() -> None:
    history = studied(SQUARE, 30)
    rng = np.random.default_rng(1)
    there = np.array([0.3, 0.3])  # where the losses are smallest
    failed = [
        Observation(30 + k, SQUARE.from_unit(there + rng.normal(0, 0.05, 2)), "failed", math.nan, math.nan, 1.0, 0, 5)
        for k in range(30)
    ]
    far = [float(np.linalg.norm(suggested(h) - there, axis=1).mean()) for h in (history, history + failed)]
    assert far[1] > 1.3 * far[0]


def test_trials_that_are_running_repel() -> None:
    history = studied(SQUARE, 30)
    there = suggested(history).mean(axis=0)
    running = [Observation(30 + k, SQUARE.from_unit(there), "running", math.nan, math.nan, 0.0, 0, 5) for k in range(8)]
    far = [float(np.linalg.norm(suggested(h) - there, axis=1).mean()) for h in (history, history + running)]
    assert far[1] > far[0]


def test_where_few_were_trained_to_the_end_it_learns_from_shorter_trainings() -> None:
    space, rng = SQUARE, np.random.default_rng(0)
    short = [
        Observation(k, c, "partial", float(np.sum((space.to_unit(c) - 0.8) ** 2)), math.nan, 1.0, 0, 1, 0.25)
        for k, c in enumerate(space.sample(rng) for _ in range(40))
    ]
    misleading = Observation(40, space.from_unit([0.1, 0.1]), "complete", -1.0, math.nan, 1.0, 1, 1)
    assert np.linalg.norm(suggested([*short, misleading]).mean(axis=0) - 0.8) < 0.35
    # two of the whole length and more say otherwise, and count for more
    whole = [
        Observation(41 + k, space.from_unit(rng.uniform(0, 0.2, 2)), "complete", -1.0, math.nan, 1.0, 1, 1)
        for k in range(12)
    ]
    assert np.linalg.norm(suggested([*short, misleading, *whole]).mean(axis=0) - 0.1) < 0.35


def test_a_branch_learns_from_its_own_trials() -> None:
    space = SearchSpace(
        (
            Parameter("model", Categorical(("svm", "forest"))),
            Parameter("C", Float(0.0, 1.0), (("model", ("svm",)),)),
            Parameter("depth", Float(0.0, 1.0), (("model", ("forest",)),)),
        )
    )
    rng = np.random.default_rng(0)
    history = []
    for trial in range(60):
        config = space.sample(rng)
        loss = abs(config["C"] - 0.9) if "C" in config else 0.3 + abs(config["depth"] - 0.1)
        history.append(Observation(trial, config, "complete", loss, 0.01, 1.0, 5, 5))
    units = suggested(history, 100, space)
    svm = units[:, 0] == 0.25
    assert svm.mean() > 0.7
    assert abs(np.median(units[svm, 1]) - 0.9) < 0.1


def test_a_small_space_is_searched_to_its_end() -> None:
    space = example_spaces()["few configurations"]
    history = played(STRATEGIES["tpe"], space, 200)
    assert {space.key(o.config) for o in history} == {space.key(c) for c in space.grid(18)[0]}


@pytest.mark.parametrize("name", ["mixed", "conditional"])
def test_it_never_repeats_what_was_tried_where_there_is_room(name: str) -> None:
    space = example_spaces()[name]
    history = played(STRATEGIES["tpe"], space, 60)
    keys = [space.key(o.config) for o in history if len(o.config) > 1]  # one model has nothing to set
    assert len(set(keys)) == len(keys)
