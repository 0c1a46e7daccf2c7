"""The chain of choices: honest where nothing can be learned, and each step looks at its own rows only."""

from __future__ import annotations

import numpy as np
import pytest

from luthier.evaluation.chain import Chain
from luthier.evaluation.thresholds import ByFBeta, Fixed
from luthier.scoring import METRICS, OutOfFold, Splits
from luthier.scoring.draws import draw
from luthier.scoring.recalibration import fit_recalibrator
from luthier.scoring.replay import replay

AUC = METRICS["roc_auc"]


def world(n: int, configs: int, seed: int, signal: float = 0.0) -> OutOfFold:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    z = rng.normal(0, 1, (configs, n)) + signal * (y - 0.5)
    valid = np.array_split(np.arange(n), 5)
    folds = tuple((np.setdiff1d(np.arange(n), v), v) for v in valid)
    splits = Splits("shuffled", "", folds, 1, np.arange(n), np.arange(n), np.ones(n))
    return OutOfFold(splits, y, tuple(range(configs)), (1 / (1 + np.exp(-z))).astype(np.float32)[:, :, None])


def test_a_chain_is_its_steps_one_after_the_other() -> None:
    table, weights = world(200, 5, 0, signal=1.0), np.ones(200)
    best = table.values[int(np.argmax(table.scores(AUC)))]
    mended = fit_recalibrator("platt", table.y, best).apply(best)
    cut = ByFBeta(1.0).choose(table.y, mended[:, 0], weights)
    chain = Chain(select_by=AUC, recalibrator="platt", rule=ByFBeta(1.0))
    np.testing.assert_array_equal(chain(table, METRICS["f1"], weights), mended > cut)
    np.testing.assert_array_equal(Chain(select_by=AUC, fixed=3)(table, AUC, weights), table.values[3])


def test_over_draws_it_chooses_as_it_does_alone() -> None:
    table = world(150, 8, 1, signal=0.7)
    draws = draw(table.splits, 20, np.random.default_rng(0))
    chain = Chain(select_by=AUC, recalibrator="temperature", rule=ByFBeta(2.0))
    chosen = chain.over(table, METRICS["f1"], draws)
    for replay_number in range(20):
        alone = chain(table, METRICS["f1"], draws.row_weights(replay_number))
        np.testing.assert_array_equal(chosen(replay_number), alone)


def test_it_looks_at_no_row_without_weight() -> None:
    table = world(200, 5, 2, signal=0.5)
    weights = (np.arange(200) < 120).astype(float)
    other = OutOfFold(table.splits, np.where(weights > 0, table.y, 1 - table.y), table.trials, table.values)
    chain = Chain(select_by=AUC, recalibrator="isotonic", rule=ByFBeta(1.0))
    np.testing.assert_array_equal(chain(table, AUC, weights), chain(other, AUC, weights))


def test_on_coin_flips_selection_and_threshold_together_promise_nothing() -> None:
    accuracy, found = METRICS["accuracy"], []
    for seed in range(12):
        # The cut at the highest F1 calls nearly everybody positive; accuracy at it is a half in truth.
        chain = Chain(select_by=AUC, rule=ByFBeta(1.0))
        rng = np.random.default_rng(seed)
        found.append(replay(world(200, 40, seed), accuracy, choose=chain, n_replays=60, rng=rng))
    naive, honest = np.mean([f.naive for f in found]), np.mean([f.estimate.value for f in found])
    spread = np.std([f.estimate.value for f in found]) / np.sqrt(len(found))
    assert honest < 0.52 + 2 * spread
    assert honest < naive
    assert sum(0.5 in f.estimate for f in found) >= 10  # 95 % of 12 is 11.4


def test_a_threshold_somebody_named_is_not_moved() -> None:
    table = world(100, 1, 0)
    made = Chain(select_by=AUC, rule=Fixed(0.9))(table, AUC, np.ones(100))
    np.testing.assert_array_equal(made, table.values[0] > 0.9)


@pytest.mark.parametrize("configs", [1, 40])
def test_the_median_of_a_few_configurations_stands_for_all(configs: int) -> None:
    scores = Chain(select_by=AUC, rule=ByFBeta(1.0)).scores_alone(world(100, configs, 0), METRICS["f1"])
    assert np.isfinite(scores).sum() == min(configs, 25)
