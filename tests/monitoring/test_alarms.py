"""False alarms keep to their budget, and one cause is told once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from luthier.monitoring import (
    Alarm,
    AlarmBudget,
    Baseline,
    Live,
    WatchPolicy,
    calibration_drift,
    deduplicate,
    gathered,
    screen_sources,
    watch,
)
from luthier.monitoring.alarms import YEAR_S
from luthier.monitoring.where import worse_slices
from luthier.scoring import get_metric

DAY_US = 86_400_000_000


def test_the_levels_of_all_looks_of_a_year_add_up_to_the_budget() -> None:
    budget = AlarmBudget(per_year=2.0, detectors=5)
    assert budget.level(every_s=3600.0) * 5 * YEAR_S / 3600 == pytest.approx(2.0)
    assert budget.mean_time_s() == pytest.approx(2.5 * YEAR_S)
    assert AlarmBudget(per_year=1000).level(every_s=YEAR_S) == 0.05


def test_a_cause_is_told_once_as_long_as_it_lasts_and_again_when_it_comes_back() -> None:
    age = Alarm("inputs", ("age",), "age moved", since_us=0)
    looks: list[list[Alarm]] = [[], [age], [replace(age, since_us=2)], [], [age], *[[]] * 5, [replace(age, since_us=9)]]
    told = deduplicate(looks, rearm_after=3)
    assert [(alarm.since_us, alarm.looks) for alarm in told] == [(0, 3), (9, 1)]


def test_columns_that_break_together_are_one_message() -> None:
    both = [Alarm("inputs", (name,), f"{name} moved", since_us=5, effect=e) for name, e in (("a", 0.2), ("b", 0.6))]
    (one,) = gathered(both)
    assert one.subject == ("b", "a")
    assert one.words == "b moved; a moved"


# --- the whole, on a model that answers its own truth -----------------------------------------------------------------


Answers = tuple[pd.DataFrame, NDArray[np.int64], NDArray[np.float64]]


def answers(n: int, rng: np.random.Generator, *, shift: float = 0.0, turn: float = 0.0) -> Answers:
    frame = pd.DataFrame({"x": rng.normal(shift, 1, n), "w": rng.choice(["a", "b", "c"], n), "z": rng.normal(size=n)})
    chance = 1 / (1 + np.exp(-1.5 * frame["x"]))
    truth = 1 / (1 + np.exp(-1.5 * (1 - 2 * turn) * frame["x"]))
    y = (rng.random(n) < truth).astype(np.int64)
    return frame, y, chance.to_numpy()[:, None]


def live(n: int, rng: np.random.Generator, *, days: int = 10, labels: bool = True, **how: float) -> Live:
    frame, y, p = answers(n, rng, **how)
    at = np.sort(rng.integers(0, days * DAY_US, n))
    known = np.full(n, labels)
    return Live(frame, p, at, y, known, np.where(known, at + 3_600_000_000, 0), np.full(n, None, object))


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    rng = np.random.default_rng(0)
    frame, y, p = answers(6000, rng)
    return Baseline.of(frame, y, p, rng=rng)


METRIC = get_metric("roc_auc", "binary")


def test_weeks_of_daily_looks_without_drift_are_quiet(baseline: Baseline) -> None:
    rng = np.random.default_rng(1)
    found = watch(baseline, live(16 * 150, rng, days=16), METRIC, WatchPolicy(), now_us=None)
    # Of sixteen days 0.04 false alarms are to be expected at most: studies/monitoring simulates years.
    assert not found.alarms
    assert len(found.looks) == 16
    assert found.online.score.n == 2400


def test_drift_of_a_column_is_one_alarm_that_says_since_when(baseline: Baseline) -> None:
    rng = np.random.default_rng(2)
    before, after = live(2000, rng, days=5), live(2000, rng, days=5, shift=1.0)
    at, later = before.at_us, after.at_us
    assert at is not None
    assert later is not None
    both = Live(
        pd.concat([before.frame, after.frame], ignore_index=True),
        np.vstack([before.p, after.p]),
        np.concatenate([at, later + 5 * DAY_US]),
        np.concatenate([before.y, after.y]),
        np.concatenate([before.labelled, after.labelled]),
        np.concatenate([before.told_us, after.told_us + 5 * DAY_US]),
        np.concatenate([before.sources, after.sources]),
    )
    alarms = watch(baseline, both, METRIC, WatchPolicy(), now_us=None).alarms
    (inputs,) = [alarm for alarm in alarms if alarm.detector == "inputs"]
    assert inputs.subject == ("x",)
    assert inputs.since_us == 5 * DAY_US
    assert not [alarm for alarm in alarms if alarm.detector == "losses"]


def test_a_world_that_turned_is_noticed_by_losses_and_calibration_and_for_whom(baseline: Baseline) -> None:
    rng = np.random.default_rng(3)
    found = watch(baseline, live(3000, rng, turn=0.5), METRIC, WatchPolicy(), now_us=None)
    detectors = {alarm.detector for alarm in found.alarms}
    assert detectors == {"losses", "calibration"}
    (losses,) = [alarm for alarm in found.alarms if alarm.detector == "losses"]
    assert "the model has become worse" in losses.words


def test_a_running_period_is_looked_at_when_its_rows_have_doubled(baseline: Baseline) -> None:
    rng = np.random.default_rng(4)
    rows = live(950, rng, days=1)
    (now,) = watch(baseline, rows, METRIC, WatchPolicy(), now_us=DAY_US - 1).looks
    (over,) = watch(baseline, rows, METRIC, WatchPolicy(), now_us=DAY_US).looks
    assert (now.n, over.n) == (800, 950)
    # An eighth, a sixteenth, ... for the early looks and half for the last: never more than the whole.
    assert (now.level, over.level) == (WatchPolicy().level / 32, WatchPolicy().level / 2)


def test_a_look_that_was_had_is_not_had_again(baseline: Baseline) -> None:
    rows = live(500, np.random.default_rng(5), days=3)
    first = watch(baseline, rows, METRIC, WatchPolicy(), now_us=None)
    had = {(look.start_us, look.end_us, look.n, look.labels): look for look in first.looks}
    again = watch(baseline, rows, METRIC, WatchPolicy(), now_us=None, known=had.get)
    assert all(one is other for one, other in zip(first.looks[:-1], again.looks[:-1], strict=True))
    assert again.looks[-1].to_json() == first.looks[-1].to_json()


def test_flipped_labels_of_one_source_are_kept_apart(baseline: Baseline) -> None:
    rng = np.random.default_rng(6)
    rows = live(2000, rng)
    hostile = rng.random(2000) < 0.15
    sources = np.where(hostile, "partner", "shop").astype(object)
    flipped = replace(rows, y=np.where(hostile, 1 - rows.y, rows.y), sources=sources)
    found = watch(baseline, flipped, METRIC, WatchPolicy(), now_us=None)
    assert found.quarantined == hostile.sum()
    assert [alarm.subject for alarm in found.alarms if alarm.detector == "label sources"] == [("partner",)]
    assert found.online.score.n == 2000 - hostile.sum()
    assert not found.concept.alarms


def test_a_baseline_is_written_and_read_back(baseline: Baseline) -> None:
    data = baseline.to_bytes()
    assert Baseline.from_bytes(data).to_bytes() == data
    assert Baseline.from_bytes(data).inputs.to_json() == baseline.inputs.to_json()


# --- single detectors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outputs", [1, 3])
def test_calibration_alarms_no_more_often_than_its_level_although_the_model_was_never_calibrated(outputs: int) -> None:
    rng = np.random.default_rng(7)

    def draw(n: int, off: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        z = rng.normal(size=(n, outputs))
        if outputs == 1:
            p = 1 / (1 + np.exp(-z))
            return (rng.random(n) < (p[:, 0] ** 2 + off).clip(0, 1)).astype(np.int64), p
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        worse = p**2 / (p**2).sum(axis=1, keepdims=True)
        y = (worse.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
        return np.where(rng.random(n) < off, 0, y), p

    low = [calibration_drift(*draw(2000), *draw(400)).p <= 0.05 for _ in range(300)]
    # Three standard errors of a share of 5 % in 300: 3.8 points.
    assert np.mean(low) <= 0.05 + 0.038
    assert calibration_drift(*draw(4000), *draw(1500, 0.15)).p < 1e-4


def test_sources_alike_are_not_suspected() -> None:
    rng = np.random.default_rng(8)
    suspected = 0
    for _ in range(200):
        found = screen_sources(rng.beta(1, 4, 600), rng.choice(["a", "b", "c"], 600), level=0.05)
        suspected += any(source.suspicious for source in found)
    assert suspected / 200 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert screen_sources(rng.random(500), ["only"] * 500) == ()


def test_the_slice_that_became_worse_is_named(baseline: Baseline) -> None:
    rng = np.random.default_rng(9)
    X, n = baseline.X, 2000
    now = rng.integers(len(X), size=n)
    before, after = rng.random(len(X)) * 0.4, rng.random(n) * 0.4
    code = X[now, 1]
    after[code == 0] += 0.3
    (found,) = worse_slices(baseline.inputs, X, before, X[now], after, most=1)
    assert found.column == "w"
    assert found.words().startswith("w = '")
