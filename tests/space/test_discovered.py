"""Reading an objective's space from what its trials asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.space import (
    Asked,
    Bool,
    Categorical,
    Distribution,
    Float,
    Int,
    Parameter,
    SearchSpace,
    discovered_space,
    restricted,
)
from luthier.space.parameter import When

patient = settings(max_examples=60)  # on a busy machine the clock says nothing about the code


class Recorder:
    """An objective's trial that draws everything and remembers what it was asked for."""

    def __init__(self, seed: int) -> None:
        self.asked: dict[str, tuple[Distribution, Any]] = {}
        self._rng = np.random.default_rng(seed)

    def ask(self, name: str, distribution: Distribution) -> Any:
        value = distribution.from_unit(self._rng.random())
        self.asked[name] = (distribution, value)
        return value


def trials_of(objective: Callable[[Recorder], None], n: int) -> list[Asked]:
    seen: list[Asked] = []
    for seed in range(n):
        trial = Recorder(seed)
        objective(trial)
        seen.append(trial.asked)
    return seen


def classifier_choice(trial: Recorder) -> None:
    if trial.ask("classifier", Categorical(("svm", "forest"))) == "svm":
        if trial.ask("kernel", Categorical(("rbf", "linear"))) == "rbf":
            trial.ask("gamma", Float(1e-4, 1, log=True))
        trial.ask("C", Float(1e-3, 1e3, log=True))
    else:
        trial.ask("max_depth", Int(2, 32, log=True))


def test_branches_of_an_if_become_conditions() -> None:
    space = discovered_space(trials_of(classifier_choice, 30))
    assert {p.name: p.when for p in space} == {
        "classifier": (),
        "kernel": (("classifier", ("svm",)),),
        "gamma": (("kernel", ("rbf",)),),
        "C": (("classifier", ("svm",)),),
        "max_depth": (("classifier", ("forest",)),),
    }


def test_layers_asked_for_in_a_loop_follow_from_their_number_also_where_it_was_not_seen_yet() -> None:
    layers = Int(1, 6)
    seen: list[Asked] = [
        {"n": (layers, n), **{f"units{i}": (Int(4, 128, log=True), 8 * (i + 1)) for i in range(n)}} for n in (2, 4, 1)
    ]
    space = discovered_space(seen)
    assert [space[f"units{i}"].when for i in range(4)] == [
        (),
        (("n", (2, 3, 4, 5, 6)),),
        (("n", (4, 5, 6)),),  # 3 is as near to 2 as to 4; the smaller one decides
        (("n", (4, 5, 6)),),
    ]


def test_two_conditions_joined_by_and_are_found_together() -> None:
    def objective(trial: Recorder) -> None:
        momentum = trial.ask("optimizer", Categorical(("sgd", "adam"))) == "sgd"
        if trial.ask("decay", Bool()) and momentum:
            trial.ask("rate", Float(0, 1))

    space = discovered_space(trials_of(objective, 30))
    assert dict(space["rate"].when) == {"optimizer": ("sgd",), "decay": (True,)}


def test_what_hangs_on_a_real_number_is_left_to_the_objective() -> None:
    def objective(trial: Recorder) -> None:
        if trial.ask("x", Float(0, 1)) > 0.5:
            trial.ask("y", Float(0, 1))

    assert [p.name for p in discovered_space(trials_of(objective, 30))] == ["x"]


def test_the_newest_distribution_holds_as_long_as_it_takes_every_value_seen() -> None:
    def seen(*distributions: tuple[Distribution, Any]) -> list[Asked]:
        return [{"a": asked} for asked in distributions]

    widened = discovered_space(seen((Float(0, 1), 0.5), (Float(0, 2), 1.5)))
    assert widened["a"].distribution == Float(0, 2)
    more_choices = discovered_space(seen((Categorical(("p",)), "p"), (Categorical(("p", "q")), "q")))
    assert more_choices["a"].distribution == Categorical(("p", "q"))
    moving_range = discovered_space(seen((Float(0, 1), 0.5), (Float(0.6, 1), 0.7)))
    assert len(moving_range) == 0
    fewer_choices = discovered_space(seen((Categorical(("p", "q")), "p"), (Categorical(("q", "r")), "q")))
    assert len(fewer_choices) == 0


