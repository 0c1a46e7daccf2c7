"""The search space: sampling, the unit cube, conditions, checks, neighbours, identity, JSON."""

from __future__ import annotations

import json
import math
import pickle
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chisquare

from luthier.errors import BadSpace
from luthier.space import Bool, Categorical, Distribution, Fixed, Float, Int, Parameter, SearchSpace

patient = settings(deadline=None)  # on a busy machine the clock says nothing about the code

SVM = SearchSpace.parse(
    {
        "C": (1e-3, 1e3, "log"),
        "kernel": {
            "rbf": {"gamma": (1e-4, 1.0, "log")},
            "poly": {"gamma": (1e-4, 1.0, "log"), "degree": (2, 5)},
            "linear": {},
        },
        "shrinking": [True, False],
        "tol": 1e-3,
    }
)

_leaves: st.SearchStrategy[Distribution] = st.sampled_from(
    (
        Float(0.1, 3.0),
        Float(1e-4, 1.0, log=True),
        Float(0, 1, step=0.25),
        Int(1, 6),
        Int(1, 100, log=True),
        Categorical(("a", "b", None, 2)),
        Categorical((16, 32, 64), ordered=True),
        Categorical((1, 1.0, True), weights=(1.0, 2.0, 0.5)),
        Bool(),
        Fixed("on"),
        Fixed(None),
    )
)


@st.composite
def spaces(draw: st.DrawFn) -> SearchSpace:
    """Spaces of up to eight parameters with conditions on up to two earlier ones."""
    parameters: list[Parameter] = []
    for k in range(draw(st.integers(0, 8))):
        when = []
        parents = [p for p in parameters if p.distribution.bins is not None]
        if parents:
            for parent in draw(st.lists(st.sampled_from(parents), max_size=2, unique_by=lambda p: p.name)):
                u = draw(st.lists(st.floats(0, 1), min_size=1, max_size=3))
                allowed = {repr(v): v for v in map(parent.distribution.from_unit, u)}
                when.append((parent.name, tuple(allowed.values())))
        try:
            SearchSpace((*parameters, p := Parameter(f"p{k}", draw(_leaves), tuple(when))))
        except BadSpace:  # two conditions that contradict each other further up
            continue
        parameters.append(p)
    return SearchSpace(tuple(parameters))


def is_active(space: SearchSpace, name: str, config: dict[str, Any]) -> bool:
    """The definition, word by word: every parent is active and holds an allowed value."""
    return all(
        is_active(space, parent, config)
        and any(type(v) is type(config[parent]) and v == config[parent] for v in allowed)
        for parent, allowed in space[name].when
    )


def drawn(space: SearchSpace, seed: int) -> dict[str, Any]:
    return dict(space.sample(np.random.default_rng(seed)))


seeds = st.integers(0, 2**32 - 1)


# --- sampling and conditions ------------------------------------------------------------------------------------------


@patient
@given(space=spaces(), seed=seeds)
def test_a_sample_holds_exactly_the_active_parameters(space: SearchSpace, seed: int) -> None:
    config = drawn(space, seed)
    assert set(config) == {p.name for p in space if is_active(space, p.name, config)}
    assert space.active(config) == tuple(config)
    space.check(config)


@patient
@given(space=spaces(), seed=seeds)
def test_values_chosen_one_by_one_are_asked_for_where_they_count_only(space: SearchSpace, seed: int) -> None:
    rng, asked = np.random.default_rng(seed), []

    def choose(name: str, distribution: Distribution) -> Any:
        asked.append(name)
        return distribution.from_unit(float(rng.random()))

    config = space.chosen(choose)
    space.check(config)
    assert asked == [p.name for p in space.dimensions if p.name in config]


@patient
@given(space=spaces(), seed=seeds)
def test_the_same_seed_draws_the_same_configuration(space: SearchSpace, seed: int) -> None:
    assert space.key(drawn(space, seed)) == space.key(drawn(space, seed))


def test_each_branch_is_drawn_as_often_as_its_choice_and_children_only_in_it() -> None:
    rng = np.random.default_rng(11)
    configs = [SVM.sample(rng) for _ in range(6000)]
    kernels = [config["kernel"] for config in configs]
    # p < 1e-4 once in ten thousand seeds for a correct sampler
    assert chisquare([kernels.count(k) for k in ("rbf", "poly", "linear")]).pvalue > 1e-4
    degrees = [config["degree"] for config in configs if config["kernel"] == "poly"]
    assert chisquare(np.bincount(degrees, minlength=6)[2:]).pvalue > 1e-4
    for config in configs:
        assert ("gamma" in config) == (config["kernel"] in ("rbf", "poly"))
        assert ("degree" in config) == (config["kernel"] == "poly")
        assert config["tol"] == 1e-3


