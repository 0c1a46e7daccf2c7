from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.words import TRUTH, YES_NO, find_datetime, find_number, is_integer, name_words, suggests_time


@given(st.floats(allow_nan=False))
def test_every_float_python_writes_is_read_back(number: float) -> None:
    assert find_number(repr(number)) == number


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_whole_number_of_64_bits_is_an_integer(number: int) -> None:
    assert is_integer(str(number))
    assert find_number(str(number)) == float(number)


@pytest.mark.parametrize(
    "text", ["", "007", "-01", "1_000", "1,5", "0x1f", "1e", "e5", "one", "1 2", "nan", "--1", "."]
)
def test_text_that_is_no_plain_number_is_not_read_as_one(text: str) -> None:
    assert find_number(text) is None


@pytest.mark.parametrize(
    ("text", "number"), [("5.", 5.0), (".5", 0.5), ("+1e3", 1000.0), (" 2 ", 2.0), ("-inf", -math.inf)]
)
def test_other_common_spellings_of_numbers_are_read(text: str, number: float) -> None:
    assert find_number(text) == number


@given(
    st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001 - zone is added below
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    st.sampled_from(["T", " "]),
)
def test_iso_times_of_any_zone_are_the_instant_python_says(moment: datetime, zone: timezone, between: str) -> None:
    zoned = moment.replace(tzinfo=zone)
    found = find_datetime(zoned.isoformat(between))
    assert found is not None
    form, east = found
    expected = np.datetime64(zoned.astimezone(UTC).replace(tzinfo=None), "us")
    assert np.datetime64(form, "us") - np.timedelta64(east, "m") == expected


@pytest.mark.parametrize(
    "text", ["31.01.2024", "2024-1-31", "2024-01/31", "2024", "20240131", "2024-01-31 12", "12:30"]
)
def test_text_of_other_shapes_is_no_date(text: str) -> None:
    assert find_datetime(text) is None


def test_no_word_means_yes_in_one_language_and_no_in_another() -> None:
    for no, yes in YES_NO:
        assert (TRUTH[no], TRUTH[yes]) == (0.0, 1.0)


@pytest.mark.parametrize("name", ["step", "Time", "arrival_date", "t", "createdDate", "TIMESTAMP", "pickup time"])
def test_names_with_a_word_of_time_suggest_time(name: str) -> None:
    assert suggests_time(name)


@pytest.mark.parametrize("name", ["lifetime", "update", "steps_per", "x1", "mandate", ""])
def test_names_that_merely_contain_such_letters_do_not(name: str) -> None:
    assert suggests_time(name) == ("steps" in name_words(name))
