"""Which configurations of earlier studies a new one begins with."""

from __future__ import annotations

import math

import pytest

from luthier.errors import BadSpace
from luthier.space import SearchSpace
from luthier.tuning.warm import EarlierStudy, TableTraits, likeness, warm_queue

SPACE = SearchSpace.parse({"leaves": (2, 100), "kind": ["a", "b"]})


def table(**changes: object) -> TableTraits:
    usual = {"task": "binary", "target": "y", "metric": "roc_auc", "n_rows": 1000, "n_classes": 2}
    return TableTraits.from_json({**usual, "features": ("a", "b", "c", "d"), **changes})


def study(name: str, like: float, *leaves: int) -> EarlierStudy:
    return EarlierStudy(name, "t", like, tuple({"leaves": n, "kind": "a"} for n in leaves))


def test_tables_are_alike_by_the_columns_they_share_else_by_their_size() -> None:
    assert likeness(table(), table(n_rows=50_000)) == 1.0
    assert likeness(table(), table(features=("a", "b", "c", "e"))) == pytest.approx(3 / 5)
    assert likeness(table(), table(target="z")) == 0.5
    assert likeness(table(), table(target="z", n_rows=10_000)) == pytest.approx(0.5 * math.exp(-1))
    assert likeness(table(), table(metric="f1")) == pytest.approx(0.8)
    assert likeness(table(), table(task="regression")) == 0.0


def test_the_most_alike_study_gives_most_and_others_their_best() -> None:
    queue = warm_queue(SPACE, [study("near", 1.0, 10, 11, 12, 13, 14), study("far", 0.45, 20, 21, 22)])
    assert [one.config["leaves"] for one in queue] == [10, 11, 20, 12, 13]
    assert queue[2].why == "number 1 of study far (t), whose table is 45% alike"
    assert {one.mode for one in queue} == {"prior"}


def test_what_is_hardly_alike_is_not_asked() -> None:
    assert warm_queue(SPACE, [study("strange", 0.09, 10, 11)]) == ()


def test_limits_that_moved_are_kept_to_and_twins_asked_once() -> None:
    queue = warm_queue(SPACE, [study("larger", 1.0, 100, 300), study("other", 0.6, 100)])
    assert [one.config for one in queue] == [{"leaves": 100, "kind": "a"}]


def test_what_has_no_place_in_the_space_is_left_out() -> None:
    strange = EarlierStudy("s", "t", 1.0, ({"leaves": 5, "kind": "c"}, {"kind": "a"}, {"leaves": 7, "kind": "b"}))
    assert [one.config["leaves"] for one in warm_queue(SPACE, [strange])] == [7]
    with pytest.raises(BadSpace):
        SPACE.nearest({"leaves": 5, "kind": "c"})
