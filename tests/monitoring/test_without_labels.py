"""A score expected without labels is the score that labels would have shown, as long as the world has not turned."""

from __future__ import annotations

import numpy as np
import pytest

from luthier.monitoring import ExpectedScore, expected_score
from luthier.monitoring.without_labels import _recalibrated, expected
from luthier.scoring import AdditiveMetric, RankMetric, get_metric
from luthier.scoring.metrics.metric import Task


def scored(name: str, task: Task = "binary") -> AdditiveMetric | RankMetric:
    metric = get_metric(name, task)
    assert isinstance(metric, AdditiveMetric | RankMetric)
    return metric


def rows(n: int, rng: np.random.Generator, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    X = rng.normal(size=(n, 4)) + np.array([shift, 0, 0, 0])
    chance = 1 / (1 + np.exp(-(1.2 * X[:, 0] - 0.8 * X[:, 1])))
    y = (rng.random(n) < chance).astype(np.int64)
    told = 1 / (1 + np.exp(-1.5 * np.log(chance / (1 - chance))))  # over-confident: chances cannot be taken as such
    return X, y, told[:, None]


@pytest.mark.parametrize("name", ["roc_auc", "log_loss", "accuracy", "f1"])
def test_the_expectation_is_the_mean_over_labels_drawn_by_the_chances(name: str) -> None:
    rng = np.random.default_rng(0)
    metric, q = scored(name), rng.beta(2, 3, (800, 1))
    p = np.sqrt(q)
    drawn = [metric.score((rng.random(800) < q[:, 0]).astype(np.int64), p) for _ in range(400)]
    # Four standard errors of the mean, and a term of the order 1/n for ratios.
    assert expected(metric, p, q) == pytest.approx(np.mean(drawn), abs=float(4 * np.std(drawn) / 20 + 1 / 800))


@pytest.mark.parametrize("name", ["roc_auc", "log_loss"])
def test_without_shift_it_is_as_near_as_sampling_allows_and_its_interval_covers(name: str) -> None:
    rng, metric = np.random.default_rng(1), scored(name)
    errors, spread, covered = [], [], 0
    repeats = 12
    for _ in range(repeats):
        X, y, p = rows(4000, rng)
        X_now, y_now, p_now = rows(1000, rng)
        found = expected_score(metric, y, p, p_now, X=X, X_now=X_now, rng=rng)
        truth = metric.score(y_now, p_now)
        errors.append(found.score.value - truth)
        spread.append(truth)
        covered += truth in found.score
        assert found.broken == ""
    # The bar is 1.3; a root mean square of 12 has a standard error of 20 % of itself.
    assert np.sqrt(np.mean(np.square(errors))) <= 1.3 * 1.6 * np.std(spread)
    assert covered / repeats >= 0.9 - 3 * np.sqrt(0.09 / repeats)


def test_under_a_shift_of_the_inputs_it_is_far_better_than_to_assume_that_nothing_has_changed() -> None:
    rng, metric = np.random.default_rng(2), scored("log_loss")
    ours, unchanged = [], []
    for _ in range(8):
        X, y, p = rows(4000, rng)
        X_now, y_now, p_now = rows(1500, rng, shift=1.2)
        found = expected_score(metric, y, p, p_now, X=X, X_now=X_now, rng=rng)
        truth = metric.score(y_now, p_now)
        ours.append(abs(found.score.value - truth))
        unchanged.append(abs(found.reference - truth))
    assert np.mean(ours) <= 0.5 * np.mean(unchanged)


def test_rows_unlike_any_before_light_the_lamp() -> None:
    rng, metric = np.random.default_rng(3), scored("log_loss")
    X, y, p = rows(2000, rng)
    X_now, _, p_now = rows(500, rng, shift=6.0)
    found = expected_score(metric, y, p, p_now, X=X, X_now=X_now, rng=rng)
    assert "unlike any of the reference" in found.broken or "are like those of now" in found.broken
    assert "cannot be seen" in found.to_dict()["cannot_see"]
    assert ExpectedScore.from_dict(found.to_dict()) == found


def test_several_classes_are_expected_alike() -> None:
    rng, metric = np.random.default_rng(4), scored("log_loss", "multiclass")

    def three(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        X = rng.normal(size=(n, 3))
        chance = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
        y = (chance.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
        sharp = chance**1.5 / (chance**1.5).sum(axis=1, keepdims=True)
        return X, y, sharp

    X, y, p = three(4000)
    X_now, y_now, p_now = three(2000)
    found = expected_score(metric, y, p, p_now, X=X, X_now=X_now, rng=rng)
    assert metric.score(y_now, p_now) in found.score


def test_chances_that_are_exactly_right_are_left_as_they_are() -> None:
    """The first step of the fit is then exactly zero."""
    p, y = np.full((200, 1), 0.5), np.tile([0, 1], 100)
    assert np.array_equal(_recalibrated(y, p, np.ones(200))(p), p)
