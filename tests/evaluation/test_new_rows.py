"""New rows against the promise: luck is told from change."""

from __future__ import annotations

import numpy as np
import pytest

from luthier.evaluation.new_rows import judge_new_rows
from luthier.scoring import METRICS, Estimate


def judged(y: np.ndarray, p: np.ndarray, promise: Estimate, metric: str = "accuracy"):
    return judge_new_rows(
        y,
        p[:, None],
        metric=METRICS[metric],
        promise=promise,
        others={},
        weights=np.ones(len(y)),
        units=np.arange(len(y)),
        classes=True,
        n_without_label=0,
        rng=np.random.default_rng(0),
    )


def rows(n: int, right: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    return y, np.where(rng.random(n) < right, y, 1 - y) * 0.8 + 0.1


def test_a_kept_promise_is_seldom_called_broken() -> None:
    # The promise itself was measured on 300 rows, so it is off by luck as well.
    rng, repeats, called = np.random.default_rng(1), 120, 0
    for seed in range(repeats):
        value = rng.binomial(300, 0.8) / 300
        half = 1.96 * np.sqrt(value * (1 - value) / 300)
        found = judged(*rows(200, 0.8, seed), Estimate(value, value - half, value + half, 300))
        called += found.standing != "kept"
    assert called / repeats <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repeats)


def test_a_model_that_got_worse_is_found_out_and_one_that_got_better_too() -> None:
    promise = Estimate(0.8, 0.76, 0.84, 400)
    assert judged(*rows(400, 0.6, 0), promise).standing == "broken"
    assert judged(*rows(400, 0.95, 0), promise).standing == "exceeded"


def test_losses_are_better_when_they_are_lower() -> None:
    y, p = rows(400, 0.9, 0)
    found = judged(y, p, Estimate(0.9, 0.85, 0.95, 400), "log_loss")
    assert found.difference.value > 0
    assert found.standing == "exceeded"


def test_one_class_alone_leaves_the_ranking_unknown() -> None:
    y, p = np.ones(50, np.int64), np.linspace(0.1, 0.9, 50)
    assert judged(y, p, Estimate(0.8, 0.7, 0.9, 50), "roc_auc").standing == "unknown"


def test_the_difference_takes_the_halves_that_point_its_way() -> None:
    found = judged(*rows(500, 0.8, 3), Estimate(0.8, 0.5, 0.81, 500))
    score = found.score
    # Above: the upper half of the score and the lower, long half of the promise.
    expected = np.hypot(score.high - score.value, 0.3)
    assert found.difference.high - found.difference.value == pytest.approx(expected)
