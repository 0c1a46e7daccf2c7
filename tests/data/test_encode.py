from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.data import Dataset, Schema, make_dataset
from luthier.data.encode import datetime_part
from luthier.errors import UnfitRows

N = 120
rng = np.random.default_rng(11)
FRAME = pd.DataFrame(
    {
        "age": rng.integers(18, 90, N),
        "income": np.where(rng.random(N) < 0.1, np.nan, rng.normal(3000, 500, N)),
        "price": rng.normal(size=N).astype(np.float32),
        "city": rng.choice(["Ulm", "Bonn", "Köln"], N),
        "grade": pd.Categorical(rng.integers(1, 4, N)),
        "member": rng.choice(["yes", "no"], N),
        "active": rng.choice([True, False], N),
        "joined": rng.permutation(pd.date_range("2020-01-01", periods=N, freq="97h").to_numpy()),
        "note": [f"customer number {i} wrote words {i % 7}" for i in range(N)],
        "mixed": [*(["?", "<1"] * 3), *map(str, range(N - 6))],
        "y": rng.choice(["stay", "churn"], N),
    }
)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return make_dataset(FRAME, "y")


def test_rows_encode_at_prediction_as_they_did_in_training(data: Dataset) -> None:
    schema = Schema.from_json(json.loads(json.dumps(data.schema.to_json())))
    assert schema == data.schema
    np.testing.assert_array_equal(schema.encode(FRAME), data.X)
    np.testing.assert_array_equal(schema.encode(pl.from_pandas(FRAME)), data.X)
    np.testing.assert_array_equal(schema.encode(pa.Table.from_pandas(FRAME)), data.X)


def test_a_row_encodes_alone_as_it_does_among_others(data: Dataset) -> None:
    alone = np.vstack([data.schema.encode(FRAME.iloc[i : i + 1]) for i in range(N)])
    np.testing.assert_array_equal(alone, data.X)


def test_rows_written_as_text_encode_as_those_with_types(data: Dataset) -> None:
    text = FRAME.astype({"price": "float64"}).astype(object).map(lambda value: None if pd.isna(value) else str(value))  # type: ignore[redundant-expr]
    text["price"] = FRAME["price"].astype(str)
    np.testing.assert_array_equal(data.schema.encode(text), data.X)


def test_the_target_and_other_columns_are_not_needed(data: Dataset) -> None:
    rows = FRAME.drop(columns="y").assign(more=1)[[*reversed(FRAME.columns[:-1]), "more"]]
    np.testing.assert_array_equal(data.schema.encode(rows), data.X)


def test_the_frame_for_pipelines_is_the_same_at_prediction(data: Dataset) -> None:
    assert list(data.frame) == [name for name in FRAME.columns if name != "y"]
    selected = data.schema.select(FRAME)
    pd.testing.assert_frame_equal(selected, data.frame, check_dtype=False, check_categorical=False)
    assert selected["grade"].cat.categories.tolist() == ["1", "2", "3"]


cell = {
    "n": st.integers(-5, 5) | st.none(),
    "x": st.floats(allow_nan=False, allow_infinity=False, width=32) | st.none(),
    "c": st.sampled_from(["a", "b", "NA", " b", "1.0", "true", ""]) | st.none(),
    "d": st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1)) | st.none(),
    "m": st.sampled_from([1, 2.5, "a", True, None, "1"]),
    "q": st.sampled_from(["yes", "no"]) | st.none(),
}


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_table_encodes_at_prediction_as_it_did_in_training(draw: st.DataObject) -> None:
    n = draw.draw(st.integers(6, 90))
    columns = {name: draw.draw(st.lists(values, min_size=n, max_size=n)) for name, values in cell.items()}
    frame = pd.DataFrame({**{k: pd.Series(v, dtype=object) for k, v in columns.items()}, "sure": rng.normal(size=n)})
    frame["k"] = pd.Categorical(draw.draw(st.lists(st.sampled_from([1.0, 2.0, None]), min_size=n, max_size=n)))
    frame["y"] = np.arange(n) * 1.5
    data = make_dataset(frame, "y")
    schema = Schema.from_json(json.loads(json.dumps(data.schema.to_json())))
    assert schema == data.schema
    np.testing.assert_array_equal(schema.encode(frame), data.X)
    np.testing.assert_array_equal(schema.encode(frame.iloc[::-1])[::-1], data.X)


