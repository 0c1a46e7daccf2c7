from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from luthier.data import make_dataset
from luthier.errors import BadColumn

N = 200
DAYS = pd.date_range("2022-01-01", periods=N, freq="5D")


def frame(**columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame({"x": rng.normal(size=N), "y": rng.normal(size=N), **columns})


def test_dates_that_rise_with_the_rows_are_the_time_and_said_to_be_assumed() -> None:
    data = make_dataset(frame(sold=DAYS), "y")
    assert data.schema.time == "sold"
    assert data.times is not None
    np.testing.assert_array_equal(data.times, DAYS.as_unit("s").asi8)
    assert any(note.column == "sold" and note.action == "assumed" for note in data.schema.notes)


@pytest.mark.parametrize("sold", [DAYS[::-1], DAYS.astype(str), DAYS.tz_localize("Europe/Berlin"), DAYS.date])
def test_falling_dates_text_dates_zoned_dates_and_date_objects_are_found_alike(sold: object) -> None:
    assert make_dataset(frame(sold=sold), "y").schema.time == "sold"


def test_a_clock_set_back_does_not_hide_the_time() -> None:
    local = pd.date_range("2023-10-28", periods=N, freq="30min", tz="Europe/Berlin").tz_localize(None)
    assert not local.is_monotonic_increasing
    assert make_dataset(frame(at=local), "y").schema.time == "at"


def test_dates_in_no_order_are_features() -> None:
    sold = np.random.default_rng(0).permutation(DAYS.to_numpy())
    schema = make_dataset(frame(sold=sold), "y").schema
    assert schema.time is None
    assert "days" in [feature.part for feature in schema.features if feature.source == "sold"]


def test_series_below_one_another_are_not_in_the_order_of_time() -> None:
    panel = np.concatenate([DAYS[: N // 2], DAYS[: N // 2]])
    assert make_dataset(frame(sold=panel), "y").schema.time is None


@pytest.mark.parametrize("name", ["step", "time", "t", "timestamp", "arrival_date"])
def test_a_running_number_named_after_time_is_the_time_and_no_feature(name: str) -> None:
    data = make_dataset(frame(**{name: np.arange(N) // 2 * 0.5}), "y")  # with repeats, as dates made numbers have
    assert data.schema.time == name
    assert name not in [feature.source for feature in data.schema.features]


def test_a_running_number_of_another_name_is_not_the_time() -> None:
    assert make_dataset(frame(altitude=np.arange(N) * 0.5), "y").schema.time is None


def test_a_number_named_after_time_that_does_not_run_is_a_feature() -> None:
    schema = make_dataset(frame(time=np.random.default_rng(0).integers(6, 60, N)), "y").schema
    assert schema.time is None
    assert schema.column("time").role == "feature"


def test_few_rows_in_order_are_no_evidence() -> None:
    assert make_dataset(frame(sold=DAYS).head(9), "y").schema.time is None


def test_time_false_means_there_is_none() -> None:
    data = make_dataset(frame(sold=DAYS), "y", time=False)
    assert data.times is None
    assert data.schema.column("sold").role == "feature"


def test_a_named_time_is_taken_in_any_order_and_as_it_is() -> None:
    step = np.random.default_rng(0).permutation(N)
    data = make_dataset(frame(step=step), "y", time="step")
    np.testing.assert_array_equal(data.times, step)
    assert not any(note.action == "assumed" and note.column == "step" for note in data.schema.notes)


def test_dates_win_over_running_numbers_which_are_then_left_out() -> None:
    schema = make_dataset(frame(step=np.arange(N), sold=DAYS), "y").schema
    assert schema.time == "sold"
    assert "runs with the time" in schema.column("step").reason


def test_a_second_running_date_lends_its_calendar_but_not_its_running_days() -> None:
    schema = make_dataset(frame(order_date=DAYS, shipped=DAYS + pd.Timedelta("2D")), "y").schema
    assert schema.time == "order_date"
    parts = {feature.part for feature in schema.features if feature.source == "shipped"}
    assert "days" not in parts
    assert "month" in parts


def test_the_time_gives_only_parts_whose_cycle_the_table_spans() -> None:
    # 200 hours: more than a day and a week, less than a month and a year.
    hours = pd.date_range("2024-03-01", periods=N, freq="h")
    features = make_dataset(frame(at=hours), "y").schema.features
    assert [feature.part for feature in features if feature.source == "at"] == ["weekday", "hour"]


def test_a_named_time_that_orders_nothing_is_refused() -> None:
    gaps = DAYS.to_numpy().copy()
    gaps[[4, 7]] = np.datetime64("NaT")
    with pytest.raises(BadColumn, match=r"'sold' is empty in 2 rows, the first of them row 5"):
        make_dataset(frame(sold=gaps), "y", time="sold")
    with pytest.raises(BadColumn, match=r"holds text values, such as '1.2.2024'.*\n.*2024-01-31"):
        make_dataset(frame(sold=["1.2.2024"] * N), "y", time="sold")
