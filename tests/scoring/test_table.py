"""The out-of-fold table: every configuration scored from kept predictions, pooled and fold by fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from luthier.scoring import METRICS, AdditiveMetric, OutOfFold, choose_splits


def table(n: int = 300, C: int = 3, weights: Any = None) -> OutOfFold:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    splits = choose_splits(y, "binary", weights=weights)
    values = rng.random((C, len(splits.rows), 1)).astype(np.float32)
    return OutOfFold(splits, y[splits.rows], tuple(range(10, 10 + C)), values)


def test_pooled_scores_weigh_every_slab_row_by_its_base_weight() -> None:
    t = table(weights=np.random.default_rng(1).random(300))
    expected = [roc_auc_score(t.y, p[:, 0], sample_weight=t.splits.weights) for p in t.values]
    np.testing.assert_allclose(t.scores(METRICS["roc_auc"]), expected, rtol=1e-12)


def test_fold_scores_are_those_of_each_fold_alone() -> None:
    t = table()
    scores = t.fold_scores(METRICS["roc_auc"])
    assert scores.shape == (3, len(t.splits.folds))
    start = 0
    for f, (_, valid) in enumerate(t.splits.folds):
        rows = slice(start, start + len(valid))
        assert scores[1, f] == pytest.approx(roc_auc_score(t.y[rows], t.values[1, rows, 0]), rel=1e-12)
        start += len(valid)


def test_an_additive_metric_scores_the_table_from_its_row_stats() -> None:
    t, metric = table(), METRICS["log_loss"]
    assert isinstance(metric, AdditiveMetric)
    np.testing.assert_allclose(metric.value(t.splits.weights @ t.row_stats(metric)), t.scores(metric), rtol=1e-12)
    p = t.values[0, :, 0].astype(np.float64)
    assert t.scores(metric)[0] == pytest.approx(log_loss(t.y, p, sample_weight=t.splits.weights), rel=1e-6)


def test_a_trial_is_found_by_its_number() -> None:
    t = table()
    assert (t.index(11), len(t)) == (1, 3)
    with pytest.raises(ValueError, match="not in tuple"):
        t.index(0)


@pytest.mark.parametrize("what", ["y", "values", "trials"])
def test_a_table_whose_parts_do_not_fit_cannot_be_made(what: str) -> None:
    t = table()
    parts = {"y": t.y, "values": t.values, "trials": t.trials}
    parts |= (
        {"y": t.y[1:]} if what == "y" else {"values": t.values[:, 1:]} if what == "values" else {"trials": (1, 1, 2)}
    )
    with pytest.raises(ValueError, match=r"slab|need values|twice"):
        OutOfFold(t.splits, **parts)  # type: ignore[arg-type]  # which is the point