def test_unseen_levels_and_gaps_are_missing(data: Dataset) -> None:
    rows = FRAME.head(3).astype(object)
    rows["city"], rows["grade"] = pd.Series(["Ulm", "Rome", None]), pd.Series(["2", 2.0, 9])
    X = data.schema.encode(rows)
    city, grade = (next(i for i, f in enumerate(data.schema.features) if f.name == name) for name in ("city", "grade"))
    assert data.schema.features[city].levels[int(X[0, city])] == "Ulm"
    assert np.isnan(X[1:, city]).all()
    np.testing.assert_array_equal(X[:, grade], [1, 1, np.nan])


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("age", "old", r"'age' holds 'old' in row 2, where a number is expected"),
        ("member", "perhaps", r"'member' holds 'perhaps' in row 2, where yes or no"),
        ("joined", "31.1.2024", r"'joined' holds '31.1.2024' in row 2, where a date such as 2024-01-31"),
        ("age", dt.datetime(2024, 1, 1), r"'age' holds .* in row 2, where a number"),  # noqa: DTZ001
        ("income", np.inf, r"'income' holds 1 infinite values, the first in row 2"),
    ],
)
@pytest.mark.parametrize("n", [3, N])
def test_a_value_of_the_wrong_kind_is_refused_with_its_place(
    data: Dataset, column: str, value: Any, said: str, n: int
) -> None:
    rows = FRAME.head(n).astype({column: object})
    rows.loc[1, column] = value
    with pytest.raises(UnfitRows, match=said):
        data.schema.encode(rows)


def test_usual_words_for_missing_are_no_surprise(data: Dataset) -> None:
    rows = FRAME.head(2).astype(object).assign(age=["NA", "-"], member=["n/a", "?"], joined=["null", ""])
    assert np.isnan(data.schema.encode(rows)[:, 0]).all()


def test_missing_columns_are_named_with_the_one_that_may_be_meant(data: Dataset) -> None:
    rows = FRAME.drop(columns=["income", "note"]).rename(columns={"age": "Age"})
    with pytest.raises(UnfitRows, match=r"(?s)lack 3 of 10 columns.*'age', 'income', 'note'.*rename 'Age' to 'age'"):
        data.schema.encode(rows)


def test_no_rows_encode_to_a_matrix_without_rows(data: Dataset) -> None:
    assert data.schema.encode(FRAME.head(0)).shape == (0, data.X.shape[1])


@given(st.lists(st.datetimes(dt.datetime(1800, 1, 1), dt.datetime(2200, 1, 1)), min_size=1))  # noqa: DTZ001
def test_the_parts_of_a_date_are_those_of_the_calendar(moments: list[dt.datetime]) -> None:
    stamps = np.array([*moments, "NaT"], dtype="datetime64[us]")
    calendar: dict[str, list[float]] = {
        "month": [m.month for m in moments],
        "day": [m.day for m in moments],
        "weekday": [m.weekday() for m in moments],
        "dayofyear": [m.timetuple().tm_yday for m in moments],
        "hour": [(m - m.replace(hour=0, minute=0, second=0, microsecond=0)) / dt.timedelta(hours=1) for m in moments],
        "days": [(m - dt.datetime(1970, 1, 1)) / dt.timedelta(days=1) for m in moments],  # noqa: DTZ001
    }
    for part, expected in calendar.items():
        np.testing.assert_allclose(datetime_part(stamps, part), [*expected, np.nan], rtol=1e-15, err_msg=part)


def test_a_newer_schema_is_not_guessed_at(data: Dataset) -> None:
    with pytest.raises(ValueError, match="newer"):
        Schema.from_json({**data.schema.to_json(), "version": 99})
