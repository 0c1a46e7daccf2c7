"""The forms people write search spaces in: ours, scikit-learn's, scipy.stats' and Optuna's."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from luthier.errors import BadSpace
from luthier.space import Bool, Categorical, Distribution, Fixed, Float, Int, Parameter, Quantiles, SearchSpace

patient = settings(deadline=None)  # on a busy machine the clock says nothing about the code


def parsed(spec: Any) -> Distribution:
    return SearchSpace.parse({"p": spec})["p"].distribution


def all_params(space: SearchSpace) -> list[dict[str, Any]]:
    return [space.params(config) for config in space.grid(int(space.n_configs))[0]]


def as_set(params: list[dict[str, Any]]) -> set[str]:
    return {repr(sorted(p.items(), key=lambda kv: kv[0])) for p in params}


# --- our own form -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "distribution"),
    [
        ((1e-4, 1.0, "log"), Float(1e-4, 1.0, log=True)),
        ((2, 12), Int(2, 12)),
        ((16, 2048, "log"), Int(16, 2048, log=True)),
        ((0, 0.5), Float(0, 0.5)),
        ((np.int64(1), np.int64(3)), Int(1, 3)),
        ((np.float64(0.5), 2), Float(0.5, 2)),
        (["rbf", "linear"], Categorical(("rbf", "linear"))),
        ([True, False], Bool()),
        ([False, True], Bool()),
        ([True], Categorical((True,))),
        ([16, 32, 64], Categorical((16, 32, 64), ordered=True)),
        ([64, 16, 32], Categorical((64, 16, 32))),
        ([None, 3, 5], Categorical((None, 3, 5))),
        ([1, 1.0, True], Categorical((1, 1.0, True))),
        ([0.5, 0.5, 1.0], Categorical((0.5, 1.0), ordered=True)),
        (np.array([0.1, 1.0]), Categorical((0.1, 1.0), ordered=True)),
        (np.array(["a", "b"]), Categorical(("a", "b"))),
        (range(16, 257, 16), Int(16, 256, step=16)),
        (range(5), Int(0, 4)),
        (range(9, 0, -3), Int(3, 9, step=3)),
        (1e-3, Fixed(1e-3)),
        ("auto", Fixed("auto")),
        (None, Fixed(None)),
        (np.float64(0.5), Fixed(0.5)),
        (Float(0, 1, step=0.1), Float(0, 1, step=0.1)),
    ],
)
def test_the_terse_form_says_what_it_looks_like(spec: Any, distribution: Distribution) -> None:
    assert repr(parsed(spec)) == repr(distribution)  # by repr, which tells 1 from True


def test_a_choice_followed_by_parameters_of_its_own_makes_them_conditional() -> None:
    space = SearchSpace.parse(
        {"kernel": {"rbf": {"gamma": (1e-4, 1.0, "log")}, "poly": {"degree": (2, 5)}, "linear": {}}}
    )
    assert space.parameters == (
        Parameter("kernel", Categorical(("rbf", "poly", "linear"))),
        Parameter("gamma", Float(1e-4, 1.0, log=True), (("kernel", ("rbf",)),)),
        Parameter("degree", Int(2, 5), (("kernel", ("poly",)),)),
    )


def test_conditions_take_any_kind_of_value_and_nest() -> None:
    space = SearchSpace.parse(
        {
            "bootstrap": {True: {"max_samples": {None: {}, 0.5: {"oob": [True, False]}}}, False: {}},
            "n_layers": {1: {}, 2: {"second": (8, 64)}},
        }
    )
    assert isinstance(space["bootstrap"].distribution, Bool)
    assert space["n_layers"].distribution == Categorical((1, 2), ordered=True)
    assert space["oob"].when == (("max_samples", (0.5,)),)
    assert space.active({"bootstrap": True, "max_samples": 0.5, "oob": False, "n_layers": 1}) == (
        "bootstrap",
        "max_samples",
        "oob",
        "n_layers",
    )
    assert space.n_configs == (1 + (1 + 2)) * (1 + 57)


def test_the_same_parameter_in_several_branches_is_one_parameter() -> None:
    gamma = (1e-4, 1.0, "log")
    space = SearchSpace.parse({"kernel": {"rbf": {"gamma": gamma}, "poly": {"gamma": gamma}, "linear": {}}})
    assert [p.name for p in space] == ["kernel", "gamma"]
    assert space["gamma"].when == (("kernel", ("rbf", "poly")),)


def test_a_parameter_that_differs_between_branches_is_told_apart_and_sets_the_same_argument() -> None:
    space = SearchSpace.parse({"kernel": {"rbf": {"gamma": (0.1, 1.0)}, "poly": {"gamma": (1.0, 9.0)}, "linear": {}}})
    assert [p.name for p in space] == ["kernel", "gamma@rbf", "gamma@poly"]
    config = space.from_unit([0.5, 0.5, 0.5])
    assert config == {"kernel": "poly", "gamma@poly": 5.0}
    assert space.params(config) == {"kernel": "poly", "gamma": 5.0}


def test_whole_and_real_choices_are_not_taken_for_the_same() -> None:
    space = SearchSpace.parse({"a": {"x": {"b": [1, 2]}, "y": {"b": [1.0, 2.0]}}})
    assert [p.name for p in space] == ["a", "b@x", "b@y"]


def test_branches_that_share_a_parameter_with_different_children_keep_them_apart() -> None:
    space = SearchSpace.parse(
        {"m": {"p": {"deep": {True: {"q": (1, 3)}, False: {}}}, "r": {"deep": {True: {"q": (1, 5)}, False: {}}}}}
    )
    assert {p.name: p.sets for p in space} == {"m": "m", "deep@p": "deep", "q": "q", "deep@r": "deep", "q@True": "q"}
    assert space.n_configs == (3 + 1) + (5 + 1)
    assert len(as_set(all_params(space))) == 10


def test_an_argument_set_inside_and_outside_a_branch_is_refused() -> None:
    with pytest.raises(BadSpace, match="both set 'gamma' and may be active together"):
        SearchSpace.parse({"gamma": 0.5, "kernel": {"rbf": {"gamma": (0.1, 1.0)}, "linear": {}}})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"C": (1, 10, 100)}, r"parameter 'C': \(1, 10, 100\) is no range\n  fix: write a range as \(low, high\)"),
        ({"C": (1,)}, "is no range"),
        ({"C": ("a", "b")}, "is no range"),
        ({"C": (True, 3)}, "is no range"),
        ({"C": (3, 1)}, r"parameter 'C': Int\(3, 1\): low is above high"),
        ({"C": (0.0, 1.0, "log")}, "parameter 'C': .*low must be above 0"),
        ({"C": []}, "parameter 'C': there are no choices"),
        ({"C": {"a", "b"}}, "parameter 'C': choices came as a set"),
        ({"C": range(0)}, "is empty"),
        ({"C": np.zeros((2, 2))}, r"an array of shape \(2, 2\) is no list"),
        ({"kernel": {"rbf": (0.1, 1.0)}}, "parameter 'kernel': the choice 'rbf' is followed by"),
        ({"kernel": {"rbf": {"gamma": (1, 0)}}}, "parameter 'kernel': parameter 'gamma': .*low is above high"),
        ({3: [1, 2]}, "a parameter is named 3"),
        ({"": [1, 2]}, "a parameter is named ''"),
        ("C", "cannot be read from 'C'"),
        (None, "cannot be read from None"),
        ([], r"cannot be read from \[\]"),
        ([{"C": [1]}, 3], "cannot be read from"),
    ],
)
def test_what_cannot_be_read_is_named_with_a_way_to_write_it(source: Any, message: str) -> None:
    with pytest.raises(BadSpace, match=f"(?s){message}"):
        SearchSpace.parse(source)


def test_a_space_and_a_list_of_parameters_are_taken_as_they_are() -> None:
    space = SearchSpace.parse({"a": (1, 3)})
    assert SearchSpace.parse(space) is space
    assert SearchSpace.parse(list(space)) == space


# --- scikit-learn -----------------------------------------------------------------------------------------------------

grids = st.dictionaries(
    st.sampled_from("abcd"),
    st.lists(st.sampled_from([1, 2, 1.5, True, None, "x", (3, 4)]), min_size=1, max_size=3, unique_by=repr),
    max_size=3,
)


@patient
@given(grid=grids | st.lists(grids, min_size=1, max_size=3))
def test_a_grid_means_what_parameter_grid_says_it_means(grid: Any) -> None:
    space = SearchSpace.from_scikit_learn(grid)
    expected = as_set(list(ParameterGrid(grid)))
    got = all_params(space)
    assert as_set(got) == expected
    configs = [space.sample(np.random.default_rng(seed)) for seed in range(3)]
    assert as_set([space.params(config) for config in configs]) <= expected
    assert json.loads(json.dumps(configs)) == configs


def test_a_tuple_is_choices_to_scikit_learn_and_a_range_to_us() -> None:
    assert SearchSpace.from_scikit_learn({"depth": (2, 12)})["depth"].distribution == Categorical((2, 12), ordered=True)
    assert SearchSpace.parse({"depth": (2, 12)})["depth"].distribution == Int(2, 12)


def square(x: float) -> float:
    return x * x


def test_objects_are_configured_by_label_and_resolved_by_params() -> None:
    scalers = [StandardScaler(), MinMaxScaler(), "passthrough", None]
    forest = RandomForestClassifier(n_estimators=10)
    weights = {0: 1.0, 1: 5.0}
    space = SearchSpace.from_scikit_learn(
        {
            "scale": scalers,
            "model": [LogisticRegression(C=3), forest],
            "model__class_weight": [None, "balanced", weights],
            "model__shape": [(50,), (50, 50)],
            "function": [square, np.log1p, len],
            "limit": [math.inf, 3],
        }
    )
    config = {
        "scale": "MinMaxScaler()",
        "model": "RandomForestClassifier(n_estimators=10)",
        "model__class_weight": "{0: 1.0, 1: 5.0}",
        "model__shape": "(50, 50)",
        "function": "square",
        "limit": "inf",
    }
    space.check(config)
    params = space.params(config)
    assert params["scale"] is scalers[1]
    assert params["model"] is forest
    assert params["model__class_weight"] is weights
    assert params["model__shape"] == (50, 50)
    assert params["function"] is square
    assert params["limit"] == math.inf
    assert space.params({**config, "scale": None, "function": "len"})["scale"] is None
    Pipeline([("scale", "passthrough"), ("model", forest)]).set_params(scale=params["scale"], model=params["model"])


class Anonymous:
    """Its repr holds an address, which is another one in every process."""


def test_labels_are_the_same_in_every_process_and_never_clash() -> None:
    a, b = Anonymous(), Anonymous()
    space = SearchSpace.parse({"p": ["Anonymous", a, b, float("nan"), "nan"]})
    distribution = space["p"].distribution
    assert isinstance(distribution, Categorical)
    assert distribution.choices == ("Anonymous", "Anonymous (2)", "Anonymous (3)", "nan (2)", "nan")
    assert space.params({"p": "Anonymous (3)"})["p"] is b
    assert space.params({"p": "Anonymous"})["p"] == "Anonymous"


def test_an_object_can_be_fixed_and_can_have_parameters_of_its_own() -> None:
    forest, scaler = RandomForestClassifier(), StandardScaler()
    space = SearchSpace.parse(
        {"scale": scaler, "model": {forest: {"model__max_depth": (2, 5)}, "passthrough": {}}},
    )
    config = space.from_unit([0.1, 0.1])
    assert config == {"scale": "StandardScaler()", "model": "RandomForestClassifier()", "model__max_depth": 2}
    assert space.params(config) == {"scale": scaler, "model": forest, "model__max_depth": 2}


def test_a_space_read_from_json_knows_its_labels_but_not_its_objects() -> None:
    space = SearchSpace.parse({"shape": [(50,), (50, 50)], "C": (0.1, 1.0)})
    back = SearchSpace.from_json(json.loads(json.dumps(space.to_json())))
    assert back == space
    config = {"shape": "(50, 50)", "C": 0.5}
    assert back.key(config) == space.key(config)
    with pytest.raises(BadSpace, match=r"shape='\(50, 50\)' stands for an object"):
        back.params(config)


def test_each_of_several_grids_is_drawn_equally_often_and_keeps_its_own_values() -> None:
    space = SearchSpace.from_scikit_learn(
        [
            {"kernel": ["rbf"], "gamma": scipy.stats.loguniform(1e-4, 1), "C": [1, 10]},
            {"kernel": ["linear"], "C": [1, 10]},
            {"kernel": ["poly"], "C": [0.1]},
        ]
    )
    assert [p.name for p in space] == ["branch", "kernel@0", "kernel@1", "kernel@2", "gamma", "C@0", "C@2"]
    rng = np.random.default_rng(5)
    drawn = [space.params(space.sample(rng)) for _ in range(3000)]
    kernels = [p["kernel"] for p in drawn]
    assert scipy.stats.chisquare([kernels.count(k) for k in ("rbf", "linear", "poly")]).pvalue > 1e-4
    for p in drawn:
        assert set(p) == ({"kernel", "gamma", "C"} if p["kernel"] == "rbf" else {"kernel", "C"})
        assert p["C"] in ([0.1] if p["kernel"] == "poly" else [1, 10])


def test_the_branch_selector_keeps_clear_of_an_argument_of_that_name() -> None:
    space = SearchSpace.from_scikit_learn([{"branch": [1]}, {"branch": [2]}])
    assert as_set(all_params(space)) == as_set([{"branch": 1}, {"branch": 2}])


# --- scipy.stats ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frozen", "distribution"),
    [
        (scipy.stats.uniform(), Float(0, 1)),
        (scipy.stats.uniform(loc=2, scale=3), Float(2, 5)),
        (scipy.stats.loguniform(1e-4, 1e2), Float(1e-4, 1e2, log=True)),
        (scipy.stats.reciprocal(1e-4, 1e2), Float(1e-4, 1e2, log=True)),
        (scipy.stats.loguniform(1, 10, scale=5), Float(5, 50, log=True)),
        (scipy.stats.randint(2, 10), Int(2, 9)),
        (scipy.stats.randint(2, 10, loc=5), Int(7, 14)),
    ],
)
def test_the_common_distributions_are_said_exactly(frozen: Any, distribution: Distribution) -> None:
    got = parsed(frozen)
    assert type(got) is type(distribution)
    assert got.to_json() == pytest.approx(distribution.to_json())


# what has no exact form is approximated: the promise is in probability, at every one of the 256 quantiles and between
@pytest.mark.parametrize(
    "frozen",
    [
        scipy.stats.norm(0.5, 2),
        scipy.stats.expon(scale=0.1),
        scipy.stats.beta(2, 5),
        scipy.stats.gamma(3),
        scipy.stats.lognorm(1.0),
        scipy.stats.truncnorm(-1, 2),
        scipy.stats.loguniform(1, 10, loc=5),
        scipy.stats.triang(0.3),
    ],
    ids=lambda frozen: frozen.dist.name,
)
def test_other_continuous_distributions_keep_their_probabilities(frozen: Any) -> None:
    got = parsed(frozen)
    assert isinstance(got, Quantiles)
    u = np.linspace(0, 1, 1001)
    values = np.array([got.from_unit(x) for x in u.tolist()])
    # between two quantiles the error is at most their distance in probability, 1/256
    assert np.abs(frozen.cdf(values) - u).max() < 1 / 256
    assert frozen.cdf(values[1:-1]).min() > 0


@pytest.mark.parametrize(
    "frozen", [scipy.stats.poisson(4), scipy.stats.binom(10, 0.3), scipy.stats.geom(0.2)], ids=lambda f: f.dist.name
)
def test_other_discrete_distributions_keep_their_probabilities(frozen: Any) -> None:
    got = parsed(frozen)
    assert isinstance(got, Categorical)
    assert got.ordered
    assert all(type(choice) is int for choice in got.choices)
    weights = np.array(got.weights)
    assert weights == pytest.approx(frozen.pmf(got.choices))
    assert weights.sum() > 1 - 1e-3  # the tails that are left out


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (scipy.stats.poisson(1e6), "spreads over .* values; at most 1024 are listed"),
        (scipy.stats.uniform(0, -1), "has no values"),
        (scipy.stats.rv_discrete(values=([0.5, 1.5], [0.5, 0.5])), "takes other values than whole numbers"),
    ],
)
def test_a_distribution_that_cannot_be_said_is_refused(spec: Any, message: str) -> None:
    with pytest.raises(BadSpace, match=message):
        parsed(spec)


def test_distributions_without_anything_left_open_need_no_freezing() -> None:
    assert parsed(scipy.stats.uniform) == Float(0, 1)
    dice = parsed(scipy.stats.rv_discrete(values=([1, 2, 6], [0.5, 0.25, 0.25])))
    assert dice == Categorical((1, 2, 6), ordered=True, weights=(0.5, 0.25, 0.25))
    with pytest.raises(BadSpace, match="can only be drawn from"):
        parsed(scipy.stats.beta)


def test_something_that_can_only_be_drawn_from_is_refused() -> None:
    class Dice:
        def rvs(self, size: Any = None, random_state: Any = None) -> int:
            return 4

    with pytest.raises(BadSpace, match="can only be drawn from"):
        parsed(Dice())


# --- Optuna -----------------------------------------------------------------------------------------------------------


def test_optuna_distributions_are_read_by_their_attributes() -> None:
    optuna = pytest.importorskip("optuna")
    d = optuna.distributions
    space = SearchSpace.parse(
        {
            "lr": d.FloatDistribution(1e-5, 1e-1, log=True),
            "dropout": d.FloatDistribution(0.0, 0.5, step=0.1),
            "depth": d.IntDistribution(2, 12),
            "units": d.IntDistribution(16, 512, log=True),
            "batch": d.IntDistribution(16, 256, step=16),
            "one": d.IntDistribution(3, 3),
            "booster": d.CategoricalDistribution(["gbdt", "dart", None]),
            "bagging": d.CategoricalDistribution([True, False]),
        }
    )
    assert {p.name: p.distribution for p in space} == {
        "lr": Float(1e-5, 1e-1, log=True),
        "dropout": Float(0.0, 0.5, step=0.1),
        "depth": Int(2, 12),
        "units": Int(16, 512, log=True),
        "batch": Int(16, 256, step=16),
        "one": Int(3, 3),
        "booster": Categorical(("gbdt", "dart", None)),
        "bagging": Bool(),
    }


def test_optuna_accepts_every_value_drawn_from_what_was_read() -> None:
    optuna = pytest.importorskip("optuna")
    d = optuna.distributions
    theirs = {
        "x": d.FloatDistribution(0, 0.9, step=0.15),
        "n": d.IntDistribution(3, 19, step=4),
        "k": d.IntDistribution(1, 9, log=True),
    }
    space = SearchSpace.parse(theirs)
    for seed in range(50):
        for name, value in space.sample(np.random.default_rng(seed)).items():
            assert theirs[name]._contains(theirs[name].to_internal_repr(value))


def test_neither_optuna_nor_scipy_is_imported_to_read_a_space_without_them() -> None:
    code = (
        "from luthier.space import SearchSpace; import sys;"
        "SearchSpace.parse({'a': (1, 3), 'b': [1, 2], 'k': {'x': {}}}).grid(9);"
        "print([m for m in ('optuna', 'scipy', 'sklearn', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
