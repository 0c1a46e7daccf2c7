"""Margins around predictions: they cover as often as they say, whatever the errors look like."""

from __future__ import annotations

import math

import numpy as np
import pytest

from luthier.evaluation.intervals import margin


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_margins_cover_new_rows_of_a_skewed_error_as_promised(level: float) -> None:
    rng, n, repeats = np.random.default_rng(0), 60, 2000
    covered = []
    for _ in range(repeats):
        low, high = margin(rng.lognormal(size=n), np.ones(n), n, level)
        new = rng.lognormal(size=20)
        covered.append(((new >= low) & (new <= high)).mean())
    # Ranks are whole, so that each tail may be one rank of 61 too far out.
    error = 3 * np.std(covered) / math.sqrt(repeats)
    assert level - error <= np.mean(covered) <= level + 2 / (n + 1) + error


def test_ends_are_ranks_of_the_residuals() -> None:
    # Of 39 values the ranks 2 and 38 leave 5 % on either side: (39 + 1) * 0.05 = 2.
    low, high = margin(np.arange(1.0, 40.0), np.ones(39), 39, 0.9)
    assert (low, high) == (2.0, 38.0)


def test_too_few_rows_vouch_for_no_level_that_high() -> None:
    assert margin(np.arange(10.0), np.ones(10), 10, 0.95) == (-math.inf, math.inf)


def test_weights_count_as_copies() -> None:
    residuals = np.random.default_rng(0).normal(size=30)
    times = np.random.default_rng(1).integers(0, 4, 30)
    copied = np.repeat(residuals, times)
    assert margin(residuals, times.astype(float), 60, 0.8) == margin(copied, np.ones(len(copied)), 60, 0.8)