# --- the unit cube ----------------------------------------------------------------------------------------------------


@patient
@given(space=spaces(), seed=seeds)
def test_a_configuration_comes_back_from_its_coordinates(space: SearchSpace, seed: int) -> None:
    config = drawn(space, seed)
    u = space.to_unit(config)
    back = space.from_unit(u)
    assert set(back) == set(config)
    for name, value in config.items():
        assert type(back[name]) is type(value)
        if isinstance(value, float):
            assert back[name] == pytest.approx(value, rel=1e-12)
        else:
            assert back[name] == value
    active = [p.name in config for p in space.dimensions]
    assert (np.isnan(u) == ~np.array(active, dtype=bool)).all()
    assert ((u[active] >= 0) & (u[active] <= 1)).all()


@patient
@given(space=spaces(), data=st.data())
def test_rows_snap_to_the_coordinates_of_the_configurations_they_stand_for(
    space: SearchSpace, data: st.DataObject
) -> None:
    U = data.draw(arrays(float, (4, len(space.dimensions)), elements=st.floats(0, 1)))
    slow = space.to_units([space.from_unit(row) for row in U])
    assert space.snap(U) == pytest.approx(slow, abs=1e-9, nan_ok=True)


@patient
@given(space=spaces(), seed=seeds)
def test_snapped_points_stay_where_they_are(space: SearchSpace, seed: int) -> None:
    U = np.random.default_rng(seed).random((5, len(space.dimensions)))
    once = space.snap(U)
    assert space.snap(once) == pytest.approx(once, abs=1e-12, nan_ok=True)


def test_only_parameters_that_vary_have_a_coordinate() -> None:
    assert [p.name for p in SVM.dimensions] == ["C", "kernel", "gamma", "degree", "shrinking"]
    assert len(SVM) == 6


def test_a_point_of_the_wrong_length_or_with_nan_where_it_counts_is_refused() -> None:
    with pytest.raises(ValueError, match="the space has 5 dimensions, the point 3"):
        SVM.from_unit([0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="the coordinate of 'gamma' is NaN, but 'gamma' is active there"):
        SVM.from_unit([0.5, 0.1, math.nan, 0.5, 0.5])
    assert "gamma" not in SVM.from_unit([0.5, 0.9, math.nan, math.nan, 0.5])
    with pytest.raises(ValueError, match=r"the points must be \(n, 5\)"):
        SVM.snap(np.zeros((2, 4)))


# --- checks -----------------------------------------------------------------------------------------------------------

GOOD = {"C": 1.0, "kernel": "rbf", "gamma": 0.1, "shrinking": True, "tol": 1e-3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"C": 1e4}, r"C=10000.0 is outside the space: 'C' is a number in \[0.001, 1000.0\]"),
        ({"C": None}, "C=None is outside the space"),
        ({"kernel": "sigmoid"}, r"kernel='sigmoid' is outside the space: 'kernel' is one of 'rbf', 'poly', 'linear'"),
        ({"shrinking": 1}, "shrinking=1 is outside the space: 'shrinking' is False or True"),
        ({"tol": 0.1}, "tol=0.1 is outside the space: 'tol' is always 0.001"),
        (
            {"degree": 3},
            r"degree=3 is given, but 'degree' does not count here \('degree' counts when kernel is 'poly'\)",
        ),
        ({"gama": 1}, r"the space has no 'gama'\n  fix: did you mean 'gamma'"),
        (
            {"kernel": "poly"},
            r"has no 'degree' \('degree' counts when kernel is 'poly'\)\n  fix: add 'degree': a whole",
        ),
    ],
)
def test_a_configuration_outside_the_space_is_refused_with_the_way_back(change: dict[str, Any], message: str) -> None:
    SVM.check(GOOD)
    with pytest.raises(BadSpace, match=message):
        SVM.check({**GOOD, **change})


def test_a_missing_value_is_named() -> None:
    with pytest.raises(BadSpace, match=r"the configuration has no 'C'\n  fix: add 'C': a number in"):
        SVM.check({k: v for k, v in GOOD.items() if k != "C"})


# --- identity ---------------------------------------------------------------------------------------------------------


