"""Sentences a reader without the trade can follow."""

from __future__ import annotations

import math

import pytest

from luthier.evaluation.words import against_default, decimals, expectation
from luthier.scoring import Estimate


def test_shares_are_told_as_cases_of_a_hundred() -> None:
    said = expectation("accuracy", Estimate(0.8123, 0.774, 0.851, n=400), forward=False)
    assert said == (
        "On new rows like these, expect the model to be right in about 81.2 of 100 cases (95% sure: 77.4 to 85.1)"
    )


def test_amounts_keep_their_unit_and_the_digits_that_mean_something() -> None:
    said = expectation("rmse", Estimate(54321.0, 50000.0, 59000.0, n=400), forward=True)
    assert "off by about 54321 (big misses count extra)" in said
    assert said.startswith("In the stretch of time that follows")


def test_a_score_without_an_interval_says_so() -> None:
    said = expectation("f1", Estimate(0.5, math.nan, math.nan, n=1), forward=False)
    assert "how sure that is cannot be said" in said
    assert "nan" not in said
    assert "nothing can be said" in expectation("f1", Estimate(math.nan, math.nan, math.nan, n=1), forward=False)


def test_a_gain_that_may_be_none_is_not_sold_as_certain() -> None:
    unsure = against_default("log_loss", Estimate(0.02, -0.01, 0.05, 100), kept=False, is_winner=False, n_configs=9)
    assert "not beyond doubt" in unsure
    sure = against_default("log_loss", Estimate(0.02, 0.01, 0.03, 100), kept=False, is_winner=False, n_configs=9)
    assert "doubt" not in sure


@pytest.mark.parametrize(("size", "digits"), [(0.077, 3), (1.5, 1), (12.0, 0), (4000.0, 0), (0.0, 3), (math.nan, 3)])
def test_two_significant_digits_are_shown(size: float, digits: int) -> None:
    assert decimals(size) == digits
