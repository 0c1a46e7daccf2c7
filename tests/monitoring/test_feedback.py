"""Scores from feedback are those a brute-force reader of the whole log would compute."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from luthier.monitoring import Delay, Joined, online_score
from luthier.monitoring.feedback import ticks
from luthier.scoring import get_metric

T0 = pd.Timestamp("2026-01-01", tz="UTC")
lines = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["yes", "no"]), st.integers(0, 3), st.integers(0, 3)), max_size=40
)


def logs(asked: list[int], told: list[tuple[int, str, int, int]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    predictions = pd.DataFrame({"prediction_id": [f"r{i}" for i in asked], "at": [T0] * len(asked)})
    feedback = pd.DataFrame(
        {
            "prediction_id": pd.Series([f"r{i}" for i, *_ in told], dtype="str"),
            "label": pd.Series([label for _, label, *_ in told], dtype="str"),
            "known_at": pd.Series([T0 + pd.Timedelta(hours=h) for *_, h, _ in told], dtype="datetime64[us, UTC]"),
            "received_at": pd.Series([T0 + pd.Timedelta(hours=h) for *_, h in told], dtype="datetime64[us, UTC]"),
        }
    )
    return predictions, feedback


@given(asked=st.lists(st.integers(0, 9), min_size=1, max_size=15), told=lines)
def test_the_label_in_force_is_found_whatever_the_order_of_the_lines(
    asked: list[int], told: list[tuple[int, str, int, int]]
) -> None:
    truth: dict[int, str] = {}
    for i in set(asked):
        mine = sorted((received, known, label) for j, label, known, received in told if j == i)
        if mine:
            truth[i] = mine[-1][2]
    predictions, feedback = logs(asked, told)
    joined = Joined.of(predictions, feedback)
    found = {
        int(predictions.prediction_id[row][1:]): feedback.label[at]
        for row, at in zip(joined.rows, joined.label, strict=True)
        if at >= 0
    }
    assert found == truth
    assert len(joined.rows) == len(set(asked))
    assert joined.strangers == sum(j not in asked for j, *_ in told)
    assert joined.corrected == sum(len({label for j, label, *_ in told if j == i}) > 1 for i in set(asked))


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
@example(seed=315)  # two labels of one prediction in the same second
def test_online_scores_equal_a_recomputation_on_shuffled_late_doubled_and_corrected_feedback(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 300
    at = T0 + pd.to_timedelta(np.sort(rng.integers(0, 20 * 86_400, n)), unit="s")
    p = rng.random(n)
    predictions = pd.DataFrame({"prediction_id": [f"r{i}" for i in range(n)], "at": at, "p": p})
    events = []
    for i in range(n):
        for _ in range(rng.integers(0, 4)):
            late = pd.Timedelta(seconds=int(rng.exponential(3 * 86_400)))
            events.append((f"r{i}", ["no", "yes"][rng.integers(2)], at[i] + late, at[i] + late))
    feedback = pd.DataFrame(events, columns=["prediction_id", "label", "known_at", "received_at"])
    # The order that `Joined.of` promises: of two labels received in the same second the later by its text.
    in_force = feedback.sort_values(["received_at", "known_at", "label"]).groupby("prediction_id").label.last()
    truth = predictions.assign(y=predictions.prediction_id.map(in_force).map({"no": 0, "yes": 1})).dropna()

    log = pd.concat([predictions, predictions.sample(40, random_state=seed)]).sample(frac=1, random_state=seed)
    feedback = pd.concat([feedback, feedback.sample(60, random_state=seed)]).sample(frac=1, random_state=seed)
    log, feedback = log.reset_index(drop=True), feedback.reset_index(drop=True)
    joined = Joined.of(log, feedback)
    y = np.where(joined.labelled, feedback.label.eq("yes").to_numpy()[joined.label], 0).astype(np.int64)
    for name in ("log_loss", "roc_auc", "accuracy"):
        metric = get_metric(name, "binary")
        found = online_score(
            metric,
            y,
            log.p.to_numpy()[joined.rows, None],
            at_us=ticks(log["at"])[joined.rows],
            labelled=joined.labelled,
            first_label_us=ticks(feedback.received_at)[joined.first],
            now_us=int(ticks(feedback.received_at).max()),
            rng=rng,
            slices={"half": log.prediction_id.str[1:].astype(int).to_numpy()[joined.rows] % 2},
        )
        # Sums of floats in another order: equal to the last digits.
        expected = metric.score(truth.y.to_numpy().astype(np.int64), truth.p.to_numpy()[:, None])
        assert found.score.value == pytest.approx(expected, rel=1e-12)
        assert (found.predictions, found.labelled) == (n, len(truth))
        for one in found.slices:
            part = truth[truth.prediction_id.str[1:].astype(int) % 2 == int(one.level)]
            expected = metric.score(part.y.to_numpy().astype(np.int64), part.p.to_numpy()[:, None])
            assert one.score.value == pytest.approx(expected, rel=1e-12)
        day = 86_400_000_000
        for period in found.periods:
            here = truth[ticks(truth["at"]) // day * day == period.start_us]
            assert period.labelled == len(here)


def test_the_delay_of_labels_is_kaplan_and_meiers() -> None:
    rng = np.random.default_rng(0)
    n = 400
    delay, watched = rng.exponential(3.0, n), rng.uniform(0, 6, n)
    came = delay <= watched
    found = Delay.of(np.minimum(delay, watched), came)
    reference = stats.ecdf(stats.CensoredData(uncensored=delay[came], right=watched[~came])).cdf
    assert found.share == pytest.approx(reference.evaluate(found.after_s))
    # Half of those to be expected within the six days watched; naively it would be the median of those that came.
    truth = -3 * math.log(1 - 0.5 * (1 - math.exp(-2)))
    assert found.quantile_s(0.5) == pytest.approx(truth, abs=0.5)


def test_periods_whose_labels_are_still_to_come_are_not_settled() -> None:
    day = 86_400_000_000
    rng = np.random.default_rng(1)
    n = 20_000
    at = np.sort(rng.integers(0, 20 * day, n))
    came = at + (rng.exponential(3 * day, n)).astype(np.int64)
    now = 20 * day
    # Labels of the positive class come at once, the others late: early labels lean.
    y = (rng.random(n) < 0.5).astype(np.int64)
    came = np.where(y == 1, at, came)
    labelled = came <= now
    found = online_score(
        get_metric("accuracy", "binary"), y, np.full((n, 1), 0.9), at_us=at, labelled=labelled,
        first_label_us=came, now_us=now, rng=rng,
    )  # fmt: skip
    assert [period.settled for period in found.periods] == sorted((p.settled for p in found.periods), reverse=True)
    assert found.periods[0].settled
    assert not found.periods[-1].settled
    # What is settled leans by half of the 5 % that may still come, at most.
    assert abs(found.settled.value - 0.5) < 0.02 < abs(found.score.value - 0.5)
    assert found.kept(found.settled) is True


@pytest.mark.parametrize("name", ["log_loss", "roc_auc"])
def test_the_interval_of_a_score_covers_the_truth(name: str) -> None:
    rng = np.random.default_rng(2)
    metric = get_metric(name, "binary")
    big = rng.beta(2, 5, 400_000)
    truth = metric.score((rng.random(len(big)) < big).astype(np.int64), big[:, None])
    covered = 0
    for _ in range(200):
        p = rng.beta(2, 5, 400)
        y = (rng.random(400) < p).astype(np.int64)
        moment = np.zeros(400, np.int64)
        found = online_score(
            metric, y, p[:, None], at_us=moment, labelled=moment == 0, first_label_us=moment, now_us=1, rng=rng
        )
        covered += truth in found.score
    # Three standard errors of a share of 95 % in 200: 4.6 points.
    assert covered / 200 == pytest.approx(0.95, abs=0.046)
