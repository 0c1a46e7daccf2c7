"""The simplest configuration that is as good as the best, as far as the rows can tell."""

from __future__ import annotations

import numpy as np
import pytest

from luthier.evaluation import Verdict
from luthier.evaluation.judging import judge_with_spare
from luthier.evaluation.simplest import PILOT, Simplest
from luthier.scoring import OutOfFold, Splits, get_metric
from luthier.scoring.draws import draw

ACCURACY, LOG_LOSS = get_metric("accuracy", "binary"), get_metric("log_loss", "binary")


def table_of(rights: list[float], n: int = 2000, seed: int = 0) -> OutOfFold:
    """A table in which configuration c answers a row rightly with chance `rights[c]`."""
    rng = np.random.default_rng(seed)
    y, rows = rng.integers(0, 2, n), np.arange(n)
    right = rng.random((len(rights), n)) < np.array(rights)[:, None]
    p = np.where(right == (y == 1), 0.9, 0.1).astype(np.float32)
    folds = tuple((np.setdiff1d(rows, v), v) for v in np.array_split(rows, 4))
    splits = Splits("shuffled", "for a test", folds, 1, rows, rows, np.ones(n))
    return OutOfFold(splits, y, tuple(range(len(rights))), p[:, :, None])


def picked(table: OutOfFold, seconds: list[float], metric=ACCURACY) -> int:
    rule = Simplest.among(table, metric, seconds, np.random.default_rng(0))
    return rule.pick(table, metric, table.splits.weights)


def with_a_rival(gained: int, lost: int) -> OutOfFold:
    """Trial 1 is right on 1,600 of 2,000 rows; trial 2 is right on `gained` more of them, and wrong on `lost` more."""
    table = table_of([0.60, 0.80])
    values = np.concatenate([table.values, table.values[1:]])
    right = (values[1, :, 0] > 0.5) == (table.y == 1)
    for rows in (np.flatnonzero(~right)[:gained], np.flatnonzero(right)[:lost]):
        values[2, rows] = 1 - values[2, rows]
    return OutOfFold(table.splits, table.y, (0, 1, 2), values)


@pytest.mark.parametrize(
    ("gained", "lost", "chosen"),
    [
        (24, 20, 1),  # 4 rows ahead, with a standard error of the square root of 44
        (40, 20, 2),  # 20 rows, of the square root of 60
    ],
)
def test_what_costs_more_is_taken_only_where_it_is_ahead_by_more_than_luck(gained: int, lost: int, chosen: int) -> None:
    assert picked(with_a_rival(gained, lost), [0.1, 1.0, 8.0]) == chosen


@pytest.mark.parametrize("metric", [ACCURACY, LOG_LOSS])
def test_what_is_ahead_beyond_luck_is_taken_whatever_it_costs(metric) -> None:
    assert picked(table_of([0.60, 0.70, 0.80]), [0.1, 1.0, 60.0], metric) == 2


def test_of_configurations_of_about_the_same_cost_the_better_is_taken() -> None:
    """Times within a factor of two of each other are the luck of the clock."""
    table = table_of([0.80, 0.80, 0.80])
    assert picked(table, [4.1, 5.0, 7.9]) == int(table.scores(ACCURACY).argmax())


def test_the_standard_error_is_that_of_paired_rows() -> None:
    table = table_of([0.7, 0.8, 0.9])
    rule = Simplest.among(table, ACCURACY, [1.0, 1.0, 1.0], np.random.default_rng(0))
    right = (table.values[:, :, 0] > 0.5) == (table.y == 1)
    for a, b in [(0, 1), (0, 2), (1, 2)]:
        exact = np.std(right[a].astype(float) - right[b]) / np.sqrt(len(table.y))
        assert rule.se[a, b] == rule.se[b, a] == pytest.approx(exact, rel=4 / np.sqrt(2 * PILOT))
    assert (np.diag(rule.se) == 0).all()


def test_all_draws_at_once_choose_as_each_alone() -> None:
    table = table_of([0.75, 0.80, 0.81, 0.79], n=200)
    rule = Simplest.among(table, LOG_LOSS, [1.0, 2.0, 9.0, 0.5], np.random.default_rng(0))
    draws = draw(table.splits, 40, np.random.default_rng(1))
    together = rule.over(table, LOG_LOSS, draws)
    alone = [rule(table, LOG_LOSS, draws.row_weights(replay)) for replay in range(40)]
    assert all((together(replay) == alone[replay]).all() for replay in range(40))
    assert len({p.tobytes() for p in alone}) > 1


def test_a_configuration_without_a_score_is_never_chosen() -> None:
    table = table_of([0.7, 0.8])
    values = table.values.copy()
    values[0] = np.nan
    broken = OutOfFold(table.splits, table.y, table.trials, values)
    assert picked(broken, [0.1, 8.0], LOG_LOSS) == 1


def test_the_verdict_is_on_what_was_chosen_and_says_how() -> None:
    table = with_a_rival(24, 20)
    rule = Simplest.among(table, ACCURACY, [0.1, 1.0, 8.0], np.random.default_rng(0))
    verdict, spare = judge_with_spare(
        table,
        ACCURACY,
        default_trial=0,
        rng=np.random.default_rng(0),
        n_blend_replays=200,
        chooser=rule,
        select="simplest",
    )
    assert verdict == spare
    assert (verdict.select, verdict.winner, verdict.shipped) == ("simplest", 1, 1)
    assert verdict.naive == table.scores(ACCURACY)[1]
    assert 0.8 in verdict.estimate
    assert Verdict.from_json(verdict.to_json()).select == "simplest"
