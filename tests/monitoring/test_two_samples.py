"""The tests of two samples say what exact counting, SciPy and simulation say."""

from __future__ import annotations

import math
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from luthier.monitoring import (
    chi_square,
    chi_square_of_counts,
    classifier_two_sample,
    ks,
    ks_of_counts,
    missing_rate,
    outside_range,
)


def by_assignments(x: list[int], y: list[int]) -> float:
    """P of the Kolmogorov-Smirnov distance over every assignment of the pooled values to the samples."""

    def distance(first: list[int], second: list[int]) -> float:
        return max(
            abs(sum(v <= at for v in first) / len(first) - sum(v <= at for v in second) / len(second))
            for at in {*first, *second}
        )

    pooled, observed = [*x, *y], distance(x, y)
    as_far = [
        distance([pooled[i] for i in chosen], [pooled[i] for i in range(len(pooled)) if i not in chosen])
        >= observed - 1e-9
        for chosen in combinations(range(len(pooled)), len(x))
    ]
    return sum(as_far) / len(as_far)


@given(x=st.lists(st.integers(0, 3), min_size=1, max_size=5), y=st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_the_p_value_with_ties_is_the_share_of_assignments_as_far_apart(x: list[int], y: list[int]) -> None:
    assert ks(x, y).p == pytest.approx(by_assignments(x, y), abs=1e-9)


@pytest.mark.parametrize(("m", "n"), [(40, 60), (100, 250), (500, 31)])
def test_without_ties_it_is_scipys_exact_test(m: int, n: int) -> None:
    rng = np.random.default_rng(m)
    x, y = rng.standard_t(2, m), rng.standard_t(2, n) + 0.3
    ours, theirs = ks(x, y), stats.ks_2samp(x, y, method="exact")
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)


@pytest.mark.parametrize("shift", [0.02, 0.05])
def test_in_large_samples_it_is_scipys_asymptotic_test(shift: float) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(0, 1, 20_000), rng.normal(shift, 1, 30_000)
    # D is read at 256 places, and p is that of a maximum over these: both differ a little from the supremum.
    assert math.log(ks(x, y).p) == pytest.approx(math.log(stats.ks_2samp(x, y).pvalue), rel=0.05, abs=0.1)


@pytest.mark.parametrize("values", ["few", "many"])
def test_the_quick_p_value_agrees_with_counting(values: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    module = sys.modules["luthier.monitoring.ks"]
    gaps = []
    for _ in range(12):
        x = rng.poisson(1.0, 150) if values == "few" else rng.normal(0, 1, 150)
        y = rng.poisson(1.2, 1500) if values == "few" else rng.normal(0.2, 1, 1500)
        monkeypatch.setattr(module, "EXACT_STEPS", 10**9)
        exact = ks(x, y).p
        monkeypatch.setattr(module, "EXACT_STEPS", 0)
        gaps.append(math.log(ks(x, y).p / exact))
    assert abs(np.mean(gaps)) < 0.1  # that is ten percent of p
    assert np.max(np.abs(gaps)) < 0.3


def test_a_sample_of_nothing_differs_from_nothing() -> None:
    assert ks([], [1.0]).p == ks([np.nan], [1.0]).p == chi_square([], ["a"]).p == missing_rate(0, 0, 1, 1).p == 1.0


@given(counts=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=8))
def test_counts_in_any_bins_give_probabilities(counts: list[tuple[int, int]]) -> None:
    x, y = np.array(counts).T
    for outcome in (ks_of_counts(x, y), chi_square_of_counts(x, y)):
        assert 0.0 <= outcome.p <= 1.0
        assert 0.0 <= outcome.effect <= 1.0


def test_chi_square_is_scipys_where_no_level_is_rare() -> None:
    x, y = np.array([120, 80, 40]), np.array([60, 70, 35])
    theirs = stats.chi2_contingency([x, y], correction=False)
    total = (x + y).sum()
    ours = chi_square_of_counts(x, y)
    assert ours.statistic == pytest.approx(theirs.statistic * (total - 1) / total)
    assert ours.p == pytest.approx(stats.chi2.sf(ours.statistic, 2))


