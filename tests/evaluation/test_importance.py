"""Which settings decided: held against functions whose shares are known."""

from __future__ import annotations

import numpy as np
import pytest

from luthier.evaluation.importance import Importance, SettingShare, shares_of
from luthier.space import Categorical, Float, Parameter, SearchSpace

SPACE = SearchSpace.parse(dict.fromkeys("abcde", (0.0, 1.0)))


def trials(n: int, seed: int, strengths: tuple[float, ...], noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    U = rng.random((n, 5))
    return U, U[:, : len(strengths)] @ np.array(strengths) + noise * rng.normal(size=n)


def test_the_shares_are_those_of_an_exact_analysis_of_variance() -> None:
    """Of min(4 a + 2 b, its upper quartile), worked out on a grid; forests of few trials see the weaker one less."""
    a, b = np.meshgrid((np.arange(400) + 0.5) / 400, (np.arange(400) + 0.5) / 400, indexing="ij")
    exact = 4 * a + 2 * b
    exact = np.minimum(exact, np.quantile(exact, 0.75))
    truth = [exact.mean(axis=1 - axis).var() / exact.var() for axis in (0, 1)]
    U, losses = trials(200, 0, (4.0, 2.0), 0.1)
    learned, names, shares = shares_of(SPACE, U, losses, np.random.default_rng(0), {})
    assert names == list("abcde")
    assert learned > 0.8
    assert shares[:2, 0] == pytest.approx(truth, abs=0.12)
    assert shares[2:, 0].max() < 0.03
    assert (shares[:2, 1] > shares[:2, 3]).all()
    assert not (shares[2:, 1] > shares[2:, 3]).any()


def test_settings_that_decide_nothing_are_hardly_ever_said_to_matter() -> None:
    """6 studies of noise with five settings each; at a level of 10 % it is 3 or more with probability 0.02."""
    wrong = 0
    for seed in range(6):
        U, losses = trials(40, seed, (), 1.0)
        learned, _, shares = shares_of(SPACE, U, losses, np.random.default_rng(seed), {})
        wrong += learned >= 0.1 and bool((shares[:, 1] > shares[:, 3]).any())
    assert wrong < 3


def test_a_setting_that_counts_in_half_of_the_space_is_judged_where_it_counts() -> None:
    """The loss is x where kind is a and 0.5 elsewhere: but for the cut of large losses its variance is that of x."""
    parameters = (Parameter("kind", Categorical(("a", "b"))), Parameter("x", Float(0, 1), when=(("kind", ("a",)),)))
    space = SearchSpace(parameters)
    rng = np.random.default_rng(0)
    configs = [space.sample(rng) for _ in range(150)]
    losses = np.array([config.get("x", 0.5) for config in configs], dtype=float)
    _, names, shares = shares_of(space, space.to_units(configs), losses, rng, {})
    assert names == ["kind", "x"]
    assert shares[1, 0] > 0.7
    assert shares[0, 0] < shares[1, 0] / 3


def test_it_says_what_mattered_and_what_is_not_told_from_chance() -> None:
    found = Importance(
        "lightgbm",
        60,
        0.7,
        (SettingShare("learning_rate", 0.6, 0.4, 0.7, 0.1), SettingShare("num_leaves", 0.05, 0.01, 0.2, 0.1)),
    )
    assert found.lines() == [
        "What decided the score of lightgbm, by 60 trials: learning_rate.",
        "learning_rate: 60% of the differences [40%, 70%]",
        "num_leaves: 5% of the differences [1%, 20%], not told from chance",
    ]
    assert [one["matters"] for one in found.to_dict()["settings"]] == [True, False]