@patient
@given(space=spaces(), a=seeds, b=seeds)
def test_two_configurations_share_a_key_exactly_when_they_are_the_same_point(
    space: SearchSpace, a: int, b: int
) -> None:
    x, y = drawn(space, a), drawn(space, b)
    same = repr(sorted(x.items())) == repr(sorted(y.items()))
    assert (space.key(x) == space.key(y)) == same


def test_a_key_sees_through_spelling() -> None:
    spelled = {"tol": 1e-3, "shrinking": np.True_, "gamma": np.float64(0.1), "kernel": "rbf", "C": 1, "degree": 3}
    assert SVM.key(spelled) == SVM.key(GOOD)


# --- neighbours -------------------------------------------------------------------------------------------------------


@patient
@given(space=spaces(), seed=seeds, n=st.integers(0, 6), scale=st.floats(0.01, 1))
def test_neighbours_are_other_points_of_the_space_and_all_different(
    space: SearchSpace, seed: int, n: int, scale: float
) -> None:
    config = drawn(space, seed)
    near = space.neighbours(config, np.random.default_rng(seed), n, scale)
    for other in near:
        space.check(other)
    keys = {space.key(other) for other in near}
    assert len(keys) == len(near) <= n
    assert space.key(config) not in keys
    assert near or n == 0 or not any(p.name in config for p in space.dimensions)


def test_neighbours_change_little_and_reach_every_parameter() -> None:
    near = SVM.neighbours(GOOD, np.random.default_rng(0), 300, scale=0.05)
    assert len(near) == 300
    changed = [{k for k in GOOD if other.get(k, GOOD[k]) != GOOD[k]} for other in near]
    assert set().union(*changed) == {"C", "kernel", "gamma", "shrinking"}
    # one of four for certain, each other with probability 1/4: 1 + 3/4 on average, standard error 0.75 / sqrt(300)
    assert np.mean([len(c) for c in changed]) == pytest.approx(1.75, abs=0.2)
    moved = [SVM.to_unit(other)[0] - SVM.to_unit(GOOD)[0] for other, c in zip(near, changed, strict=True) if "C" in c]
    # about 130 normal steps of standard deviation 0.05: its estimate is off by 0.003 in most cases
    assert np.std(moved) == pytest.approx(0.05, abs=0.015)


def test_a_small_step_still_leaves_a_whole_number() -> None:
    space = SearchSpace.parse({"depth": (1, 100)})
    near = space.neighbours({"depth": 1}, np.random.default_rng(0), 1, scale=1e-6)
    assert near == [{"depth": 2}]


def test_all_neighbours_of_a_small_space_are_found() -> None:
    space = SearchSpace.parse({"a": [True, False], "b": ["x", "y", "z"]})
    near = space.neighbours({"a": True, "b": "x"}, np.random.default_rng(0), 100)
    assert len(near) == 5


# --- counting and grids -----------------------------------------------------------------------------------------------


@patient
@given(space=spaces(), n_max=st.integers(1, 300))
def test_a_grid_fits_and_holds_no_configuration_twice(space: SearchSpace, n_max: int) -> None:
    configs, left_out = space.grid(n_max)
    assert 1 <= len(configs) <= n_max
    assert len({space.key(config) for config in configs}) == len(configs)
    for config in configs:
        space.check(config)
    assert (left_out == "") == (len(configs) == space.n_configs)


@patient
@given(space=spaces())
def test_the_number_of_configurations_is_what_listing_them_finds(space: SearchSpace) -> None:
    if space.n_configs <= 3000:
        configs, left_out = space.grid(3000)
        assert len(configs) == space.n_configs
        assert left_out == ""


@patient
@given(space=spaces(), seed=seeds)
def test_a_complete_grid_holds_every_configuration_that_can_be_drawn(space: SearchSpace, seed: int) -> None:
    if space.n_configs <= 3000:
        assert space.key(drawn(space, seed)) in {space.key(config) for config in space.grid(3000)[0]}


def test_an_infinite_part_that_is_never_active_together_still_counts_as_infinite() -> None:
    assert SVM.n_configs == math.inf
    assert SearchSpace(()).n_configs == 1
    assert SearchSpace.parse({"kernel": {"poly": {"degree": (2, 5)}, "linear": {}}}).n_configs == 5


def test_a_grid_gives_parameters_that_others_depend_on_all_their_values_first() -> None:
    configs, left_out = SVM.grid(3)
    assert {config["kernel"] for config in configs} == {"rbf", "poly", "linear"}
    assert "kernel" not in left_out


