"""Thresholds: the best cut of all, against trying each, and what is said when a rule cannot be read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import fbeta_score

from luthier.errors import BadMetric
from luthier.evaluation.thresholds import ByFBeta, Cuts, Fixed, KeepingTo, read_rule
from luthier.scoring.metrics import Costs, f_beta

labels = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12)), min_size=2, max_size=40)


def tried(y: np.ndarray, p: np.ndarray, score: Callable[[np.ndarray, np.ndarray], float]) -> float:
    """The best score of all cuts, one by one."""
    return max(score(y, p > t) for t in [-1.0, *np.unique(p), 2.0])


def counted(y: np.ndarray, decided: np.ndarray) -> tuple[int, int, int]:
    """Right, called positive, and positive."""
    return int((decided & (y == 1)).sum()), int(decided.sum()), int(y.sum())


@given(labels, st.sampled_from([0.5, 1.0, 2.0]))
def test_no_cut_has_a_higher_f_beta_than_the_one_chosen(rows: list[tuple[int, int]], beta: float) -> None:
    y, p = np.array([label for label, _ in rows]), np.array([place for _, place in rows]) / 12

    def score(y: np.ndarray, decided: np.ndarray) -> float:
        right, called, positive = counted(y, decided)
        return (1 + beta**2) * right / (beta**2 * positive + called) if positive + called else 0.0

    threshold = ByFBeta(beta).choose(y, p, np.ones(len(y)))
    assert score(y, p > threshold) == pytest.approx(tried(y, p, score))


@given(labels)
def test_keeping_to_a_precision_gives_the_best_recall_there_is(rows: list[tuple[int, int]]) -> None:
    y, p = np.array([label for label, _ in rows]), np.array([place for _, place in rows]) / 12

    def recall_if_kept(y: np.ndarray, decided: np.ndarray) -> float:
        right, called, positive = counted(y, decided)
        return right / max(positive, 1) if called and right >= 0.7 * called else -1

    threshold = KeepingTo("precision", 0.7).choose(y, p, np.ones(len(y)))
    best = tried(y, p, recall_if_kept)
    assert best < 0 or recall_if_kept(y, p > threshold) == pytest.approx(best)


def test_where_no_precision_is_high_enough_the_highest_is_taken() -> None:
    y, p = np.array([0, 1, 0, 0]), np.array([0.9, 0.8, 0.2, 0.1])
    assert ((p > KeepingTo("precision", 0.9).choose(y, p, np.ones(4))) == [True, True, False, False]).all()


def test_weights_count_as_copies() -> None:
    rng = np.random.default_rng(0)
    y, p, times = rng.integers(0, 2, 50), rng.random(50), rng.integers(0, 3, 50)
    weighted = Cuts.of(y, p, times.astype(float))
    copied = Cuts.of(np.repeat(y, times), np.repeat(p, times), np.ones(times.sum()))
    np.testing.assert_array_equal(weighted.thresholds, copied.thresholds)
    np.testing.assert_array_equal(weighted.tp, copied.tp)
    np.testing.assert_array_equal(weighted.fn, copied.fn)
    np.testing.assert_array_equal(weighted.tn, copied.tn)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("f1", ByFBeta(1.0)),
        ("F0.5", ByFBeta(0.5)),
        ("precision>=0.9", KeepingTo("precision", 0.9)),
        ("recall >= .8", KeepingTo("recall", 0.8)),
        ("0.3", Fixed(0.3)),
    ],
)
def test_rules_are_read_as_people_write_them(text: str, rule: object) -> None:
    assert read_rule(text) == rule


@pytest.mark.parametrize("text", ["fish", "precision>0.9", "precision>=90", "1.5", ""])
def test_what_is_no_rule_says_how_one_is_written(text: str) -> None:
    with pytest.raises(BadMetric, match=r"(?s)cannot be read.*precision>=0.9"):
        read_rule(text)


@pytest.mark.parametrize("text", ["fn=50", "fn=50,fp=", "fn=1,fp=2,xx=3", "50,2", "fn=nan,fp=1", "fn=1,fp=1,tp=2"])
def test_costs_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(BadMetric):
        Costs.parse(text)


def test_the_cost_of_decisions_is_that_of_their_outcomes() -> None:
    costs = Costs.parse("fn=50, fp=2, tp=-10")
    y, p = np.array([1, 1, 0, 0]), np.array([0.9, 0.1, 0.9, 0.1])
    assert costs.metric.score(y, p) == pytest.approx((-10 + 50 + 2 + 0) / 4)
    # At the break-even chance both decisions cost the same.
    chance = costs.break_even
    assert chance * -10 + (1 - chance) * 2 == pytest.approx(chance * 50)


def test_f_beta_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 100), rng.random(100)
    assert f_beta(2.0).score(y, p) == pytest.approx(fbeta_score(y, p > 0.5, beta=2))
