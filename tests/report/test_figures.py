"""How numbers and names are written."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from luthier.report import ReportFacts, VerdictFacts
from luthier.report.figures import (
    NBSP,
    THIN,
    UNKNOWN,
    ScoreStyle,
    clipped,
    duration,
    money,
    number,
    setting,
    share,
)
from luthier.scoring.estimate import Estimate


def read(text: str) -> float:
    return float(text.replace(THIN, "").replace("\u2212", "-"))


@given(value=st.floats(-1e12, 1e12), decimals=st.integers(0, 6))
def test_a_written_number_reads_back_within_half_its_last_digit(value: float, decimals: int) -> None:
    # half of the last digit, and what a float of this size cannot hold of the written number and of the difference
    off = abs(read(number(value, decimals)) - value)
    assert off <= 0.5 * 10.0**-decimals * (1 + 1e-9) + 2 * math.ulp(value)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_not_known_is_a_dash_everywhere(value: float | None) -> None:
    assert {number(value), share(value), duration(value), money(value)} == {UNKNOWN}


@given(p=st.floats(0, 1))
@example(p=0.005)
@example(p=0.995)
def test_a_share_is_written_as_nothing_or_all_only_when_it_is(p: float) -> None:
    assert (share(p) == f"0{NBSP}%") == (p == 0)
    assert (share(p) == f"100{NBSP}%") == (p == 1 or 100 * p == 100)


@pytest.mark.parametrize(
    ("estimate", "written"),
    [
        (Estimate(0.8417, 0.8251, 0.8579, 400), "0.842 [0.825, 0.858]"),
        (Estimate(0.98214, 0.98011, 0.98402, 400), "0.9821 [0.9801, 0.9840]"),
        (Estimate(48213.4, 47301.0, 49102.7, 400), f"48{THIN}213 [47{THIN}301, 49{THIN}103]"),
        (Estimate(-0.31, -0.42, -0.18, 400), "\u22120.31 [\u22120.42, \u22120.18]"),
        (Estimate(21.34, math.nan, math.nan, 1), "21.3"),
    ],
)
def test_an_estimate_shows_the_digits_its_interval_supports(
    samples: dict[str, ReportFacts], estimate: Estimate, written: str
) -> None:
    facts = dataclasses.replace(samples["one_fit_only"], verdict=VerdictFacts(honest=estimate, naive=21.34,
                                                                              default_kept=True))  # fmt: skip
    assert ScoreStyle.of(facts).estimate(estimate) == written


@given(text=st.text(), limit=st.integers(1, 40))
def test_text_from_outside_is_one_short_line_that_can_be_written(text: str, limit: int) -> None:
    shown = clipped(text, limit)
    assert len(shown) <= limit
    assert all(c.isprintable() or c in "\u200c\u200d" for c in shown)
    shown.encode("utf-8")


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), max_size=20))
def test_plain_names_are_left_as_they_are(text: str) -> None:
    assume(len(text) <= 20)
    assert clipped(text, 20) == text


def test_terminal_escapes_and_direction_marks_do_not_get_through() -> None:
    assert "\x1b" not in clipped("\x1b]0;gone\x07name", 60)
    assert "\u202e" not in clipped("total\u202exslx", 60)


@pytest.mark.parametrize(
    ("value", "written"),
    [(1e-05, "1e-05"), (0.10000000000000002, "0.1"), (2**40, "1099511627776"), (100000.0, "100000"), ("l2", "l2")],
)
def test_settings_are_written_as_one_would_type_them(value: object, written: str) -> None:
    assert setting(value) == written
