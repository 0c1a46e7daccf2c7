from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest

from luthier.data import Dataset, make_dataset

N = 400
rng = np.random.default_rng(5)


def dataset(column: Any, name: str = "c", **options: Any) -> Dataset:
    values = list(column)
    noise = np.random.default_rng(1).normal(size=(len(values), 2))
    return make_dataset(pd.DataFrame({"x": noise[:, 0], name: column, "y": noise[:, 1]}), "y", **options)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (rng.normal(size=N), "numeric"),
        (rng.integers(0, 4, N), "numeric"),  # codes of few values stay numbers
        (rng.integers(0, 4, N).astype(str), "numeric"),
        (pd.Categorical(rng.integers(0, 4, N)), "categorical"),  # unless declared
        (rng.choice(["red", "green", "blue"], N), "categorical"),
        (rng.choice(["yes", "No"], N), "boolean"),
        (rng.choice(["ja", "nein"], N), "boolean"),
        (rng.choice(["t", "f"], N), "boolean"),
        (rng.choice(["yes", "no", "unknown"], N), "categorical"),
        (rng.choice([True, False], N), "boolean"),
        (rng.permutation(pd.date_range("2020-01-01", periods=N, freq="D").to_numpy()), "datetime"),
        (rng.permutation(pd.date_range("2020-01-01", periods=N, freq="D").astype(str).to_numpy()), "datetime"),
        ([f"the {i} tiny words of row {i * 7}" for i in range(N)], "text"),
    ],
)
def test_kinds_are_found_from_the_values(column: Any, kind: str) -> None:
    found = dataset(column).schema.column("c")
    assert (found.role, found.kind) == ("feature", kind)


@pytest.mark.parametrize(
    ("column", "name", "kind", "said"),
    [
        ([7] * N, "c", "constant", "it is 7 in every row"),
        ([None] * N, "c", "empty", "empty in every row"),
        (range(N), "c", "id", "numbers the rows one by one"),
        (rng.permutation(N * 3)[:N], "PassengerId", "id", "identifies rows"),
        ([str(uuid.UUID(int=int(i))) for i in rng.integers(0, 2**60, N)], "c", "id", "names rows"),
        ([{"a": i} for i in range(N)], "c", "nested", "lists, mappings or bytes"),
    ],
)
def test_columns_of_no_use_are_dropped_with_the_reason(column: Any, name: str, kind: str, said: str) -> None:
    schema = dataset(column, name).schema
    found = schema.column(name)
    assert (found.role, found.kind) == ("dropped", kind)
    assert said in found.reason
    assert any(note.column == name and note.action == "dropped" and said in note.reason for note in schema.notes)
    assert name not in {feature.source for feature in schema.features}


def test_a_word_and_gaps_are_not_constant() -> None:
    assert dataset(["yes", None] * 30).schema.column("c").role == "feature"


def test_unique_numbers_that_identify_nothing_stay() -> None:
    assert dataset(rng.permutation(N * 3)[:N], "income").schema.column("income").role == "feature"


def test_an_identifier_that_recurs_stays_with_a_hint_at_groups() -> None:
    schema = dataset(rng.integers(0, 90, N), "customer_id").schema
    assert schema.column("customer_id").role == "feature"
    assert any("group='customer_id'" in note.reason for note in schema.notes if note.action == "kept")


def test_a_repeated_column_is_dropped_whatever_its_type() -> None:
    x = rng.integers(0, 50, N)
    frame = pd.DataFrame({"a": x, "b": x.astype(str), "c": x.astype(float), "d": x + 1, "y": rng.normal(size=N)})
    schema = make_dataset(frame, "y").schema
    assert [schema.column(name).kind for name in "abcd"] == ["numeric", "duplicate", "duplicate", "numeric"]
    assert schema.column("b").reason == "it repeats 'a' value for value"


def test_columns_that_seem_to_tell_nothing_can_be_kept() -> None:
    n = 60
    frame = pd.DataFrame(
        {
            "same": [1] * n,
            "row": range(n),
            "who": [f"u{i}" for i in range(n)],
            "again": range(n),
            "time": np.arange(n) * 0.5,
            "y": rng.normal(size=n),
        }
    )
    kept = ["same", "row", "who", "again", "time"]
    data = make_dataset(frame, "y", keep=kept)
    assert [feature.source for feature in data.schema.features] == kept
    assert data.schema.time is None
    schema = make_dataset(frame, "y", keep=["same"]).schema
    assert "keep=['who']" in schema.column("who").reason


