from __future__ import annotations

import math

import numpy as np
import pytest

from luthier.space import SearchSpace
from luthier.strategies import Observation, Suggestion, get_strategy
from luthier.strategies.gaussian_process import GaussianProcess, _level
from luthier.strategies.gp.encoding import Encoding
from luthier.strategies.gp.readings import Readings
from luthier.testing.strategies import answer, example_spaces, loss_of, played

SPACE = SearchSpace.parse({"x": (0.0, 1.0), "y": (0.0, 1.0), "kind": ["a", "b", "c"]})


def trial(number: int, x: float, loss: float, **changes: object) -> Observation:
    about = {"state": "complete", "loss": loss, "loss_sd": math.nan, "cost_s": 1.0, "folds_done": 5, "folds": 5}
    return Observation(number, {"x": x, "y": 0.5, "kind": "a"}, **(about | changes))  # type: ignore[arg-type]


def best_of(kind: str, space: SearchSpace) -> float:
    """Median over three seeds of the lowest loss after 35 trials."""
    runs = [played(get_strategy(kind), space, 35, seed=seed) for seed in (1, 2, 3)]
    return float(np.median([min(loss_of(space, o.config) for o in run) for run in runs]))


def test_it_comes_much_closer_to_the_minimum_than_random_search() -> None:
    space = example_spaces()["mixed"]
    assert best_of("gp", space) < 0.5 * best_of("random", space)


def test_it_finds_the_bottom_of_a_branch_of_a_conditional_space() -> None:
    """The best of the forests has a loss of 0.04, the best of the support vector machines one of 0.036."""
    assert best_of("gp", example_spaces()["conditional"]) < 0.0401


def test_workers_are_sent_to_different_places_while_nothing_comes_in() -> None:
    history = played(GaussianProcess, SPACE, 12)
    strategy = GaussianProcess.for_study(SPACE, seed=0, n_trials=None)
    points = []
    for number in range(12, 16):
        suggestion = answer(strategy, SPACE, history)
        assert suggestion is not None
        points.append([suggestion.config["x"], suggestion.config["y"]])
        history.append(Observation(number, suggestion.config, "running", math.nan, math.nan, 0.0, 0, 5))
    assert min(math.dist(a, b) for k, a in enumerate(points) for b in points[:k]) > 1e-3


def test_evidence_is_a_prediction_in_the_losss_own_unit() -> None:
    rng = np.random.default_rng(0)
    history = [trial(k, x, 100.0 + 50.0 * (x - 0.3) ** 2) for k, x in enumerate(rng.random(14))]
    suggestion = answer(GaussianProcess.for_study(SPACE, seed=0, n_trials=None), SPACE, history)
    assert isinstance(suggestion, Suggestion)
    assert suggestion.evidence is not None
    assert suggestion.evidence.mean is not None
    assert suggestion.evidence.sd is not None
    assert 95 < suggestion.evidence.mean < 135
    assert suggestion.evidence.source == "gp"


def test_choices_are_equally_far_apart_and_inactive_parameters_do_not_count() -> None:
    space = example_spaces()["conditional"]
    encoding = Encoding.of(space)
    svm = [{"model": "svm", "svm.kernel": "linear", "svm.C": c} for c in (1e-3, 1e3)]
    forest = {"model": "forest", "forest.max_features": 0.525}
    X = encoding(space.to_units([*svm, forest, {"model": "constant"}]))
    assert np.linalg.norm(X[0] - X[1]) == pytest.approx(1.0)
    assert np.linalg.norm(X[2] - X[3]) == pytest.approx(1.0)


def test_partial_readings_count_as_what_they_are() -> None:
    history = [
        trial(0, 0.1, 1.0, curve=((0.25, 3.0), (0.5, 2.0), (1.0, 1.0))),
        trial(1, 0.2, 2.5, state="partial", fidelity=0.5, folds_done=0, curve=((0.25, 3.5), (0.5, 2.5))),
        trial(2, 0.3, 1.2, state="partial", folds_done=2, loss_sd=0.3),
        trial(3, 0.4, math.nan, state="failed", folds_done=0),
        trial(4, 0.5, math.nan, state="running", folds_done=0),
    ]
    readings = Readings.of(history)
    rows = zip(
        readings.row.tolist(), readings.loss.tolist(), readings.sd.tolist(), readings.share.tolist(), strict=True
    )
    assert list(rows) == [
        (0, 2.0, 0.0, 0.5),
        (0, 1.0, 0.0, 1.0),
        (1, 2.5, 0.0, 0.5),
        (2, 1.2, 0.3, 1.0),
        (3, 2.5, 0.0, 1.0),
    ]


def test_a_training_stopped_early_is_not_taken_for_a_bad_one() -> None:
    """Losses fall to a third by the end of a training: read at a quarter, the best region looks like the worst."""
    rng = np.random.default_rng(1)
    history = []
    for k, x in enumerate(rng.random(16)):
        whole = (x - 0.8) ** 2
        if x > 0.6 and k % 2:
            history.append(
                trial(k, x, whole + 1.0, state="partial", fidelity=0.25, folds_done=0, curve=((0.25, whole + 1.0),))
            )
        else:
            history.append(trial(k, x, whole, curve=((0.25, whole + 1.0), (1.0, whole))))
    strategy = GaussianProcess.for_study(SPACE, seed=0, n_trials=None)
    found = [strategy.ask(SPACE, history, np.random.default_rng(s)) for s in range(5)]
    assert all(s is not None and abs(s.config["x"] - 0.8) < 0.25 for s in found)


def test_beliefs_are_learned_anew_from_each_result_then_from_each_tenth_more() -> None:
    assert [_level(n) for n in (5, 6, 20, 21, 22, 23, 25, 100)] == [5, 6, 20, 20, 22, 22, 25, 97]
