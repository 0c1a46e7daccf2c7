"""Which rows judge: the choice by roles and size, and what every choice guarantees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, KFold, RepeatedKFold, ShuffleSplit, TimeSeriesSplit

from luthier.errors import BadSplit
from luthier.scoring import Splits, choose_splits


def classes(n: int, k: int = 2, seed: int = 0) -> Any:
    return np.random.default_rng(seed).permutation(np.arange(n) % k)


def check(splits: Splits) -> None:
    """What holds for every choice."""
    for f, (train, valid) in enumerate(splits.folds):
        assert len(train)
        assert len(valid)
        assert not len(np.intersect1d(train, valid))
        np.testing.assert_array_equal(splits.rows[splits.fold_slice(f)], valid)
    assert splits.rows.dtype == splits.units.dtype == np.int64
    np.testing.assert_array_equal(np.unique(splits.units), np.arange(splits.units.max() + 1))
    assert (splits.weights >= 0).all()
    assert splits.reason


@settings(max_examples=60)
@given(n=st.integers(10, 700), k=st.integers(2, 4), seed=st.integers(0, 99))
def test_rows_without_order_or_groups_are_judged_equally_often(n: int, k: int, seed: int) -> None:
    splits = choose_splits(classes(n, k, seed), "binary" if k == 2 else "multiclass", seed=seed)
    check(splits)
    assert splits.kind == "stratified"
    np.testing.assert_array_equal(np.bincount(splits.rows), np.full(n, splits.n_repeats))
    np.testing.assert_allclose(np.bincount(splits.rows, weights=splits.weights), np.ones(n))
    np.testing.assert_array_equal(splits.units, splits.rows)


@settings(max_examples=60)
@given(counts=st.lists(st.integers(2, 40), min_size=2, max_size=6), seed=st.integers(0, 99))
def test_every_fold_has_its_share_of_every_class_and_learns_all(counts: list[int], seed: int) -> None:
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    splits = choose_splits(y, "multiclass", seed=seed)
    k = len(splits.folds) // splits.n_repeats
    for train, valid in splits.folds:
        here = np.bincount(y[valid], minlength=len(counts))
        assert (np.abs(here - np.array(counts) / k) < 1).all()
        assert (np.bincount(y[train], minlength=len(counts)) > 0).all()
        assert abs(len(valid) - len(y) / k) < 1


def test_regression_folds_are_shuffled_and_of_like_size() -> None:
    splits = choose_splits(np.linspace(0, 1, 1003), "regression")
    check(splits)
    assert (splits.kind, len(splits.folds), splits.n_repeats) == ("shuffled", 5, 1)
    assert {len(valid) for _, valid in splits.folds} == {200, 201}
    assert np.ptp(splits.folds[0][1]) > 500  # not a stretch of the table


def test_few_rows_are_judged_twice_in_different_company() -> None:
    splits = choose_splits(classes(200), "binary")
    assert (len(splits.folds), splits.n_repeats) == (10, 2)
    assert "twice" in splits.reason
    assert not any(np.array_equal(a[1], b[1]) for a in splits.folds[:5] for b in splits.folds[5:])


def test_few_rows_make_fewer_folds() -> None:
    splits = choose_splits(np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), "regression")
    assert len(splits.folds) // splits.n_repeats == 3


def test_the_seed_fixes_the_folds() -> None:
    y = classes(300)
    again, other = choose_splits(y, "binary", seed=3), choose_splits(y, "binary", seed=4)
    np.testing.assert_array_equal(choose_splits(y, "binary", seed=3).rows, again.rows)
    assert not np.array_equal(again.rows, other.rows)


def test_sample_weights_become_base_weights() -> None:
    w = np.random.default_rng(0).random(100)
    splits = choose_splits(classes(100), "binary", weights=w)
    np.testing.assert_allclose(np.bincount(splits.rows, weights=splits.weights), w)


@settings(max_examples=40)
@given(n_groups=st.integers(2, 30), seed=st.integers(0, 99), regression=st.booleans())
def test_a_group_is_never_on_both_sides(n_groups: int, seed: int, regression: bool) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.r_[np.arange(n_groups), rng.integers(0, n_groups, 10 * n_groups)])
    y = rng.normal(size=len(groups)) if regression else classes(len(groups), seed=seed)
    splits = choose_splits(y, "regression" if regression else "binary", groups=groups, seed=seed)
    check(splits)
    assert splits.kind == "grouped"
    assert len(splits.folds) == min(5, n_groups)
    for train, valid in splits.folds:
        assert not set(groups[train]) & set(groups[valid])
    assert len(np.unique(splits.units)) == n_groups
    for unit in np.unique(splits.units):
        assert len(np.unique(groups[splits.rows[splits.units == unit]])) == 1


def test_groups_may_have_any_name() -> None:
    groups = np.array(["a", "b", "c", "d"] * 10)
    check(choose_splits(np.arange(40.0), "regression", groups=groups))


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(BadSplit, match="1 group cannot"):
        choose_splits(classes(40), "binary", groups=np.zeros(40, int))


def test_a_class_that_lives_in_one_group_cannot_be_judged() -> None:
    groups = np.repeat(np.arange(4), 10)
    with pytest.raises(BadSplit, match="one group only"):
        choose_splits((groups == 2).astype(int), "binary", groups=groups)


def test_rows_ordered_in_time_are_judged_forward_unasked() -> None:
    rng = np.random.default_rng(0)
    times = rng.permutation(1000).astype(float)
    splits = choose_splits(classes(1000), "binary", times=times)
    check(splits)
    assert splits.kind == "forward"
    assert "ordered in time" in splits.reason
    for train, valid in splits.folds:
        assert times[train].max() < times[valid].min()


def test_the_last_window_is_run_first_and_the_others_in_random_order() -> None:
    splits = choose_splits(np.arange(1000.0), "regression", times=np.arange(1000.0))
    sizes = [len(train) for train, _ in splits.folds]
    assert sizes[0] == max(sizes)
    assert sizes[1:] != sorted(sizes[1:])
    assert sizes[1:] != sorted(sizes[1:], reverse=True)


def test_time_is_resampled_by_blocks_within_windows() -> None:
    splits = choose_splits(np.arange(1000.0), "regression", times=np.arange(1000.0))
    assert len(np.unique(splits.units)) == 40
    for unit in range(40):
        assert np.ptp(splits.rows[splits.units == unit]) + 1 == (splits.units == unit).sum()  # consecutive rows
    for f in range(len(splits.folds)):
        assert not set(splits.units[splits.fold_slice(f)]) & set(np.delete(splits.units, np.r_[splits.fold_slice(f)]))


def test_time_and_groups_together_learn_from_the_past_of_other_groups() -> None:
    rng = np.random.default_rng(0)
    groups, times = rng.integers(0, 200, 1000), np.arange(1000.0)
    splits = choose_splits(rng.normal(size=1000), "regression", groups=groups, times=times)
    check(splits)
    for train, valid in splits.folds:
        assert times[train].max() < times[valid].min()
        assert not set(groups[train]) & set(groups[valid])


def test_groups_that_are_always_there_cannot_be_kept_apart_in_time() -> None:
    with pytest.raises(BadSplit, match="nothing is left to learn"):
        choose_splits(np.arange(100.0), "regression", groups=np.arange(100) % 2, times=np.arange(100.0))


# The user's own -------------------------------------------------------------------------------------------------------


def test_a_number_of_folds_is_that_many() -> None:
    assert len(choose_splits(classes(100), "binary", cv=7).folds) == 7
    assert len(choose_splits(classes(100), "binary", n_folds=3).folds) == 3
    assert len(choose_splits(np.arange(100.0), "regression", times=np.arange(100.0), cv=4).folds) == 4


@pytest.mark.parametrize(
    ("cv", "n_repeats"),
    [(KFold(4), 1), (RepeatedKFold(n_splits=3, n_repeats=2, random_state=0), 2), (TimeSeriesSplit(3), 1)],
)
def test_a_scikit_learn_splitter_is_taken_as_it_is(cv: Any, n_repeats: int) -> None:
    y = classes(60)
    splits = choose_splits(y, "binary", cv=cv)
    check(splits)
    for (train, valid), (theirs, judged) in zip(splits.folds, cv.split(np.zeros((60, 1)), y), strict=True):
        np.testing.assert_array_equal(train, theirs)
        np.testing.assert_array_equal(valid, judged)
    assert (splits.kind, splits.n_repeats) == ("own", n_repeats)


def test_a_group_splitter_gets_the_groups() -> None:
    groups = np.arange(60) % 6
    splits = choose_splits(classes(60), "binary", cv=GroupKFold(3), groups=groups)
    assert all(not set(groups[train]) & set(groups[valid]) for train, valid in splits.folds)
    assert len(np.unique(splits.units)) == 6


def test_a_row_judged_more_often_weighs_no_more() -> None:
    splits = choose_splits(classes(50), "binary", cv=ShuffleSplit(5, test_size=0.3, random_state=0))
    judged = np.unique(splits.rows)
    np.testing.assert_allclose(np.bincount(splits.rows, weights=splits.weights, minlength=50)[judged], 1.0)


def test_pairs_may_be_a_generator_of_numbers_or_masks() -> None:
    def pairs() -> Iterator[tuple[Any, Any]]:
        yield list(range(5)), [5, 6]
        mask = np.arange(10) < 3
        yield mask, ~mask

    splits = choose_splits(np.arange(10.0), "regression", cv=pairs())
    check(splits)
    assert [len(valid) for _, valid in splits.folds] == [2, 7]


@pytest.mark.parametrize(
    ("cv", "why"),
    [
        (1, "1 folds"),
        (0, "0 folds"),
        (101, "100 rows cannot make 101 folds"),
        ([], "make no fold"),
        ("five", "not a way to split"),
        (3.5, "not a way to split"),
        (True, "not a way to split"),
        ([([0, 1], [1, 2])], "learns from row 1"),
        ([([0, 1], [])], "no row to judge"),
        ([([], [1])], "no row to learn"),
        ([([0, 1], [100])], "names row 100"),
        ([([0, -1], [5])], "names row -1"),
        ([([0.5, 1], [5])], "not a pair of row numbers"),
        ([(np.zeros(7, bool), [5])], "not a pair of row numbers"),
        ([[1, 2, 3]], "not a pair of row numbers"),
        (KFold(200), "KFold refuses the table"),
    ],
)
def test_folds_that_cannot_be_are_refused_with_a_way_out(cv: Any, why: str) -> None:
    with pytest.raises(BadSplit, match=why) as caught:
        choose_splits(classes(100), "binary", cv=cv)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("y", "why"), [(np.r_[np.zeros(20, int), 1], "one row"), (np.zeros(20, int), "one class only")]
)
def test_a_class_that_cannot_be_learned_and_judged_is_refused(y: Any, why: str) -> None:
    with pytest.raises(BadSplit, match=why):
        choose_splits(y, "binary")


def test_three_rows_are_too_few() -> None:
    with pytest.raises(BadSplit, match="3 rows"):
        choose_splits(np.arange(3.0), "regression")
