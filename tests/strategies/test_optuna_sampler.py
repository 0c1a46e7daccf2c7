"""Optuna's samplers by name: the promises of all strategies, and what sets these apart."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

import optuna
from luthier.errors import MissingExtra, UnknownChoice
from luthier.space import Float, Int, Parameter, SearchSpace
from luthier.space.optuna_form import to_optuna
from luthier.strategies import Observation, Suggestion, get_strategy
from luthier.strategies import optuna_sampler as module
from luthier.testing.strategies import (
    STRATEGY_CHECKS,
    StrategyCheck,
    answer,
    check_same_question_same_answer,
    check_workers_get_work_of_their_own,
    example_spaces,
    observed,
    played,
)

CUBE = SearchSpace(tuple(Parameter(f"x{k}", Float(0.0, 1.0)) for k in range(5)))


def studied(space: SearchSpace, n: int) -> list[Observation]:
    rng = np.random.default_rng(1)
    return [observed(space, trial, space.sample(rng)) for trial in range(n)]


def suggested(sampler: str, history: list[Observation], space: SearchSpace = CUBE, seed: int = 0) -> Suggestion:
    strategy = get_strategy(f"optuna:{sampler}").for_study(space, seed=seed, n_trials=None)
    suggestion = answer(strategy, space, history, seed)
    assert suggestion is not None
    return suggestion


@pytest.mark.parametrize("check", STRATEGY_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("sampler", ["TPESampler", "CmaEsSampler", "QMCSampler"])
def test_optunas_samplers_keep_the_promises_of_all(sampler: str, check: StrategyCheck) -> None:
    check(get_strategy(f"optuna:{sampler}"))


@pytest.mark.parametrize("check", [check_same_question_same_answer, check_workers_get_work_of_their_own])
@pytest.mark.parametrize("sampler", ["NSGAIISampler", "RandomSampler"])
def test_samplers_of_the_same_two_kinds_keep_the_promises_that_tell_them_apart(
    sampler: str, check: StrategyCheck
) -> None:
    check(get_strategy(f"optuna:{sampler}"))


def test_the_answer_is_the_one_optuna_gives_to_a_study_of_the_same_trials() -> None:
    space = example_spaces()["mixed"]
    history = studied(space, 30)
    distributions = {p.name: to_optuna(p.distribution) for p in space.dimensions}
    seed = int(np.random.default_rng([5, 30]).integers(2**31))
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    for o in history:
        params = {name: o.config[name] for name in distributions}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=o.loss))
    theirs = study.ask(distributions).params
    ours = suggested("TPESampler", history, space, seed=5).config
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs)


@pytest.mark.parametrize(("sampler", "n"), [("CmaEsSampler", 120), ("NSGAIISampler", 150)])
def test_a_sampler_that_keeps_its_state_in_trials_gets_somewhere(sampler: str, n: int) -> None:
    history = played(get_strategy(f"optuna:{sampler}"), CUBE, n)
    losses = [o.loss for o in history]
    assert np.median(losses[-20:]) < 0.7 * np.median(losses[1:20])


def test_the_points_of_a_quasi_random_sequence_are_even() -> None:
    space = SearchSpace((Parameter("x", Float(0.0, 1.0)),))
    points = [float(str(o.config["x"])) for o in played(get_strategy("optuna:QMCSampler"), space, 34)[2:]]
    counts, _ = np.histogram(points, bins=16, range=(0.0, 1.0))
    # the first trial of a study is drawn at random, the other 32 share 16 intervals evenly
    assert (counts == 2).all()


def test_steps_on_a_log_scale_are_kept() -> None:
    space = SearchSpace(
        (Parameter("n", Int(3, 300, log=True, step=3)), Parameter("x", Float(0.5, 32, log=True, step=0.5)))
    )
    for o in played(get_strategy("optuna:RandomSampler"), space, 20)[1:]:
        space.check(o.config)


def test_it_exploits_when_the_nearest_known_trial_is_a_good_one_and_says_which() -> None:
    square = SearchSpace((Parameter("x", Float(0.0, 1.0)), Parameter("y", Float(0.0, 1.0))))
    history = studied(square, 40)
    for seed in range(10):
        suggestion = suggested("TPESampler", history, square, seed)
        away = [math.dist(square.to_unit(suggestion.config), square.to_unit(o.config)) for o in history]
        nearest = int(np.argmin(away))
        rank = 1 + sum(o.loss < history[nearest].loss for o in history)
        assert suggestion.why == f"by Optuna's TPESampler, nearest to trial {nearest}, number {rank} of 40 known"
        assert suggestion.mode == ("exploit" if rank <= 10 else "explore")
    assert suggested("RandomSampler", history, square).mode == "explore"


def test_nothing_is_announced(capfd: pytest.CaptureFixture[str]) -> None:
    verbosity = optuna.logging.get_verbosity()
    suggested("TPESampler", studied(CUBE, 12))
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == verbosity


def test_an_unknown_sampler_is_answered_with_those_there_are_and_the_closest() -> None:
    with pytest.raises(
        UnknownChoice, match=r"(?s)no sampler 'TPE' that needs no arg.*NSGAIISampler.*mean 'optuna:TPESampler'"
    ):
        get_strategy("optuna:TPE")


@pytest.mark.parametrize("sampler", ["BaseSampler", "GridSampler", "PartialFixedSampler"])
def test_a_sampler_that_cannot_be_made_without_arguments_is_refused(sampler: str) -> None:
    with pytest.raises(UnknownChoice, match="that needs no arguments"):
        get_strategy(f"optuna:{sampler}")


def test_a_library_that_a_sampler_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module._LIBRARIES, "NSGAIIISampler", "no_such_library")
    with pytest.raises(MissingExtra, match=r"(?s)NSGAIIISampler needs the library 'no_such_library'.*pip install no_s"):
        get_strategy("optuna:NSGAIIISampler")


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    module.optuna_strategy.cache_clear()
    with pytest.raises(MissingExtra, match=r"(?s)'optuna:TPESampler' needs.*'optuna'.*pip install 'luthier\[optuna\]'"):
        get_strategy("optuna:TPESampler")


def test_the_same_name_is_the_same_strategy() -> None:
    assert get_strategy("optuna:TPESampler") is get_strategy("optuna:TPESampler")
    assert get_strategy("optuna:TPESampler").name == "optuna:TPESampler"
