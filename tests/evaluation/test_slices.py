"""Slices: nothing out of noise, what was planted, the search exact, and a name that can be typed back."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from luthier.data.slices import Condition, Slice
from luthier.errors import BadColumn, BadValues
from luthier.evaluation.slices.bins import binned
from luthier.evaluation.slices.chance import p_of_draw, p_of_units, surplus_interval
from luthier.evaluation.slices.lattice import search, sliceline_score, surplus_score
from luthier.evaluation.slices.looks import find_slices


def table(n: int, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": rng.normal(40, 12, n),
            "income": np.where(rng.random(n) < 0.05, np.nan, rng.lognormal(size=n)),
            "region": rng.choice(["north", "south", "east", "far west"], n, p=[0.4, 0.3, 0.27, 0.03]),
            "calls": rng.integers(0, 5, n),
        }
    )


def test_noise_is_hardly_ever_taken_for_a_slice() -> None:
    repeats, reported = 40, 0
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        errors = (rng.random(1000) < 0.2).astype(float) if seed % 2 else rng.chisquare(1, 1000)
        reported += bool(find_slices(table(1000, rng), errors, rng=rng).findings)
    assert reported <= stats.binom.ppf(0.999, repeats, 0.05)


def test_a_small_part_that_is_twice_as_bad_is_found_and_named() -> None:
    repeats, found = 10, 0
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        frame = table(5000, rng)
        bad = (frame["region"] == "far west").to_numpy()
        outcome = find_slices(frame, (rng.random(5000) < np.where(bad, 0.5, 0.25)).astype(float), rng=rng)
        found += any(str(f.rows) == "region = far west" for f in outcome.findings)
    assert found >= 8


def test_a_finding_says_how_bad_how_many_and_what_to_do() -> None:
    rng = np.random.default_rng(0)
    frame = table(3000, rng)
    bad = ((frame["region"] == "south") & (frame["age"] < 35)).to_numpy()
    outcome = find_slices(frame, np.where(bad, 3.0, 1.0) * rng.chisquare(1, 3000), rng=rng, error="squared error")
    worst = outcome.findings[0]
    inside = worst.rows.mask(frame)
    assert (inside & bad).sum() > 0.7 * max(inside.sum(), bad.sum())
    assert worst.surplus.low < 2.0 < worst.surplus.high
    assert worst.n == inside.sum()
    json.dumps(outcome.to_dict(), allow_nan=False)
    said = "\n".join(outcome.lines())
    assert f"--reweight '{worst.rows}'" in said
    np.testing.assert_array_equal(Slice.parse(str(worst.rows)).mask(frame), inside)


def test_too_few_rows_are_said_to_be_too_few() -> None:
    outcome = find_slices(table(60, np.random.default_rng(0)), np.arange(60.0), rng=np.random.default_rng(0))
    assert not outcome.enough
    assert "too few" in outcome.lines()[0]


def test_rows_that_belong_together_are_not_many_witnesses() -> None:
    """One bad group out of forty fills a region: forty rows that are wrong together are one accident."""
    rng, reported, repeats = np.random.default_rng(4), 0, 30
    for _ in range(repeats):
        units = np.repeat(np.arange(80), 25)
        frame = pd.DataFrame({"place": units % 16, "size": rng.normal(size=80)[units], "other": rng.normal(size=2000)})
        errors = (rng.random(2000) < rng.beta(0.5, 2, 80)[units]).astype(float)
        reported += bool(find_slices(frame, errors, units=units, rng=rng).findings)
    assert reported <= stats.binom.ppf(0.999, repeats, 0.05)


def test_an_interval_allows_for_the_slice_having_been_selected_and_never_contradicts_its_p() -> None:
    """Weak slices pass the test by luck, so their intervals must be wider than those of slices that were named before.

    The truth of a slice is the mean of what its rows' errors are expected to be, less that of the others.
    """
    n, held, plain, reported = 1000, 0, 0, 0
    for seed in range(40):
        rng = np.random.default_rng([11, seed])
        frame = table(n, rng)
        expected = np.where(frame["region"] == "south", 1.6, np.where(frame["calls"] == 4, 1.7, 1.0))
        errors = expected * rng.chisquare(1, n)
        for finding in find_slices(frame, errors, rng=rng).findings:
            inside = finding.rows.mask(frame)
            assert finding.surplus.low > 0
            truth = expected[inside].mean() - expected[~inside].mean()
            held += truth in finding.surplus
            _, low, high = surplus_interval(errors, inside, 0.9)
            plain += low <= truth <= high
            reported += 1
    assert reported >= 20
    assert held >= stats.binom.ppf(0.001, reported, 0.9)
    assert held > plain  # what an interval says that knows nothing of the selection


def test_an_interval_counts_units_and_not_rows() -> None:
    """Repeating every row ten times adds no witness: the interval is that of the rows, on fewer degrees of freedom."""
    rng = np.random.default_rng(5)
    errors, inside = rng.exponential(size=400), np.arange(400) < 80
    _, low, high = surplus_interval(np.repeat(errors, 10), np.repeat(inside, 10), 0.95, np.repeat(np.arange(400), 10))
    _, by_rows_low, by_rows_high = surplus_interval(errors, inside, 0.95)
    assert high - low == pytest.approx(by_rows_high - by_rows_low, rel=0.02)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from(["surplus", "sliceline"]))
def test_the_search_finds_the_very_best_of_all_slices(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(-1, 3, (80, 4)).astype(np.int16)
    errors = rng.exponential(size=80) * (rng.random(80) < 0.6)
    score = surplus_score(errors) if kind == "surplus" else sliceline_score(errors, 0.9)
    best = 0.0
    for level in (1, 2, 3):
        for columns in itertools.combinations(range(4), level):
            for bins in itertools.product(range(3), repeat=level):
                inside = (codes[:, columns] == bins).all(axis=1)
                if inside.sum() >= 5:
                    best = max(best, float(score(np.array([inside.sum()]), np.array([errors[inside].sum()]))[0]))
    found = search(codes, errors, score, n_best=3, min_size=5).best
    assert (found[0].score if found else 0.0) == pytest.approx(best)


def test_chance_is_counted_as_fishers_exact_test_counts_it() -> None:
    errors, inside = np.repeat([1.0, 0.0, 1.0, 0.0], [8, 12, 20, 160]), np.repeat([True, False], [20, 180])
    fisher = stats.fisher_exact([[8, 12], [20, 160]], alternative="greater").pvalue
    assert p_of_draw(errors, inside) == pytest.approx(fisher)


def test_chance_of_long_tailed_errors_is_that_of_many_draws() -> None:
    rng = np.random.default_rng(1)
    errors, inside = rng.lognormal(sigma=1.5, size=400), np.arange(400) < 40
    errors[:40] *= 1.4
    drawn = np.array([rng.permutation(errors)[:40].sum() for _ in range(20_000)])
    assert p_of_draw(errors, inside) == pytest.approx((drawn >= errors[:40].sum()).mean(), rel=0.15)


def test_units_are_tested_as_a_one_sample_t_test_of_their_sums_tests_them() -> None:
    rng = np.random.default_rng(2)
    units = np.repeat(np.arange(20), 5)
    errors, inside = rng.random(100), units < 8
    sums = np.bincount(units[inside], errors[inside] - errors[~inside].mean())
    about_zero = np.sqrt((sums**2).sum())
    assert p_of_units(errors, inside, units) == pytest.approx(stats.t.sf(sums.sum() / about_zero, 7))


@pytest.mark.parametrize(
    "text",
    [
        "region = north", '`home town` = "a & b"', "40.0 <= age < 52.0", "age >= 3.5", "age < -1e-05",
        "income is missing", "region = north & income is missing & age >= 40.0",
    ],
)  # fmt: skip
def test_a_slice_reads_back_what_it_says(text: str) -> None:
    assert str(Slice.parse(text)) == text


def test_a_slice_that_says_nothing_is_refused_with_an_example() -> None:
    with pytest.raises(BadValues, match="region = north"):
        Slice.parse("somewhere in the north")
    with pytest.raises(BadColumn, match="did you mean 'region'"):
        Slice.parse("regoin = north").mask(table(5, np.random.default_rng(0)))
    with pytest.raises(BadValues, match="holds no numbers"):
        Slice.parse("region < 3").mask(table(5, np.random.default_rng(0)))


def test_every_row_is_in_the_bin_whose_condition_it_meets() -> None:
    frame = table(500, np.random.default_rng(7))
    cut = binned(frame)
    for column, conditions in enumerate(cut.conditions):
        for code, condition in enumerate(conditions):
            in_bin = cut.codes[:, column] == code
            np.testing.assert_array_equal(condition.mask(frame[condition.column]), in_bin)
    assert Condition("income", missing=True) in itertools.chain(*cut.conditions)