def test_a_grid_spends_what_is_left_after_equal_levels() -> None:
    space = SearchSpace.parse({"x": (0.0, 1.0), "y": (0.0, 1.0)})
    assert len(space.grid(25)[0]) == 25
    assert len(space.grid(32)[0]) == 30  # six by five
    assert space.grid(6)[1] == "x at 3 of infinitely many values, y at 2 of infinitely many values"


def test_a_grid_over_many_branches_is_made_quickly() -> None:
    branches = {f"m{k}": {f"m{k}.p{j}": (0.0, 1.0) for j in range(2 + k)} for k in range(9)}
    space = SearchSpace.parse({"model": branches})
    started = time.process_time()
    configs, _ = space.grid(1000)
    assert time.process_time() - started < 2  # measured: 0.15 s
    assert 800 <= len(configs) <= 1000
    assert {config["model"] for config in configs} == set(branches)


# --- JSON, equality, pickling -----------------------------------------------------------------------------------------


@patient
@given(space=spaces(), seed=seeds)
def test_a_space_survives_json_and_pickle(space: SearchSpace, seed: int) -> None:
    for back in (SearchSpace.from_json(json.loads(json.dumps(space.to_json()))), pickle.loads(pickle.dumps(space))):
        assert back == space
        assert hash(back) == hash(space)
        assert repr(back) == repr(space)
        assert space.key(drawn(back, seed)) == space.key(drawn(space, seed))


def test_a_space_of_a_newer_version_is_refused() -> None:
    with pytest.raises(BadSpace, match="format version 2; this Luthier reads 1"):
        SearchSpace.from_json({**SVM.to_json(), "version": 2})


# --- construction -----------------------------------------------------------------------------------------------------

A = Parameter("a", Categorical(("x", "y")))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([A, A], "two parameters are named 'a'"),
        ([Parameter("b", Bool(), (("a", ("x",)),)), A], "'b' depends on 'a', which does not come before it"),
        ([A, Parameter("b", Bool(), (("a", ("z",)),))], "'b' is active when 'a' is 'z', but 'a' is one of 'x', 'y'"),
        (
            [Parameter("a", Float(0, 1)), Parameter("b", Bool(), (("a", (0.5,)),))],
            "depends on 'a', which is continuous",
        ),
        ([A, Parameter("b", Bool(), (("a", ("x",)), ("a", ("y",))))], "'b' can never be active"),
        (
            [A, Parameter("b", Bool(), (("a", ("x",)),)), Parameter("c", Bool(), (("b", (True,)), ("a", ("y",))))],
            "'c' can never be active",
        ),
        ([A, Parameter("b", Bool(), argument="a")], "'a' and 'b' both set 'a' and may be active together"),
        (
            [
                A,
                Parameter("b@x", Bool(), (("a", ("x", "y")),), argument="b"),
                Parameter("b@y", Bool(), (("a", ("y",)),), argument="b"),
            ],
            "'b@x' and 'b@y' both set 'b'",
        ),
    ],
)
def test_a_space_that_contradicts_itself_is_refused(parameters: list[Parameter], message: str) -> None:
    with pytest.raises(BadSpace, match=message):
        SearchSpace(tuple(parameters))


def test_a_parameter_needs_a_name_and_values_to_depend_on() -> None:
    with pytest.raises(BadSpace, match="empty name"):
        Parameter("", Bool())
    with pytest.raises(BadSpace, match="'b' is active for no value of 'a'"):
        Parameter("b", Bool(), (("a", ()),))


# --- cost -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["sample", "to_unit", "from_unit", "key", "check"])
def test_ten_parameters_cost_far_less_than_100_microseconds(verb: str) -> None:
    space = SearchSpace.parse(
        {
            "kernel": {"rbf": {"gamma": (1e-4, 1.0, "log")}, "linear": {"bias": [True, False]}},
            **{f"p{i}": (1e-4, 1.0, "log") if i % 2 else (1, 100) for i in range(8)},
        }
    )
    rng = np.random.default_rng(0)
    config = space.sample(rng)
    u = rng.random(len(space.dimensions))
    argument = {"sample": rng, "from_unit": u}.get(verb, config)
    ask = getattr(space, verb)
    started = time.process_time()
    for _ in range(500):
        ask(argument)
    assert (time.process_time() - started) / 500 < 100e-6  # measured: 3 to 9 microseconds
