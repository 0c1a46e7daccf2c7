"""Boosters that somebody changed who knows their libraries' formats: refused before the libraries see them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from luthier.errors import DamagedModel
from luthier.models import FAMILIES
from luthier.models.family import Files
from luthier.models.files import write_files
from luthier.testing.tables import make_table


def booster_of(family: str) -> tuple[dict[str, Any], str, bytes]:
    """Description, name and content of a fitted booster's file."""
    table = make_table("multiclass")
    kind = FAMILIES[family]()
    files = kind.fit({**kind.default(table.facts), "n_estimators": 3}, table.facts, table.X, table.y).dump()
    document = json.loads(files["model.json"])
    (name,) = document.pop("sha256")
    return document, name, files[name]


def with_booster(document: dict[str, Any], name: str, content: bytes) -> Files:
    """The files with fitting digests."""
    return write_files(document, native={name: content})


# --- LightGBM ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lightgbm() -> tuple[dict[str, Any], str, bytes]:
    return booster_of("lightgbm")


def in_first_tree(field: str, change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    """Change one field of the first tree, and say its new size."""

    def changed(text: str) -> str:
        head, tree, rest = re.split(r"(?s)(?<=\n)(Tree=0\n.*?)(?=Tree=1\n)", text, maxsplit=1)
        new = re.sub(rf"(?m)^{field}=(.*)$", lambda found: f"{field}={' '.join(change(found[1].split()))}", tree)
        sizes = re.search(r"(?m)^tree_sizes=(\d+)", head)
        assert sizes is not None
        return head.replace(sizes[0], f"tree_sizes={len(new.encode())}", 1) + new + rest

    return changed


def first(value: object) -> Callable[[list[str]], list[str]]:
    return lambda words: [str(value), *words[1:]]


LIGHTGBM: dict[str, Callable[[str], str]] = {
    "a child far outside": in_first_tree("left_child", first(10**6)),
    "a child that is its own parent": in_first_tree("left_child", first(0)),
    "a leaf far outside": in_first_tree("right_child", first(-(10**6))),
    "a feature far outside": in_first_tree("split_feature", first(10**6)),
    "a feature before the first": in_first_tree("split_feature", first(-1)),
    "fewer leaves than promised": in_first_tree("leaf_value", lambda words: words[1:]),
    "more leaves than there are": in_first_tree("num_leaves", first(10**6)),
    "a leaf that is no number": in_first_tree("leaf_value", first("nan")),
    "fewer children than nodes": in_first_tree("left_child", lambda words: words[1:]),
    "a set of categories that is not there": in_first_tree("decision_type", first(1)),
    "a linear tree": in_first_tree("is_linear", first(1)),
    "digits that readers read in two ways": in_first_tree("split_feature", first("0_1")),
    "a line within a line": in_first_tree("shrinkage", first("1\rleft_child=1000000")),
    "a field said twice": in_first_tree("shrinkage", first("1\nsplit_feature=1000000")),
    "trees that end elsewhere": lambda text: text.replace("tree_sizes=", "tree_sizes=9", 1),
    "trees of a gigabyte": lambda text: re.sub(r"tree_sizes=\d+", "tree_sizes=999999999", text, count=1),
    "more features than the rows have": lambda text: re.sub(r"max_feature_idx=\d+", "max_feature_idx=900", text),
    "outputs without end": lambda text: re.sub(r"num_class=\d+", "num_class=999999999", text, count=1),
    "no trees": lambda text: text.partition("Tree=0")[0],
    "something else": lambda _: "import os",
}


@pytest.mark.parametrize("forgery", LIGHTGBM)
def test_a_lightgbm_model_that_would_read_outside_of_itself_is_refused(
    forgery: str, lightgbm: tuple[dict[str, Any], str, bytes]
) -> None:
    document, name, content = lightgbm
    family, forged = FAMILIES["lightgbm"](), LIGHTGBM[forgery](content.decode())
    assert forged != content.decode()
    with pytest.raises(DamagedModel, match="LU401"):
        family.load(with_booster(document, name, forged.encode()))


def test_an_untouched_lightgbm_model_is_read(lightgbm: tuple[dict[str, Any], str, bytes]) -> None:
    FAMILIES["lightgbm"]().load(with_booster(*lightgbm))


# --- XGBoost ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def xgboost() -> tuple[dict[str, Any], str, bytes]:
    pytest.importorskip("xgboost")
    return booster_of("xgboost")


def put(field: str, value: Any, at: int = 0) -> Callable[[dict[str, Any]], None]:
    def change(tree: dict[str, Any]) -> None:
        tree[field][at] = value

    return change


def say(name: str, value: str) -> Callable[[dict[str, Any]], None]:
    return lambda tree: tree["tree_param"].update({name: value})


def drop(field: str) -> Callable[[dict[str, Any]], None]:
    return lambda tree: tree[field].pop()


XGBOOST: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a child far outside": put("left_children", 10**6),
    "a child that is its own parent": put("right_children", 0),
    "a child before the first": put("left_children", -7),
    "a child that is nobody's": put("parents", 10**6, at=1),
    "both children the same": lambda tree: put("left_children", tree["right_children"][0])(tree),
    "a feature far outside": put("split_indices", 10**6),
    "a feature before the first": put("split_indices", -1),
    "a split by categories that are not there": put("split_type", 1),
    "half a feature": put("split_indices", 0.5),
    "more nodes than there are": say("num_nodes", "1000000"),
    "another number of features": say("num_feature", "1000000"),
    "leaves that are vectors": say("size_leaf_vector", "50"),
    "fewer weights than nodes": drop("base_weights"),
    "fewer thresholds than nodes": drop("split_conditions"),
    "no list of children": lambda tree: tree.update(left_children="outside"),
}


@pytest.mark.parametrize("forgery", XGBOOST)
def test_an_xgboost_model_that_would_read_outside_of_itself_is_refused(
    forgery: str, xgboost: tuple[dict[str, Any], str, bytes]
) -> None:
    document, name, content = xgboost
    model = json.loads(content)
    XGBOOST[forgery](model["learner"]["gradient_booster"]["model"]["trees"][0])
    with pytest.raises(DamagedModel, match="LU401"):
        FAMILIES["xgboost"]().load(with_booster(document, name, json.dumps(model).encode()))


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[" * 10**5, b'{"learner": 1, "learner": {}}', b"import os", b'{"learner": {"a": NaN}}']
)
def test_what_is_no_xgboost_model_is_refused(content: bytes, xgboost: tuple[dict[str, Any], str, bytes]) -> None:
    document, name, _ = xgboost
    with pytest.raises(DamagedModel, match="is not an XGBoost model"):
        FAMILIES["xgboost"]().load(with_booster(document, name, content))


def test_an_untouched_xgboost_model_is_read(xgboost: tuple[dict[str, Any], str, bytes]) -> None:
    document, name, content = xgboost
    loaded = FAMILIES["xgboost"]().load(with_booster(document, name, content))
    assert np.isfinite(loaded.predict(make_table("multiclass").X)).all()