def test_values_that_python_takes_for_equal_are_told_apart() -> None:
    choice = Categorical((None, True, 1, "1"))
    seen: list[Asked] = [{"a": (choice, value)} for value in (None, True, "1")]
    seen.append({"a": (choice, 1), "b": (Float(0, 1), 0.5)})
    (condition,) = discovered_space(seen)["b"].when
    assert condition[0] == "a"
    assert [(type(value), value) for value in condition[1]] == [(int, 1)]


def test_no_trial_means_no_parameter() -> None:
    assert len(discovered_space([])) == 0


def test_a_configuration_is_cut_down_to_what_the_space_knows() -> None:
    space = SearchSpace.parse({"kernel": {"rbf": {"gamma": (0.0, 1.0)}, "linear": {}}})
    assert restricted({"kernel": "linear", "lucky": 3}, space) == {"kernel": "linear"}
    assert restricted({"kernel": "rbf"}, space) is None
    assert restricted({"kernel": "linear", "gamma": 0.5}, space) is None


@st.composite
def conditional_spaces(draw: Any) -> SearchSpace:
    parameters: list[Parameter] = []
    switches: list[Parameter] = []
    kinds = (Bool(), Int(1, 4), Categorical(("a", "b", "c")), Float(0, 1), Float(0, 1, step=0.5), Categorical((1,)))
    for number in range(draw(st.integers(1, 7))):
        distribution: Any = draw(st.sampled_from(kinds))
        when: When = ()
        if switches and draw(st.booleans()):
            parent = draw(st.sampled_from(switches))
            values: Any = parent.distribution
            count = int(values.n_values)
            numbers = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=count, unique=True))
            when = ((parent.name, tuple(values.at(k) for k in sorted(numbers))),)
        parameters.append(Parameter(f"p{number}", distribution, when))
        if distribution.bins is not None:
            switches.append(parameters[-1])
    return SearchSpace(tuple(parameters))


def asked_in(space: SearchSpace, n: int, seed: int) -> list[Asked]:
    rng = np.random.default_rng(seed)
    configs = [space.sample(rng) for _ in range(n)]
    return [{name: (space[name].distribution, value) for name, value in config.items()} for config in configs]


@patient
@given(space=conditional_spaces(), n=st.integers(1, 12), seed=st.integers(0, 99))
def test_every_trial_seen_is_a_point_of_the_space_found(space: SearchSpace, n: int, seed: int) -> None:
    seen = asked_in(space, n, seed)
    found = discovered_space(seen)
    for asked in seen:
        config = {name: value for name, (_, value) in asked.items()}
        assert restricted(config, found) == {name: config[name] for name in found.active(config)}
        assert {name for name in config if name in {p.name for p in found}} == set(found.active(config))


@patient
@given(space=conditional_spaces(), seed=st.integers(0, 99))
def test_after_many_trials_a_space_of_single_conditions_is_found_again(space: SearchSpace, seed: int) -> None:
    found = discovered_space(asked_in(space, 400, seed))
    for asked in asked_in(space, 50, seed + 1000):
        config = {name: value for name, (_, value) in asked.items()}
        assert restricted(config, found) == config


@patient
@given(space=conditional_spaces(), n=st.integers(1, 12), seed=st.integers(0, 99))
def test_the_space_found_survives_json_and_proposes_its_own_points(space: SearchSpace, n: int, seed: int) -> None:
    found = discovered_space(asked_in(space, n, seed))
    assert SearchSpace.from_json(found.to_json()) == found
    found.check(found.sample(np.random.default_rng(seed)))
