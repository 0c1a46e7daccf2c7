"""Would more rows help: held against curves that are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import luthier
from luthier.evaluation.evidence import Unanswered
from luthier.evaluation.learning_curve import SHARES, SHRINKS, LearningCurve, _next
from luthier.evaluation.over_folds import over_folds
from luthier.scoring import choose_splits


@pytest.mark.parametrize("exponent", [0.25, 0.5, 1.0])
def test_a_power_law_is_carried_on(exponent: float) -> None:
    """Scores of 1 - n^-c at n = 1, 2, 4, 8 say what 16 brings, for all c within the bounds."""
    scores = 1 - np.array([1.0, 2.0, 4.0, 8.0]) ** -exponent
    assert _next(scores[None])[0] == pytest.approx(8.0**-exponent - 16.0**-exponent)


def test_a_curve_that_speeds_up_is_expected_to_go_on_at_its_pace_and_no_faster() -> None:
    assert _next(np.array([[0.0, 0.1, 0.3]]))[0] == pytest.approx(0.2 * SHRINKS[1])


def test_a_curve_that_falls_is_expected_to_fall_on() -> None:
    assert _next(np.array([[0.5, 0.7, 0.6]]))[0] == pytest.approx(-0.1 * SHRINKS[0])
    assert _next(np.array([[0.7, 0.6, 0.6]]))[0] == 0.0


def table(n: int, columns: int, seed: int) -> pd.DataFrame:
    """A sum of columns under noise of variance 1: the squared error of least squares is 1 + p / (n - p - 1)."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, columns))
    frame = pd.DataFrame(X, columns=[f"x{k}" for k in range(columns)])
    return frame.assign(y=X.sum(axis=1) + rng.normal(size=n))


def test_intervals_hold_the_curve_of_least_squares() -> None:
    """In at least 90 % of repeated tables, less three standard errors of that share."""
    n, p, folds, repeats = 400, 8, 5, 200
    rng = np.random.default_rng(0)
    sizes = [round(share * n * (1 - 1 / folds)) for share in (*SHARES, 1.0)]
    truth = np.array([1 + p / (size - p - 1) for size in (*sizes, 2 * sizes[-1])])
    held = np.zeros(3)
    splits = choose_splits(np.zeros(n), "regression", n_folds=folds, seed=0)
    for _ in range(repeats):
        X = rng.normal(size=(n, p))
        y = X.sum(axis=1) + rng.normal(size=n)
        scores = np.empty((folds, len(sizes)))
        for fold, valid in enumerate(np.split(rng.permutation(n), folds)):
            train = rng.permutation(np.setdiff1d(np.arange(n), valid))
            for column, size in enumerate(sizes):
                beta = np.linalg.lstsq(X[train[:size]], y[train[:size]])[0]
                scores[fold, column] = -np.mean((y[valid] - X[valid] @ beta) ** 2)
        lost = [over_folds(scores[:, [-1]] - scores[:, [k]], np.ravel, splits) for k in (0, 2)]
        held += [truth[0] - truth[3] in lost[0], truth[2] - truth[3] in lost[1],
                 truth[3] - truth[4] in over_folds(scores, _next, splits)]  # fmt: skip
    assert (held / repeats > 0.9 - 3 * np.sqrt(0.09 / repeats)).all()


def test_two_folds_cannot_say_how_sure() -> None:
    splits = choose_splits(np.zeros(100), "regression", n_folds=2, seed=0)
    found = over_folds(np.array([[0.1], [0.3]]), np.ravel, splits)
    assert found.value == pytest.approx(0.2)
    assert np.isnan(found.low)
    assert np.isnan(found.high)


@pytest.fixture
def _here(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUTHIER_STORE", raising=False)


@pytest.mark.usefixtures("_here")
def test_the_curve_of_least_squares_is_the_one_in_the_books() -> None:
    n, p = 1000, 20
    run = luthier.tune(
        table(n, p, 0), "y", metric="rmse", models="linear", budget="1 trials", executor="inline", final="refit"
    )
    told: list[str] = []
    found = luthier.evaluate(run, learning_curve=True, say=told.append)["learning_curve"]
    assert isinstance(found, LearningCurve)
    assert told[0].startswith("fits 15 models on fewer rows")
    assert [point.rows for point in found.points] == [100, 200, 400]

    def rmse(rows: float) -> float:
        return float(np.sqrt(1 + p / (rows - p - 1)))

    for point in found.points:
        assert point.lost.low < rmse(point.rows) - rmse(800) < point.lost.high
    assert found.doubling.low < rmse(800) - rmse(1600) < found.doubling.high
    assert found.points[0].lost.value == pytest.approx(rmse(100) - rmse(800), rel=0.5)


@pytest.mark.usefixtures("_here")
def test_a_handful_of_rows_has_no_curve() -> None:
    run = luthier.tune(table(200, 3, 1), "y", models="linear", budget="1 trials", executor="inline", final="refit")
    found = luthier.evaluate(run, learning_curve=True)["learning_curve"]
    assert isinstance(found, Unanswered)
    assert "30 would do" in found.reason


@pytest.mark.usefixtures("_here")
def test_a_constant_has_nothing_to_learn() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=600), "y": rng.normal(size=600)})
    run = luthier.tune(frame, "y", models="linear", budget="1 trials", executor="inline", final="refit")
    found = luthier.evaluate(run, learning_curve=True)["learning_curve"]
    assert isinstance(found, LearningCurve)
    assert not found.helps
    assert found.sentence.startswith("more rows are not told to help")
