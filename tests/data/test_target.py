from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data import Dataset, Schema, make_dataset
from luthier.errors import BadTarget, BadValues


def dataset(target: Any, **options: Any) -> Dataset:
    rng = np.random.default_rng(1)
    return make_dataset(pd.DataFrame({"x": rng.normal(size=len(target)), "y": target}), "y", **options)


@pytest.mark.parametrize(
    ("target", "task", "classes"),
    [
        ([0, 1] * 20, "binary", (0, 1)),
        ([0.0, 1.0, None, 1.0] * 10, "binary", (0, 1)),
        ([True, False] * 20, "binary", (False, True)),
        (["no", "yes"] * 20, "binary", ("no", "yes")),
        (["true", "False"] * 20, "binary", (False, True)),
        ([1, -1] * 20, "binary", (-1, 1)),
        (["b", "a", "c"] * 20, "multiclass", ("a", "b", "c")),
        ([3, 1, 2] * 20, "multiclass", (1, 2, 3)),
        (["3", "1", "2"] * 20, "multiclass", (1, 2, 3)),
        (list(range(40)), "regression", ()),
        ([1, 2, 3], "regression", ()),
        ([0.5, 1.5] * 20, "regression", ()),
        ([0.1, 0.2, 0.3] * 20, "regression", ()),
        ([1] * 30 + [2] * 30 + [3] * 2, "regression", ()),  # a class of two rows is rather a value
    ],
)
def test_the_task_is_found_from_the_values(target: list[Any], task: str, classes: tuple[Any, ...]) -> None:
    schema = dataset(target).schema
    assert (schema.task, schema.classes) == (task, classes)
    assert any(note.column == "y" and note.reason.startswith(f"task {task}") for note in schema.notes)


def test_the_task_can_be_named_instead() -> None:
    assert dataset([3, 1, 2] * 20, task="regression").y.tolist() == [3.0, 1.0, 2.0] * 20
    assert dataset([0, 1] * 20, task="regression").schema.classes == ()
    assert dataset(list(range(30)) * 2, task="multiclass").schema.classes == tuple(range(30))
    assert dataset([0, 1] * 20, task="multiclass").schema.task == "binary"


@pytest.mark.parametrize(
    ("target", "positive"),
    [
        (["good", "bad"] * 20, "bad"),
        (["churn", "stay"] * 20, "churn"),
        (["Yes", "No"] * 20, "Yes"),
        ([0, 1] * 20, 1),
        ([True, False] * 20, True),
        (["a"] * 30 + ["b"] * 10, "b"),
        (["a"] * 10 + ["b"] * 30, "a"),
        ([1] * 10 + [2] * 30, 1),  # neither 1 nor 2 says which is the event, so the rarer
        ([1] * 30 + [2] * 10, 2),
    ],
)
def test_the_positive_class_is_the_one_its_word_says_else_the_rarer(target: list[Any], positive: Any) -> None:
    data = dataset(target)
    assert data.schema.positive == positive
    assert data.y.tolist() == [int(value == positive) for value in target]


@pytest.mark.parametrize(
    ("target", "named", "positive"),
    [
        ([0, 1] * 20, "0", 0),
        ([0, 1] * 20, "Yes", 1),
        ([0.0, 1.0] * 20, "1.0", 1),
        ([True, False] * 20, "false", False),
        ([True, False] * 20, 1, True),
        (["yes", "no"] * 20, "No", "no"),
        (["yes", "no"] * 20, True, "yes"),
        (["a", "b"] * 20, "a", "a"),
    ],
)
def test_a_positive_class_can_be_named_as_a_value_or_as_text(target: list[Any], named: Any, positive: Any) -> None:
    assert dataset(target, positive=named).schema.positive == positive


