from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from luthier.scoring import METRICS, OutOfFold, Splits
from luthier.scoring.concordance import FEW_UNITS, Concordance, ConcordanceScores
from luthier.scoring.draws import draw_units
from luthier.scoring.in_bag import scores_of
from luthier.scoring.ranks_in_bag import RankScores


def in_blocks(n: int, blocks: int, classes: int, rng: np.random.Generator) -> OutOfFold:
    """Three configurations with many ties, rows of unequal weight, in blocks of neighbours."""
    rows = np.arange(n)
    folds = ((rows[:0], rows),)
    splits = Splits("forward", "for a test", folds, 1, rows, rows * blocks // n, rng.random(n))
    y = rng.integers(max(classes, 2), size=n)
    values = np.round(rng.dirichlet(np.ones(classes), (3, n)) if classes > 2 else rng.random((3, n, 1)), 1)
    return OutOfFold(splits, y, (0, 1, 2), values.astype(np.float32))


@pytest.mark.parametrize(("name", "classes"), [("roc_auc", 1), ("roc_auc_ovr", 3), ("roc_auc_ovr_weighted", 3)])
def test_from_pairs_of_units_comes_what_sorting_gives(name: str, classes: int) -> None:
    rng = np.random.default_rng(0)
    table = in_blocks(9000, 20, classes, rng)  # more places than are worked on at once would need ties broken
    draws = draw_units(table.splits.units, table.splits.weights, 40, rng)
    metric: Any = METRICS[name]
    quick, sorted_out = scores_of(table, metric, draws), RankScores(table, metric, draws)
    assert isinstance(quick, ConcordanceScores)
    np.testing.assert_allclose(quick.full, sorted_out.full)
    every = np.arange(40)
    np.testing.assert_array_equal(quick.best(), sorted_out.best())
    for drawn in (True, False):
        np.testing.assert_allclose(quick.of(1, every, drawn=drawn), sorted_out.of(1, every, drawn=drawn), atol=1e-12)


def test_many_places_are_worked_on_in_parts_without_losing_a_pair() -> None:
    rng = np.random.default_rng(1)
    p, positive = rng.random(10_000), rng.random(10_000) < 0.3
    draws = draw_units(np.arange(10_000) // 2000, np.ones(10_000), 1, rng)
    found = Concordance.of(positive, p, draws)
    assert found.auc(np.ones((1, 5)))[0] == pytest.approx(roc_auc_score(positive, p), abs=1e-12)
    assert found.pairs.sum() == pytest.approx(found.auc(np.ones((1, 5)))[0] * positive.sum() * (~positive).sum())


def test_a_draw_of_one_class_only_has_no_score() -> None:
    draws = draw_units(np.array([0, 0, 1, 1]), np.ones(4), 1, np.random.default_rng(0))
    found = Concordance.of(np.array([True, True, False, False]), np.array([0.9, 0.8, 0.1, 0.2]), draws)
    np.testing.assert_array_equal(found.auc(np.array([[2.0, 0.0], [1.0, 1.0]])), [np.nan, 1.0])


@given(st.integers(1, 2 * FEW_UNITS))
def test_few_units_are_counted_in_pairs_and_many_are_sorted(units: int) -> None:
    draws = draw_units(np.arange(units), np.ones(units), 1, np.random.default_rng(0))
    assert ConcordanceScores.suit(METRICS["roc_auc"], draws) == (units <= FEW_UNITS)
    assert not ConcordanceScores.suit(METRICS["average_precision"], draws)
