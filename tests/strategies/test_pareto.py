"""Several losses at once, against definitions written out and against each other."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from luthier.strategies.pareto import (
    draw_weights,
    feasible_first,
    hypervolume,
    one_loss,
    pareto_front,
    scalarised,
    total_violation,
)

Floats = NDArray[np.float64]
patient = settings(max_examples=60)


@st.composite
def tables(draw: st.DrawFn, max_rows: int = 9, max_columns: int = 5) -> Floats:
    k = draw(st.integers(1, max_columns))
    cells = st.integers(0, 6).map(float)  # few values, so that ties and duplicates occur
    rows = draw(st.lists(st.lists(cells, min_size=k, max_size=k), min_size=0, max_size=max_rows))
    return np.array(rows, dtype=np.float64).reshape(len(rows), k)


def by_inclusion_and_exclusion(losses: Floats, reference: Floats) -> float:
    total = 0.0
    for size in range(1, len(losses) + 1):
        for rows in combinations(losses, size):
            overlap = np.clip(reference - np.max(rows, axis=0), 0, None)
            total += (-1) ** (size + 1) * float(np.prod(overlap))
    return total


@patient
@given(losses=tables())
def test_the_front_is_what_no_row_beats(losses: Floats) -> None:
    beaten = [any((other <= row).all() and (other < row).any() for other in losses) for row in losses]
    assert pareto_front(losses).tolist() == [not b for b in beaten]


@patient
@given(losses=tables(), corner=st.integers(1, 7))
def test_the_hypervolume_agrees_with_inclusion_and_exclusion(losses: Floats, corner: int) -> None:
    reference = np.full(losses.shape[1], float(corner))
    assert hypervolume(losses, reference) == pytest.approx(by_inclusion_and_exclusion(losses, reference), abs=1e-9)


@pytest.mark.parametrize("k", [2, 3])
def test_the_fast_sweeps_agree_with_the_general_sum(k: int) -> None:
    rng = np.random.default_rng(k)
    losses = rng.random((40, k))
    # a column that is constant adds a factor and sends the same volume through the general sum
    lifted = np.hstack([losses, np.zeros((40, 4 - k))])
    assert hypervolume(losses, np.ones(k)) == pytest.approx(hypervolume(lifted, np.ones(4)), rel=1e-12)


def test_a_reference_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="a number per objective"):
        hypervolume(np.zeros((1, 2)), np.ones(3))


@pytest.mark.parametrize("k", [2, 3])
def test_the_mean_scalarisation_is_the_hypervolume(k: int) -> None:
    # Golovin & Zhang (2020), Lemma 5: HV = c_k E[max_y max(s, 0)^k], c_k = pi^(k/2) / (2^k Gamma(k/2 + 1))
    rng = np.random.default_rng(7)
    losses, reference = rng.random((6, k)), np.ones(k)
    s = np.array([max(-scalarised(losses, draw_weights(k, rng), reference).min(), 0.0) ** k for _ in range(20_000)])
    constant = math.pi ** (k / 2) / (2**k * math.gamma(k / 2 + 1))
    estimate, error = constant * s.mean(), constant * s.std() / math.sqrt(len(s))
    assert abs(estimate - hypervolume(losses, reference)) < 4 * error  # four standard errors of the simulation


@patient
@given(losses=tables(max_columns=3), seed=st.integers(0, 99))
def test_one_loss_prefers_whoever_beats_another_and_ignores_units(losses: Floats, seed: int) -> None:
    loss = one_loss(losses, np.random.default_rng(seed))
    assert loss.shape == (len(losses),)
    for i, row in enumerate(losses):
        for j, other in enumerate(losses):
            if (row < other).all():
                assert loss[i] < loss[j]
            elif (row <= other).all():
                assert loss[i] <= loss[j] + 1e-12
    if losses.shape[1] > 1:
        units = np.array([1e3, 1e-3, 8.0])[: losses.shape[1]]
        assert one_loss(losses * units + 5, np.random.default_rng(seed)) == pytest.approx(loss, rel=1e-6, abs=1e-6)


def test_every_point_of_the_front_is_the_best_in_some_direction() -> None:
    losses = np.array([[0.0, 1.0], [0.2, 0.4], [0.5, 0.3], [1.0, 0.0], [0.9, 0.9]])
    rng = np.random.default_rng(0)
    winners = {int(one_loss(losses, rng).argmin()) for _ in range(500)}
    assert winners == {0, 1, 2, 3}


@patient
@given(data=st.data(), n=st.integers(1, 8))
def test_feasible_trials_come_first_and_then_the_least_infeasible(data: st.DataObject, n: int) -> None:
    losses = np.array(data.draw(st.lists(st.floats(-1e3, 1e3), min_size=n, max_size=n)))
    amounts = st.just(0.0) | st.floats(0.01, 1e3)
    violations = np.array(data.draw(st.lists(amounts, min_size=n, max_size=n)))
    ranked = feasible_first(losses, violations)
    for i in range(n):
        for j in range(n):
            if violations[i] == 0 == violations[j]:
                assert (ranked[i] < ranked[j]) == (losses[i] < losses[j])
            elif violations[i] == 0 or violations[i] < violations[j] * (1 - 1e-9):
                assert ranked[i] <= ranked[j]


def test_an_infeasible_trial_is_strictly_worse_than_the_worst_feasible_one() -> None:
    assert feasible_first(np.array([5.0, 5.0, -1.0]), np.array([0.0, 0.0, 1e-3])).argmax() == 2


def test_violations_are_the_positive_parts_added_up() -> None:
    assert total_violation(np.array([[-1.0, 2.0], [0.5, 0.25], [-3.0, 0.0]])).tolist() == [2.0, 0.75, 0.0]
