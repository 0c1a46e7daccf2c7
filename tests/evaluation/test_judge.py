"""A verdict says what was found, what to use, and how far to believe it."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from luthier.evaluation import Verdict, judge, judge_partial
from luthier.scoring import METRICS, OutOfFold, Splits
from luthier.scoring.corrected_t import corrected_t


def table_of(
    y: NDArray[Any], values: NDArray[np.float32], *, kind: str = "stratified", units: NDArray[np.int64] | None = None
) -> OutOfFold:
    rows = np.arange(len(y))
    folds = tuple((np.setdiff1d(rows, valid), valid) for valid in np.array_split(rows, 4))
    splits = Splits(kind, "for a test", folds, 1, rows, rows if units is None else units, np.ones(len(y)))
    return OutOfFold(splits, y, tuple(range(len(values))), values)


def binary(qualities: list[float], rows: int = 300, **layout: Any) -> OutOfFold:
    rng = np.random.default_rng(0)
    y = (rng.random(rows) < 0.5).astype(np.int64)
    readings = np.asarray(qualities)[:, None] * y + rng.standard_normal((len(qualities), rows))
    return table_of(y, (1 / (1 + np.exp(-readings)))[:, :, None].astype(np.float32), **layout)


def verdict_on(table: OutOfFold, metric: str = "roc_auc", *, default: int = 0, **options: Any) -> Verdict:
    options = {"n_replays": 100, **options}
    return judge(table, METRICS[metric], default_trial=default, rng=np.random.default_rng(1), **options)


def test_a_clearly_better_configuration_replaces_the_default() -> None:
    found = verdict_on(binary([0.2, 2.0, 0.3]))
    assert (found.winner, found.shipped, found.default_kept) == (1, 1, False)
    assert found.p_default_as_good < 0.05
    assert found.gain is not None
    assert found.gain.low > 0
    assert found.corrected_t is not None
    assert found.corrected_t.p < 0.05
    assert found.score == found.estimate
    assert "better than the default" in found.sentence


def test_the_default_is_kept_when_it_is_as_likely_as_not_as_good() -> None:
    # The winner is right on one row more than the default; two draws in three leave that row out of the comparison.
    table = binary([1.0])
    wrong = int(np.flatnonzero((table.values[0, :, 0] > 0.5) != (table.y == 1))[0])
    luckier = table.values.repeat(2, axis=0)
    luckier[1, wrong] = 1 - luckier[1, wrong]
    found = verdict_on(table_of(table.y, luckier), "accuracy")
    assert found.winner == 1
    assert found.p_default_as_good >= 0.5
    assert found.shipped == 0
    assert found.score == found.default_estimate
    assert "default is kept" in found.sentence


def test_the_threshold_for_keeping_the_default_is_the_users() -> None:
    table = binary([0.8, 1.1, 0.9], rows=200)
    bold, shy = (verdict_on(table, keep_default_above=threshold) for threshold in (1.01, 0.0))
    assert bold.shipped == bold.winner == 1
    assert shy.shipped == 0
    assert bold.p_default_as_good == shy.p_default_as_good


def test_a_winning_default_needs_no_comparison() -> None:
    found = verdict_on(binary([2.5, 0.1, 0.2]))
    assert found.winner == found.shipped == found.default == 0
    assert found.corrected_t is None
    assert found.gain is not None
    assert found.gain.value == 0.0
    assert "beat the default" in found.sentence


def test_losses_are_judged_in_their_own_sign() -> None:
    found = verdict_on(binary([0.2, 2.0, 0.3]), "log_loss")
    assert not found.greater_is_better
    assert found.winner == 1
    assert found.gain is not None
    assert found.gain.value > 0
    assert found.corrected_t is not None
    assert found.corrected_t.difference > 0
    assert found.optimism == pytest.approx(found.estimate.value - found.naive)


def test_the_test_over_folds_is_nadeau_and_bengios_on_the_folds_of_the_table() -> None:
    table = binary([0.5, 1.0, 0.4])
    by_fold = table.fold_scores(METRICS["roc_auc"])
    expected = corrected_t(by_fold[1] - by_fold[0], test_to_train=1 / 3)
    assert verdict_on(table).corrected_t == expected
    assert verdict_on(table, fold_scores=by_fold).corrected_t == expected


def test_a_default_that_did_not_finish_is_said_to_be_missing() -> None:
    found = verdict_on(binary([0.5, 1.0]), default=7)
    assert found.default is None
    assert not found.default_kept
    assert math.isnan(found.p_default_as_good)
    assert any("default" in line for line in found.not_measured)


def test_one_configuration_is_judged_by_the_plain_bootstrap() -> None:
    found = verdict_on(binary([1.0]))
    assert found.n_configs == 1
    assert found.estimate.value == pytest.approx(found.naive)
    assert found.optimism == pytest.approx(0.0)
    assert found.default_kept
    assert "nothing to choose from" in found.sentence


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "accuracy"])
def test_one_fold_of_one_configuration_already_has_a_score_with_an_interval(metric: str) -> None:
    table = binary([1.0])
    half_empty = table.values[0].copy()
    half_empty[table.splits.fold_slice(1)] = np.nan
    found = judge_partial(
        table.splits,
        table.y,
        half_empty,
        [0],
        METRICS[metric],
        trial=0,
        default_trial=0,
        rng=np.random.default_rng(0),
        n_replays=100,
    )
    first = table.splits.fold_slice(0)
    assert found.score.value == pytest.approx(METRICS[metric].score(table.y[first], table.values[0][first]))
    assert found.score.low < found.score.value < found.score.high
    assert found.score.n == 75
    assert "1 of 4 folds" in found.sentence
    assert any("3 folds" in line for line in found.not_measured)


def test_a_default_shipped_for_want_of_time_is_not_called_the_only_configuration() -> None:
    table = binary([1.0])
    found = judge_partial(
        table.splits,
        table.y,
        table.values[0],
        range(4),
        METRICS["roc_auc"],
        trial=0,
        default_trial=0,
        rng=np.random.default_rng(0),
        n_replays=100,
        passed_over=12,
    )
    assert "no time was left to fit the best of 12 configurations" in found.sentence
    assert "nothing to choose from" not in found.sentence


def test_a_few_rows_or_a_rare_class_are_called_too_little_data() -> None:
    few = verdict_on(binary([0.5, 1.0], rows=16))
    assert not few.enough_data
    assert "16 independent rows" in few.reason
    assert few.reason in few.sentence
    table = binary([0.5, 1.0])
    y = np.zeros(300, np.int64)
    y[:6] = 1
    rare = verdict_on(table_of(y, table.values), "log_loss")
    assert not rare.enough_data
    assert "rarest class has 6 rows" in rare.reason
    assert verdict_on(table).enough_data


def test_time_and_groups_are_named_for_what_they_are() -> None:
    blocks = np.arange(300) // 10
    forward = verdict_on(binary([0.5, 1.0], kind="forward", units=blocks))
    assert forward.score.n == 30
    assert "blocks of time" in forward.reason
    assert "stretch of time" in forward.sentence
    grouped = verdict_on(binary([0.5, 1.0], kind="grouped", units=blocks))
    assert "groups" in grouped.reason


def test_a_metric_that_cannot_be_computed_is_refused() -> None:
    table = binary([0.5, 1.0])
    with pytest.raises(ValueError, match="roc_auc is undefined"):
        verdict_on(table_of(np.zeros(300, np.int64), table.values))


def test_no_finished_fold_is_refused() -> None:
    table = binary([1.0])
    with pytest.raises(ValueError, match="no fold was finished"):
        judge_partial(
            table.splits,
            table.y,
            table.values[0],
            [],
            METRICS["roc_auc"],
            trial=0,
            default_trial=0,
            rng=np.random.default_rng(0),
        )


@pytest.mark.parametrize("default", [0, 7])
def test_its_json_form_comes_back(default: int) -> None:
    found = verdict_on(binary([0.5, 1.0, 0.8]), default=default)
    text = json.dumps(found.to_json(), allow_nan=False)
    assert Verdict.from_json(json.loads(text)).to_json() == found.to_json()


def test_a_verdict_of_another_version_is_refused() -> None:
    body = verdict_on(binary([0.5, 1.0])).to_json()
    with pytest.raises(ValueError, match="version 99"):
        Verdict.from_json({**body, "version": 99})