def test_chi_square_counts_rare_levels_together() -> None:
    common = ["a"] * 500 + ["b"] * 500
    rare = [f"rare{i}" for i in range(40)]
    assert chi_square(common, common + rare).p < 1e-6
    assert chi_square(common + rare, common + [f"other{i}" for i in range(40)]).p > 0.9


@pytest.mark.parametrize(("m", "n"), [(500, 100), (2000, 700)])
def test_no_test_rejects_more_often_than_it_says(m: int, n: int) -> None:
    rng = np.random.default_rng(m)
    repeats, level = 200, 0.05
    rejected = {"heavy tails": 0, "few values": 0, "rare levels": 0, "missing": 0, "range": 0}
    words = 1 / np.arange(1, 200) ** 1.3
    for _ in range(repeats):
        x, y = rng.standard_cauchy(m), rng.standard_cauchy(n)
        rejected["heavy tails"] += ks(x, y).p <= level
        rejected["range"] += outside_range(int((y < x.min()).sum()), int((y > x.max()).sum()), m, n).p <= level
        rejected["few values"] += ks(rng.poisson(0.5, m), rng.poisson(0.5, n)).p <= level
        draws = [rng.choice(199, size, p=words / words.sum()) for size in (m, n)]
        rejected["rare levels"] += chi_square(*draws).p <= level
        rejected["missing"] += missing_rate(rng.binomial(m, 0.02), m, rng.binomial(n, 0.02), n).p <= level
    # Three standard errors of a share of 5 % in 200: 4.6 points.
    assert max(rejected.values()) / repeats <= level + 3 * math.sqrt(level * (1 - level) / repeats), rejected
    assert min(rejected["heavy tails"], rejected["rare levels"]) / repeats >= 0.02  # and not by saying nothing


def test_values_far_outside_the_range_are_noticed_and_one_record_is_not() -> None:
    assert outside_range(0, 1, 50_000, 50_000).p > 0.99
    assert outside_range(0, 20, 50_000, 2_000).p < 1e-20


def mixed_table(n: int, rng: np.random.Generator) -> np.ndarray:
    numbers = rng.standard_t(1.5, (n, 3))
    rare = rng.zipf(1.5, n).clip(0, 300)
    gaps = np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n))
    return np.column_stack([numbers, rare, gaps]).astype(np.float64)


@pytest.mark.parametrize(("m", "n", "repeats"), [(100, 100, 100), (900, 150, 40)])
def test_a_classifier_finds_nothing_in_two_halves_of_a_table(m: int, n: int, repeats: int) -> None:
    rng = np.random.default_rng(n)
    found = [
        classifier_two_sample(mixed_table(m, rng), mixed_table(n, rng), rng=rng, categorical=[3], n_permutations=199).p
        for _ in range(repeats)
    ]
    share = float(np.mean(np.array(found) <= 0.1))
    assert share <= 0.1 + 3 * math.sqrt(0.09 / repeats)


def test_a_classifier_sees_a_lost_correlation_that_no_column_shows() -> None:
    rng = np.random.default_rng(0)
    together = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 2000)
    apart = rng.normal(size=(2000, 2))
    found = classifier_two_sample(together, apart, rng=rng)
    assert found.p < 0.001
    assert found.auc > 0.65
    assert sum(found.importance) == pytest.approx(1.0)
    assert min(ks(together[:, k], apart[:, k]).p for k in (0, 1)) > 0.01


def test_the_same_seed_gives_the_same_answer() -> None:
    X = np.random.default_rng(1).normal(size=(300, 2))
    one, two = (classifier_two_sample(X[:150], X[150:], rng=np.random.default_rng(5)) for _ in range(2))
    assert one == two


def test_a_handful_of_rows_is_never_told_apart() -> None:
    assert classifier_two_sample(np.zeros((5, 1)), np.ones((500, 1)), rng=np.random.default_rng(0)).p == 1.0
