"""The configuration whose worst group does best."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import luthier
from luthier.errors import BadColumn, UnknownChoice
from luthier.evaluation.worst_group import FEWEST_ROWS, WorstGroup
from luthier.scoring import OutOfFold, Splits, get_metric
from luthier.scoring.draws import draw

ACCURACY, LOG_LOSS, AUC = (get_metric(name, "binary") for name in ("accuracy", "log_loss", "roc_auc"))


def table_of(rights: list[list[float]], sizes: list[int], seed: int = 0) -> tuple[OutOfFold, np.ndarray]:
    """A table in which configuration c answers a row of group g rightly with chance `rights[c][g]`."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    n = len(group)
    y, rows = rng.integers(0, 2, n), np.arange(n)
    right = rng.random((len(rights), n)) < np.array(rights)[:, group]
    p = np.where(right == (y == 1), 0.9, 0.1).astype(np.float32)
    folds = tuple((np.setdiff1d(rows, v), v) for v in np.array_split(rng.permutation(rows), 4))
    slab = np.concatenate([valid for _, valid in folds])
    splits = Splits("shuffled", "for a test", folds, 1, slab, np.arange(n), np.ones(n))
    return OutOfFold(splits, y[slab], tuple(range(len(rights))), p[:, slab, None]), group[slab].astype(str)


@pytest.mark.parametrize("metric", [ACCURACY, LOG_LOSS, AUC])
def test_what_serves_everybody_is_taken_before_what_serves_most(metric) -> None:
    table, group = table_of([[0.7, 0.6], [0.9, 0.6], [0.8, 0.8]], [1800, 400])
    rule = WorstGroup.among(table, metric, group, 0, np.random.default_rng(0))
    assert rule.pick(table, metric, table.splits.weights) == 2
    scores, which = rule.worst(table, metric, table.splits.weights)
    here, said = np.flatnonzero(group == "1"), table.values[1]  # noqa: PD011 - no frame
    assert which[1] == 1
    assert scores[1] == pytest.approx(metric.score(table.y[here], said[here], np.ones(len(here))))


def test_the_default_stays_where_nothing_is_ahead_beyond_luck() -> None:
    """Twenty configurations as good as the default: the best of them is ahead by luck alone, and mostly left alone."""
    kept = 0
    for seed in range(30):
        table, group = table_of([[0.8, 0.7]] * 2, [600, 150], seed)
        rule = WorstGroup.among(table, ACCURACY, group, 0, np.random.default_rng(0))
        kept += rule.pick(table, ACCURACY, table.splits.weights) == 0
    # One rival is beyond a standard error by luck in 16 %; of 30 runs at most 4 standard errors more.
    assert 1 - kept / 30 <= 0.16 + 4 * np.sqrt(0.16 * 0.84 / 30)


@pytest.mark.parametrize("metric", [ACCURACY, AUC])
def test_all_draws_at_once_choose_as_each_alone(metric) -> None:
    table, group = table_of([[0.75, 0.7], [0.8, 0.72], [0.78, 0.74], [0.7, 0.8]], [200, 80])
    rule = WorstGroup.among(table, metric, group, 0, np.random.default_rng(0))
    draws = draw(table.splits, 30, np.random.default_rng(1))
    together = rule.over(table, metric, draws)
    for replay in range(30):
        np.testing.assert_array_equal(together(replay), rule(table, metric, draws.row_weights(replay)))


def test_small_groups_are_one() -> None:
    table, _ = table_of([[0.8, 0.7]], [300, 40])
    values = np.array(["big"] * 280 + ["b"] * 20 + ["c"] * 20 + ["d"] * 20)
    rule = WorstGroup.among(table, ACCURACY, values, None, np.random.default_rng(0))
    assert rule.names == ("big", "all others")
    assert (np.bincount(rule.codes) == [280, 60]).all()
    values[280:] = ["b"] * (FEWEST_ROWS - 10) + ["big"] * (70 - FEWEST_ROWS)
    with pytest.raises(ValueError, match="no two groups"):
        WorstGroup.among(table, ACCURACY, values, None, np.random.default_rng(0))


@pytest.fixture
def frame(tmp_path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUTHIER_STORE", raising=False)
    rng = np.random.default_rng(0)
    n = 500
    region = rng.choice(["north", "south"], n, p=[0.8, 0.2])
    x = rng.normal(size=n)
    # Straight in the north, bent in the south: a line serves one of them only.
    y = np.where(region == "north", x, 3 * np.abs(x)) + 0.3 * rng.normal(size=n)
    return pd.DataFrame({"region": region, "x": x, "y": y})


def test_a_study_selects_by_the_worst_group_and_says_so(frame: pd.DataFrame) -> None:
    run = luthier.tune(
        frame, "y", budget="8 trials", models="linear,lightgbm", select="worst:region", warm="off", executor="inline"
    )
    verdict = run.verdict
    assert verdict.select == "worst:region"
    assert verdict.blend is None
    assert "its worst group by region" in verdict.sentence
    assert np.isfinite([verdict.score.low, verdict.score.high]).all()
    found = luthier.evaluate(run)  # every reading knows the choice
    assert found["generalisation"].to_dict()["honest"]["value"] == pytest.approx(run.score.value)


def test_a_column_without_groups_is_refused_before_anything_is_written(frame: pd.DataFrame, tmp_path) -> None:
    with pytest.raises(BadColumn, match="no feature 'regoin'"):
        luthier.tune(frame, "y", budget="1 trials", select="worst:regoin")
    with pytest.raises(BadColumn, match="no two groups"):
        luthier.tune(frame.assign(region=["a"] * 480 + ["b"] * 20), "y", budget="1 trials", select="worst:region")
    with pytest.raises(UnknownChoice, match="no way to select"):
        luthier.tune(frame, "y", budget="1 trials", select="worst")
    assert list(tmp_path.iterdir()) == []
