from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from luthier.data.cells import as_float64, level_text, settle


def objects(*values: Any) -> np.ndarray[Any, Any]:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@given(data=st.data())
def test_a_narrow_float_counts_as_the_shortest_decimal_that_names_it(dtype: Any, data: st.DataObject) -> None:
    values = data.draw(hnp.arrays(dtype, 20))
    with np.errstate(invalid="ignore"):
        shortest = values.astype("U32").astype(np.float64)  # NumPy prints with the fewest digits that read back
    np.testing.assert_array_equal(as_float64(values), shortest)


def test_all_half_precision_numbers_count_as_their_shortest_decimals() -> None:
    values = np.arange(2**16, dtype=np.uint16).view(np.float16)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(as_float64(values), values.astype("U32").astype(np.float64))


def test_text_that_spells_whole_numbers_throughout_is_integers() -> None:
    cells = settle(objects("1", " 20", "-3"))
    assert cells.kind == "number"
    assert cells.array.dtype == np.int64
    assert cells.array.tolist() == [1, 20, -3]


def test_usual_words_for_missing_are_gaps_among_numbers_and_said_to_be() -> None:
    cells = settle(objects("1.5", "NA", None, "", "?"))
    assert cells.kind == "number"
    assert cells.missing.tolist() == [False, True, True, True, True]
    assert cells.remarks == ("'?', 'NA' read as missing",)


def test_the_same_words_stay_words_among_words() -> None:
    cells = settle(objects("none", "acute", "null"))
    assert cells.kind == "text"
    assert cells.levels is not None
    assert cells.levels.tolist() == ["none", "acute", "null"]


def test_leading_zeros_keep_a_column_text() -> None:
    assert settle(objects("01067", "10115")).kind == "text"


def test_true_and_false_in_any_capitals_are_booleans() -> None:
    cells = settle(objects("TRUE", "false", None, "True"))
    assert cells.kind == "boolean"
    np.testing.assert_array_equal(cells.array, [1.0, 0.0, np.nan, 1.0])


def test_times_with_zones_are_settled_in_utc() -> None:
    cells = settle(objects("2024-01-31T12:00:00+01:00", "2024-01-31 12:00:00Z"))
    assert cells.array.tolist() == [dt.datetime(2024, 1, 31, 11), dt.datetime(2024, 1, 31, 12)]  # noqa: DTZ001 - UTC


def test_what_only_looks_like_a_date_stays_text() -> None:
    assert settle(objects("2024-02-30", "2024-02-28")).kind == "text"


def test_python_objects_of_numbers_dates_and_truth_are_what_they_are() -> None:
    assert settle(objects(1, 2.5, None)).kind == "number"
    assert settle(objects(Decimal("1.10"), None)).array[0] == 1.1
    assert settle(objects(dt.date(2024, 1, 1), None)).kind == "datetime"
    assert settle(objects(True, None, False)).kind == "boolean"


def test_mixed_types_are_text_and_said_to_be() -> None:
    cells = settle(objects(1, "a", 2.5))
    assert cells.kind == "text"
    assert "mixed types" in cells.remarks[0]


def test_lists_and_mappings_are_recognised_as_nested() -> None:
    assert settle(objects([1, 2], None)).kind == "nested"
    assert settle(objects({"a": 1}, {"b": 2})).kind == "nested"


def test_declared_categories_stay_words_even_if_they_spell_numbers() -> None:
    cells = settle(pd.Categorical([2, 1, None, 2], categories=[3, 2, 1]))
    assert cells.kind == "text"
    assert cells.declared
    assert cells.levels is not None
    assert cells.levels.tolist() == ["2", "1"]  # in the order declared, unused ones left out
    assert cells.array.tolist() == [0, 1, -1, 0]


@pytest.mark.parametrize(
    "values", [objects(None, "", " "), np.array([np.nan]), np.array(["NaT"], dtype="datetime64[ns]")]
)
def test_a_column_without_any_value_is_empty_whatever_its_type(values: Any) -> None:
    assert settle(values).kind == "empty"


@given(st.lists(st.none() | st.sampled_from(["a", "b ", "c", ""]), min_size=1), st.data())
def test_rows_taken_from_text_hold_the_same_words(words: list[str | None], data: st.DataObject) -> None:
    cells = settle(objects(*words))
    rows = np.array(data.draw(st.lists(st.integers(0, len(words) - 1), min_size=1)), dtype=np.int64)
    taken = cells.take(rows)
    if cells.levels is not None and taken.levels is not None:
        expected = [(words[i] or "").strip() or None for i in rows]
        got = [None if code < 0 else taken.levels[code] for code in taken.array]
        assert got == expected


@given(st.integers(-(10**14), 10**14))
def test_a_level_has_one_name_whether_it_came_as_integer_or_float(number: int) -> None:
    assert level_text(number) == level_text(float(number)) == level_text(np.int64(number)) == str(number)