def test_a_named_positive_class_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(BadTarget, match=r"'maybe' is not a class of 'y'.*'no', 'yes'(?s:.*)positive='yes'"):
        dataset(["yes", "no"] * 20, positive="maybe")
    with pytest.raises(BadTarget, match="'1' is not a class"):
        dataset(["a", "b"] * 20, positive="1")


def test_rows_without_a_target_are_left_out_and_counted() -> None:
    data = dataset(["yes", None, "no", "NA", "", "no", "yes"])
    assert data.n_rows == 4
    assert data.y.tolist() == [1, 0, 0, 1]
    assert data.provenance.rows_dropped == (("the target is missing", 3),)
    assert any("3 of 7 rows have no target" in note.reason and "'NA'" in note.reason for note in data.schema.notes)


def test_none_is_a_class_and_no_gap() -> None:
    assert dataset(["none", "mild", "severe"] * 20).schema.classes == ("mild", "none", "severe")


@pytest.mark.parametrize(
    ("target", "options", "said"),
    [
        ([1, 1, 1], {}, r"is 1 in all 3 rows"),
        (["a", "a", None], {}, r"is 'a' in all 2 rows"),
        ([None, None], {}, r"is empty in all 2 rows"),
        (["a"] * 5 + ["b"], {}, r"class 'b' of 'y' has a single row \(row 6\)"),
        ([None, "a", "a", "b", "c", "c"], {}, r"class 'b' of 'y' has a single row \(row 4\)"),
        ([f"u{i}" for i in range(9)], {}, r"9 of the 9 classes of 'y' have a single row.*names rows"),
        (["a", "b", "c"] * 3, {"task": "binary"}, r"has two classes, but 'y' has 3"),
        (["1", "2", "x"] * 3, {"task": "regression"}, r"row 3 of the target 'y' holds 'x'"),
        (pd.date_range("2024-01-01", periods=5), {}, r"holds dates"),
        ([[1], [2]], {}, r"holds lists"),
        (np.linspace(0, 1, 50), {"task": "multiclass"}, r"50 different numbers with decimals(?s:.*)task='regression'"),
        ([0, 1] * 5, {"task": "clasification"}, r"there is no task 'clasification'(?s:.*)'multiclass'"),
        ([1.5, 2.5, 3.5], {"positive": 1}, r"is to be predicted as a number"),
        (["a", "b", "c"] * 3, {"positive": "a"}, r"has 3 classes"),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused_with_value_place_and_way_out(
    target: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadTarget, match=said) as caught:
        dataset(target, **options)
    assert caught.value.fix


def test_infinite_targets_are_refused() -> None:
    with pytest.raises(BadValues, match=r"column 'y' holds 2 infinite values, the first in row 3"):
        dataset([1.0, 2.0, np.inf, -np.inf])


@given(
    st.lists(st.sampled_from([["a", "b", "c"], [1, 2, 3], [True, False], [0.5, 1.5]]), min_size=1, max_size=1),
    st.data(),
)
def test_labels_survive_coding_and_decoding(kinds: list[list[Any]], data: st.DataObject) -> None:
    labels = kinds[0]
    values = labels * 10 + data.draw(st.lists(st.sampled_from(labels)))
    made = dataset(values, task="binary" if len(labels) == 2 else "multiclass")
    schema = Schema.from_json(made.schema.to_json())
    assert schema.decode_labels(made.y).tolist() == values
    np.testing.assert_array_equal(schema.encode_target(values), made.y)
    np.testing.assert_array_equal(schema.encode_target([str(value) for value in values]), made.y)


def test_labels_unknown_to_the_model_are_refused() -> None:
    schema = dataset(["a", "b"] * 9).schema
    with pytest.raises(BadTarget, match=r"row 2 of 'y' holds 'z', which is none of its classes: 'a', 'b'"):
        schema.encode_target(["a", "z"])
    with pytest.raises(BadTarget, match=r"row 1 of 'y' holds no finite number"):
        dataset([0.5, 1.5, 2.5]).schema.encode_target([None, 1.0])
