from __future__ import annotations

import math

import numpy as np

from luthier.space import Config, SearchSpace
from luthier.strategies import Observation
from luthier.strategies.gaussian_process import GaussianProcess
from luthier.strategies.gp.effort import Effort
from luthier.strategies.gp.encoding import Encoding
from luthier.testing.strategies import answer, played

SPACE = SearchSpace.parse(
    {"model": {"trees": {"rounds": (10, 1000, "log")}, "linear": {"penalty": (1e-3, 1e3, "log")}}}
)


def seconds(config: Config) -> float:
    return float(0.01 * config["rounds"] ** 1.2 if config["model"] == "trees" else 0.05 * config["penalty"] ** -0.3)


def test_powers_of_parameters_within_each_family_are_learned() -> None:
    encoding = Encoding.of(SPACE)
    effort = Effort.learned(SPACE, encoding, seconds, seed=0)
    others = [SPACE.sample(np.random.default_rng(seed)) for seed in range(1000, 1300)]
    true = np.log([seconds(config) for config in others])
    errors = effort(encoding(SPACE.to_units(others))) - true
    assert errors.std() < 0.05 * true.std()


def test_a_search_that_minds_the_cost_does_not_pay_for_what_brings_nothing() -> None:
    space = SearchSpace.parse({"x": (0.0, 1.0), "rounds": (10, 1000, "log")})

    def spent(minding: bool) -> float:
        strategy = GaussianProcess.for_study(space, seed=0, n_trials=None)
        strategy = strategy.minding(space, lambda config: float(config["rounds"]), seed=0) if minding else strategy
        history: list[Observation] = []
        for number in range(20):
            suggestion = answer(strategy, space, history)
            assert suggestion is not None
            loss = (suggestion.config["x"] - 0.3) ** 2
            history.append(Observation(number, suggestion.config, "complete", loss, math.nan, 1.0, 5, 5))
        return float(np.median([o.config["rounds"] for o in history[8:]]))

    assert spent(minding=True) < 0.5 * spent(minding=False)


def test_it_keeps_below_what_there_was_no_time_for() -> None:
    strategy = GaussianProcess.for_study(SPACE, seed=0, n_trials=None)
    history = played(GaussianProcess, SPACE, 10)
    too_long = {"model": "trees", "rounds": 40}
    history.append(Observation(10, too_long, "skipped", math.nan, math.nan, 0.0, 0, 5))
    for number in range(11, 20):
        suggestion = answer(strategy.minding(SPACE, seconds, seed=0), SPACE, history)
        assert suggestion is not None
        assert seconds(suggestion.config) < 1.3 * seconds(too_long)
        history.append(Observation(number, suggestion.config, "complete", 0.5, math.nan, 1.0, 5, 5))
