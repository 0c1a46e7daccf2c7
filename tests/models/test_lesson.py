from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import DamagedModel
from luthier.models import Facts
from luthier.models.files import write_files
from luthier.models.lesson import Lesson, Target

BINARY = Facts("binary", 10, 2, 2)
FOUR = Facts("multiclass", 10, 2, 4)
NUMBER = Facts("regression", 10, 2, 1)


def test_codes_without_gaps_go_in_and_all_classes_come_out() -> None:
    target = Target.of(np.array([3, 1, 1]), FOUR)
    np.testing.assert_array_equal(target.tell(np.array([3, 1, 1])), [1, 0, 0])
    np.testing.assert_array_equal(target.read(np.array([[0.2, 0.8]])), [[0, 0.2, 0, 0.8]])


def test_a_binary_answer_is_the_probability_of_the_positive_class() -> None:
    target = Target.of(np.array([0, 1]), BINARY)
    np.testing.assert_array_equal(target.read(np.array([[0.2, 0.8]])), [[0.8]])
    np.testing.assert_array_equal(target.read(np.array([0.8])), [[0.8]])
    np.testing.assert_allclose(target.link(np.array([0.0, np.log(3)])), [[0.5], [0.75]])


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20))
def test_a_standardised_number_is_read_back_as_it_was(values: list[float]) -> None:
    y = np.array(values)
    target = Target.of(y, NUMBER, standardise=True)
    np.testing.assert_allclose(target.read(target.tell(y))[:, 0], y, rtol=1e-9, atol=1e-6)


def test_weights_become_relative_and_rows_without_weight_go() -> None:
    lesson = Lesson.of(BINARY, np.arange(8.0).reshape(4, 2), np.array([0, 1, 1, 0]), np.array([0.0, 10, 30, 20]))
    assert lesson.weights is not None
    np.testing.assert_array_equal(lesson.weights, [0.5, 1.5, 1.0])
    np.testing.assert_array_equal(lesson.X[:, 0], [2, 4, 6])


@pytest.mark.parametrize("weights", [[1.0, -1], [1, np.nan], [1, np.inf], [1], [0, 0]])
def test_weights_that_mean_nothing_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match=r"weights|rows"):
        Lesson.of(BINARY, np.zeros((2, 2)), np.array([0, 1]), np.array(weights))


def test_rows_of_one_class_after_the_weights_are_a_constant() -> None:
    lesson = Lesson.of(BINARY, np.zeros((2, 2)), np.array([0, 1]), np.array([0.0, 1.0]))
    assert lesson.constant is not None
    np.testing.assert_array_equal(lesson.constant.predict(np.zeros((3, 2))), [[1], [1], [1]])


def test_the_prior_is_the_share_of_every_class_or_the_mean() -> None:
    classes = Lesson.of(FOUR, np.zeros((4, 2)), np.array([1, 1, 3, 3]), np.array([1.0, 1, 1, 3])).prior()
    np.testing.assert_allclose(classes.predict(np.zeros((1, 2))), [[0, 1 / 3, 0, 2 / 3]])
    mean = Lesson.of(NUMBER, np.zeros((2, 2)), np.array([1.0, 5]), np.array([1.0, 3]), standardise=True).prior()
    np.testing.assert_allclose(mean.predict(np.zeros((1, 2))), [[4.0]])


@pytest.mark.parametrize(
    "target",
    [
        {},
        {"task": "multiclass", "n_classes": 3, "present": [0, 9], "center": 0.0, "scale": 1.0},
        {"task": "multiclass", "n_classes": 3, "present": [1, 0], "center": 0.0, "scale": 1.0},
        {"task": "binary", "n_classes": 2, "present": [], "center": 0.0, "scale": 1.0},
        {"task": "multiclass", "n_classes": 3, "present": "ab", "center": 0.0, "scale": 1.0},
        None,
    ],
)
def test_a_target_that_contradicts_itself_is_a_damaged_model(target: object) -> None:
    with pytest.raises(DamagedModel, match="LU401"):
        Target.from_files(write_files({"target": target}))