def test_columns_of_an_array_are_not_taken_for_identifiers() -> None:
    array = pd.DataFrame(rng.permutation(N * 3)[:N].reshape(-1, 1)).assign(y=rng.normal(size=N))
    assert make_dataset(array, "y").schema.column("0").role == "feature"


def test_a_column_with_values_only_where_the_target_is_missing_is_empty() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "c": [9, None, None, None], "y": [None, "a", "b", "a"]})
    frame = pd.concat([frame, frame.tail(1).assign(y="b", x=5.0)], ignore_index=True)
    assert make_dataset(frame, "y").schema.column("c").kind == "empty"


def test_a_few_words_among_numbers_count_as_missing_and_are_remembered() -> None:
    column = [str(i / 10) for i in range(N)]
    column[3], column[9] = "<5", "too hot"
    data = dataset(column)
    found = data.schema.column("c")
    assert (found.kind, found.missing_words) == ("numeric", ("<5", "too hot"))
    assert np.flatnonzero(np.isnan(data.X[:, 1])).tolist() == [3, 9]
    assert any("2 of 400 values are no numbers" in note.reason for note in data.schema.notes)
    # The same word is no surprise in rows to predict.
    assert np.isnan(data.schema.encode(pd.DataFrame({"x": [1.0], "c": ["<5"]}))[0, 1])


def test_rare_levels_beyond_a_thousand_are_one_level() -> None:
    column = [f"l{i}" for i in range(1500) for _ in range(3 if i < 900 else 2)]
    data = dataset(column)
    feature = data.schema.features[1]
    assert len(feature.levels) == 1000
    assert feature.rare == feature.levels[-1] == "(rare)"
    codes = data.schema.encode(pd.DataFrame({"x": 0.0, "c": ["l0", "l1499", "never seen", None]}))[:, 1]
    assert feature.levels[int(codes[0])] == "l0"
    assert codes[1:3].tolist() == [999.0, 999.0]
    assert np.isnan(codes[3])


def test_a_declared_order_of_categories_is_kept() -> None:
    column = pd.Categorical(rng.choice(["low", "mid", "high"], N), categories=["low", "mid", "high"], ordered=True)
    assert dataset(column).schema.features[1].levels == ("low", "mid", "high")


def test_roles_can_be_named() -> None:
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=6),
            "who": ["b", "a", None, "b", None, "a"],
            "w": [1, 2, 0, 1, 1, 1],
            "noise": rng.normal(size=6),
            "y": rng.normal(size=6),
        }
    )
    data = make_dataset(frame, "y", group="who", weight="w", drop=["noise"])
    assert data.groups is not None
    assert data.weights is not None
    assert data.groups.tolist() == [0, 1, 2, 0, 3, 1]  # rows without a group are each their own
    assert data.weights.tolist() == [1, 2, 0, 1, 1, 1]
    roles = {column.name: column.role for column in data.schema.columns}
    assert roles == {"x": "feature", "who": "group", "w": "weight", "noise": "dropped", "y": "target"}
    assert [feature.name for feature in data.schema.features] == ["x"]


def test_the_summary_of_a_column_is_what_it_holds() -> None:
    schema = dataset(["a", "b", "a", None, "a"] * 10).schema
    words, numbers = schema.column("c"), dataset([1, 5, None, 2] * 10).schema.column("c")
    assert (words.missing, words.n_distinct, words.top) == (0.2, 2, (("a", 30), ("b", 10)))
    assert (numbers.missing, numbers.n_distinct, numbers.low, numbers.high) == (0.25, 3, 1.0, 5.0)


def test_features_have_names_of_their_own() -> None:
    days = rng.permutation(pd.date_range("2020-01-01", periods=N).to_numpy())
    frame = pd.DataFrame({"a.month": rng.normal(size=N), "a": days, "y": rng.normal(size=N)})
    names = [feature.name for feature in make_dataset(frame, "y").schema.features]
    assert len(set(names)) == len(names)
    assert "a.month" in names
