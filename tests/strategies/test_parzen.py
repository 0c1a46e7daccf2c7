"""The densities behind tree-Parzen search: that they are densities, and those they claim to be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, qmc, truncnorm

from luthier.space import Categorical, Float, Int, Parameter, SearchSpace
from luthier.space.config import Floats
from luthier.strategies.parzen import Parzen
from luthier.testing.strategies import example_spaces

LINE = SearchSpace((Parameter("x", Float(0.0, 1.0)),))
PLANE = SearchSpace((Parameter("x", Float(0.0, 1.0)), Parameter("y", Float(0.0, 1.0))))


def around_random(space: SearchSpace, n: int, seed: int) -> Parzen:
    rng = np.random.default_rng(seed)
    return Parzen.around(space, space.to_units([space.sample(rng) for _ in range(n)]))


@pytest.mark.parametrize("name", ["one number", "mixed", "conditional", "few configurations"])
@given(n=st.integers(0, 12), seed=st.integers(0, 1000))
@settings(max_examples=5)
def test_a_density_integrates_to_one_over_the_whole_space_conditions_and_all(name: str, n: int, seed: int) -> None:
    space = example_spaces()[name]
    points = space.snap(qmc.Sobol(len(space.dimensions), rng=np.random.default_rng(seed)).random(2**14))
    p = np.exp(around_random(space, n, seed).log_density(points))
    # Monte Carlo with an error of sd(p) / 128 at most; Sobol points do better
    assert p.mean() == pytest.approx(1.0, abs=4 * float(p.std()) / 128 + 1e-9)


@pytest.mark.parametrize(
    "space", [SearchSpace((Parameter("n", Int(1, 30, log=True)),)), example_spaces()["one number"]]
)
def test_a_density_in_one_dimension_integrates_to_one_by_quadrature(space: SearchSpace) -> None:
    grid = (np.arange(200_000) + 0.5) / 200_000
    p = np.exp(around_random(space, 7, 1).log_density(space.snap(grid[:, None])))
    assert p.mean() == pytest.approx(1.0, abs=2e-4)  # each of 30 bin edges is off by half a step of the grid


def test_kernels_on_a_scale_are_truncated_normals_and_one_part_is_uniform() -> None:
    centres = np.array([[0.1], [0.45], [0.97]])
    x = np.linspace(0, 1, 101)
    width = 0.3 * 3 ** (-1 / 5)
    truth = (1 + sum(truncnorm.pdf(x, -c / width, (1 - c) / width, loc=c, scale=width) for c in centres[:, 0])) / 4
    np.testing.assert_allclose(np.exp(Parzen.around(LINE, centres).log_density(x[:, None])), truth, rtol=1e-10)


def test_countable_values_have_the_normal_at_the_middles_of_their_bins_scaled_to_sum_to_one() -> None:
    space = SearchSpace((Parameter("n", Int(1, 4)),))
    middles = np.array([0.125, 0.375, 0.625, 0.875])
    kernel = norm.pdf(middles, 0.375, 0.3)
    density = np.exp(Parzen.around(space, np.array([[0.375]])).log_density(middles[:, None]))
    np.testing.assert_allclose(density / 4, (0.25 + kernel / kernel.sum()) / 2, rtol=1e-12)


def test_choices_have_the_probabilities_of_the_rule_of_succession() -> None:
    space = SearchSpace((Parameter("kind", Categorical(("a", "b", "c"), weights=(2.0, 1.0, 1.0))),))
    a, b, c = (space.to_unit({"kind": kind}) for kind in "abc")
    density = np.exp(Parzen.around(space, np.array([a, a, b])).log_density(np.array([a, b, c])))
    shares, seen, n = np.array([0.5, 0.25, 0.25]), np.array([2.0, 1.0, 0.0]), 3
    width = 3 / (n + 3)
    truth = (shares + (1 - width) * seen + width * n * shares) / (1 + n)
    np.testing.assert_allclose(density * shares, truth, rtol=1e-12)


def test_what_is_good_only_together_is_dense_only_together() -> None:
    p = Parzen.around(PLANE, np.array([[0.1, 0.1], [0.9, 0.9]] * 10))
    together, apart = p.log_density(np.array([[0.1, 0.1], [0.1, 0.9]]))
    assert together > apart + 1


def test_a_parameter_that_a_configuration_lacks_is_uniform_in_its_kernel() -> None:
    space = SearchSpace(
        (
            Parameter("model", Categorical(("svm", "tree"))),
            Parameter("C", Float(0.0, 1.0), (("model", ("svm",)),)),
        )
    )
    p = Parzen.around(space, np.array([[0.75, np.nan]]))  # a tree
    with_c = p.log_density(np.array([[0.25, 0.1], [0.25, 0.8]]))
    assert with_c[0] == pytest.approx(with_c[1])


@pytest.mark.parametrize("name", ["mixed", "conditional"])
def test_points_are_drawn_from_the_density(name: str) -> None:
    space = example_spaces()[name]
    p = around_random(space, 5, 3)
    points, origins = p.draw(40_000, np.random.default_rng(0))
    # if x has density p, then E[1/p(x)] = integral of p * 1/p = 1
    inverse = np.exp(-p.log_density(points))
    # bins are drawn by integrals of the normal and weighed by its values at their middles: a few per cent apart
    assert inverse.mean() == pytest.approx(1.0, abs=0.03 + 4 * float(inverse.std()) / 200)
    counts = np.bincount(origins, minlength=6)
    assert (np.abs(counts - 40_000 / 6) < 4 * math.sqrt(40_000 * 5 / 36)).all()


def log_density_by_hand(p: Parzen, x: Floats) -> float:
    """Kernel by kernel and coordinate by coordinate, for ordered continuous coordinates only."""
    total = 1.0
    for c in p.centres:
        k = 1.0
        for j, width in enumerate(p.widths):
            if np.isfinite(x[j]) and np.isfinite(c[j]):
                k *= truncnorm.pdf(x[j], -c[j] / width, (1 - c[j]) / width, loc=c[j], scale=width)
        total += k
    return math.log(total / (len(p.centres) + 1))


@given(seed=st.integers(0, 10_000), n=st.integers(0, 400))
@settings(max_examples=10)
def test_products_of_matrices_give_what_loops_give(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    p = Parzen.around(PLANE, rng.random((n, 2)))
    x = rng.random((2, 2))
    np.testing.assert_allclose(p.log_density(x), [log_density_by_hand(p, row) for row in x], rtol=1e-9, atol=1e-12)
