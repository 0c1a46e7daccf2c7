from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from luthier.models import Facts
from luthier.models.encoding import MAX_LEVELS, Encoder
from luthier.models.files import Arrays, write_files

NAN = np.nan


def facts(X: np.ndarray, *levels: int) -> Facts:
    """The last columns hold codes, with so many levels each."""
    p = X.shape[1]
    return Facts("regression", len(X), p, 1, tuple(range(p - len(levels), p)), levels)


def test_numbers_are_standardised_as_scikit_learn_does() -> None:
    X = np.random.default_rng(0).normal(3, 2, (50, 4))
    new = np.random.default_rng(1).normal(3, 2, (7, 4))
    encoder = Encoder.fit(X, facts(X))
    np.testing.assert_allclose(encoder.encode(new), StandardScaler().fit(X).transform(new), atol=1e-12)


def test_a_missing_number_becomes_the_median_and_says_so() -> None:
    X = np.array([[1.0], [2.0], [NAN], [9.0]])
    encoded = Encoder.fit(X, facts(X)).encode(X)
    assert encoded.shape == (4, 2)
    np.testing.assert_array_equal(encoded[:, 1], [0, 0, 1, 0])
    assert encoded[2, 0] == encoded[1, 0]  # the median of 1, 2, 9


def test_a_number_missing_only_at_prediction_adds_no_column() -> None:
    X = np.array([[1.0], [2.0], [3.0]])
    encoder = Encoder.fit(X, facts(X))
    np.testing.assert_allclose(encoder.encode(np.array([[NAN]])), encoder.encode(np.array([[2.0]])))


def test_columns_that_say_nothing_are_left_out() -> None:
    X = np.array([[5.0, NAN, 1.0, 0.0], [5.0, NAN, 2.0, 0.0], [5.0, NAN, 4.0, 0.0]])
    assert Encoder.fit(X, facts(X, 3)).n_columns == 1


def test_a_number_that_is_there_or_not_is_kept_as_just_that() -> None:
    X = np.array([[5.0], [NAN], [5.0], [NAN]])
    encoded = Encoder.fit(X, facts(X)).encode(X)
    np.testing.assert_array_equal(encoded, [[0, 0], [0, 1], [0, 0], [0, 1]])


def test_nothing_to_encode_is_one_column_of_zeros() -> None:
    X = np.full((3, 2), 7.0)
    np.testing.assert_array_equal(Encoder.fit(X, facts(X)).encode(X), np.zeros((3, 1)))


def test_frequent_levels_have_their_column_and_rare_ones_share_one() -> None:
    codes = np.repeat([0.0, 1.0, 2.0, 3.0], [100, 90, 4, 3])[:, None]
    encoder = Encoder.fit(codes, facts(codes, 6))
    shown = encoder.encode(np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [NAN]]))
    np.testing.assert_array_equal(
        shown, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1]]
    )  # level 4 and a missing one, never seen in training, are rare by nature


def test_missing_categories_have_their_own_column_when_training_had_some() -> None:
    codes = np.array([0.0] * 30 + [1.0] * 30 + [NAN] * 5)[:, None]
    shown = Encoder.fit(codes, facts(codes, 2)).encode(np.array([[NAN], [1.0], [5.0]]))
    np.testing.assert_array_equal(shown, [[0, 0, 1], [0, 1, 0], [0, 0, 1]])


def test_very_many_levels_cost_a_bounded_number_of_columns() -> None:
    codes = np.arange(40_000.0)[:, None] % 1000
    assert Encoder.fit(codes, facts(codes, 1000)).n_columns == MAX_LEVELS + 1


def test_normal_scores_are_about_scikit_learns_quantile_transform() -> None:
    X = np.random.default_rng(3).lognormal(0, 2, (2000, 1))
    ours = Encoder.fit(X, facts(X), "normal_scores").encode(X)[:, 0]
    theirs = QuantileTransformer(n_quantiles=256, output_distribution="normal").fit_transform(X)[:, 0]
    middle = np.abs(theirs) < 2.5  # scikit-learn sends both ends to +-5.2, we do not
    np.testing.assert_allclose(ours[middle], theirs[middle], atol=0.05)
    assert np.abs(ours).max() < 4


def test_normal_scores_of_many_ties_stay_ordered_and_finite() -> None:
    X = np.array([0.0] * 90 + list(range(1, 11)))[:, None]
    encoded = Encoder.fit(X, facts(X), "normal_scores").encode(np.array([[-5.0], [0.0], [0.5], [3.0], [99.0]]))[:, 0]
    assert np.isfinite(encoded).all()
    assert encoded[0] == encoded[1]
    assert (np.diff(encoded[1:]) > 0).all()


def test_an_unknown_scaling_is_refused() -> None:
    with pytest.raises(ValueError, match=r"standard.*normal_scores.*'minmax'"):
        Encoder.fit(np.ones((3, 1)), facts(np.ones((3, 1))), "minmax")


any_numbers = st.one_of(st.just(NAN), st.floats(-1e300, 1e300), st.integers(-3, 3).map(float))


@given(
    X=arrays(np.float64, st.tuples(st.integers(1, 30), st.just(3)), elements=any_numbers),
    codes=arrays(np.float64, 30, elements=st.one_of(st.just(NAN), st.integers(0, 5).map(float))),
    new=arrays(np.float64, (4, 4), elements=any_numbers),
    scaling=st.sampled_from(["standard", "normal_scores"]),
)
def test_whatever_comes_in_finite_columns_come_out_and_survive_writing(
    X: np.ndarray, codes: np.ndarray, new: np.ndarray, scaling: str
) -> None:
    X = np.column_stack([X, codes[: len(X)]])
    encoder = Encoder.fit(X, facts(X, 6), scaling)
    for rows in (X, new):
        encoded = encoder.encode(rows)
        assert encoded.shape == (len(rows), encoder.n_columns)
        assert np.isfinite(encoded).all()
    read = Encoder.from_arrays(Arrays(write_files({}, encoder.arrays())))
    np.testing.assert_array_equal(read.encode(new), encoder.encode(new))
