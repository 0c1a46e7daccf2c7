"""Boosters in their libraries' own text, checked before the libraries see them.

LightGBM and XGBoost walk their trees without bounds checks: an index that points outside makes them read foreign
memory, run in circles or end the process. Here every index is checked first. A child of LightGBM's comes after its
parent, as it always does in a tree that was grown; XGBoost names each node's parent, and both directions must agree.
What two readers could read in two ways (a name said twice, a number in a loose form) is refused.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from luthier.models.files import damaged

_MOST_FEATURES = 10**6
_MOST_OUTPUTS = 10**4
_CATEGORICAL = 1
"""Bit of LightGBM's `decision_type`."""

_COUNT = re.compile(r"[0-9]{1,9}")
_INTEGERS = re.compile(r"(?:-?[0-9]{1,18}(?: -?[0-9]{1,18})*)?")
_NUMBERS = re.compile(r"[-+.0-9a-z ]*")


# --- LightGBM ---------------------------------------------------------------------------------------------------------


def check_lightgbm(text: str, n_features: int, name: str) -> None:
    """Raise DamagedModel unless every tree of a LightGBM model stays within itself and its features.

    Parameters
    ----------
    text
        The model as `model_to_string` writes it.
    n_features
        Width of the rows it will be given.
    name
        Of the file, for the message.
    """
    try:
        data = text.encode()
        start, end = data.index(b"\nTree=") + 1, data.index(b"\nend of trees\n") + 1
        header = _fields(data[:start].decode())
        sizes = [_count(size) for size in header["tree_sizes"].split(" ")]
        outputs = _count(header["num_tree_per_iteration"])
        sound = (
            _count(header["num_class"]) == outputs
            and 0 < outputs <= _MOST_OUTPUTS
            and len(sizes) % outputs == 0
            and _count(header["max_feature_idx"]) + 1 == n_features
            and all(size > 0 for size in sizes)
            and start + sum(sizes) == end
        )
        for number, size in enumerate(sizes if sound else []):
            block = data[start : start + size].decode()
            sound = sound and block.startswith(f"Tree={number}\n") and _is_tree(_fields(block), n_features)
            start += size
    except (ValueError, LookupError, OverflowError) as error:
        raise damaged(name, "is not a LightGBM model") from error
    if not sound:
        _outside(name)


def _fields(block: str) -> dict[str, str]:
    """Name -> value of the lines of a block."""
    if "\r" in block:  # LightGBM takes it for the end of a line
        raise ValueError("a line ends in the middle of another")
    fields: dict[str, str] = {}
    for line in filter(None, block.split("\n")):
        name, _, value = line.partition("=")
        if name in fields:
            raise ValueError(f"{name} is there twice")
        fields[name] = value
    return fields


def _is_tree(tree: dict[str, str], n_features: int) -> bool:
    n_leaves, n_categorical = _count(tree["num_leaves"]), _count(tree["num_cat"])
    leaves = _numbers(tree["leaf_value"])
    if not (1 <= n_leaves == len(leaves) and np.isfinite(leaves).all() and tree.get("is_linear", "0") == "0"):
        return False
    nodes = n_leaves - 1
    for part, length in (("leaf_weight", n_leaves), ("leaf_count", n_leaves), ("split_gain", nodes)):
        if len(_numbers(tree.get(part, ""))) not in (0, length):
            return False
    for part in ("internal_value", "internal_weight", "internal_count"):
        if len(_numbers(tree.get(part, ""))) not in (0, nodes):
            return False
    if nodes == 0:
        return n_categorical == 0
    feature, kind, left, right = (
        _integers(tree[part]) for part in ("split_feature", "decision_type", "left_child", "right_child")
    )
    threshold, here = _numbers(tree["threshold"]), np.arange(nodes)
    if any(len(part) != nodes for part in (feature, kind, left, right, threshold)) or np.isnan(threshold).any():
        return False
    inside = (feature >= 0).all() and (feature < n_features).all()
    for child in (left, right):
        to_leaf = child < 0
        inside = inside and (~child[to_leaf] < n_leaves).all() and (child[~to_leaf] < nodes).all()
        inside = inside and (child[~to_leaf] > here[~to_leaf]).all()
    return bool(inside) and _are_categories(tree, n_categorical, threshold[(kind & _CATEGORICAL) != 0])


def _are_categories(tree: dict[str, str], n: int, asked: NDArray[np.float64]) -> bool:
    """Whether the sets of categories that nodes ask for are there."""
    if n == 0:
        return len(asked) == 0
    bounds, words = _integers(tree["cat_boundaries"]), _integers(tree["cat_threshold"])
    return bool(
        len(bounds) == n + 1
        and bounds[0] == 0
        and (np.diff(bounds) >= 0).all()
        and bounds[-1] == len(words)
        and (asked >= 0).all()
        and (asked < n).all()
    )


def _numbers(text: str) -> NDArray[np.float64]:
    return np.array(_in_form(_NUMBERS, text).split(), dtype=np.float64)


def _integers(text: str) -> NDArray[np.int64]:
    return np.array(_in_form(_INTEGERS, text).split(), dtype=np.int64)


def _count(text: str) -> int:
    return int(_in_form(_COUNT, text))


def _in_form(form: re.Pattern[str], text: str) -> str:
    if not form.fullmatch(text):
        raise ValueError(f"{text[:50]!r} is not the number or numbers it should be")
    return text


# --- XGBoost ----------------------------------------------------------------------------------------------------------


def check_xgboost(data: bytes, name: str) -> None:
    """Raise DamagedModel unless every tree of an XGBoost model, as JSON, stays within itself and its features."""
    try:
        learner = json.loads(data, object_pairs_hook=_once)["learner"]
        parameters, booster = learner["learner_model_param"], learner["gradient_booster"]
        model = booster["model"]
        n_features = _count(parameters["num_feature"])
        outputs = max(1, _count(parameters["num_class"])) * _count(parameters["num_target"])
        trees, info = model["trees"], _array(model["tree_info"])
        bounds = _array(model["iteration_indptr"])
        sound = (
            booster["name"] == "gbtree"
            and 0 <= n_features <= _MOST_FEATURES
            and 0 < outputs <= _MOST_OUTPUTS
            and _count(model["gbtree_model_param"]["num_trees"]) == len(trees) == len(info)
            and bool((info >= 0).all() and (info < outputs).all())
            and bounds[0] == 0
            and bounds[-1] == len(trees)
            and bool((np.diff(bounds) >= 0).all())
            and not any(model.get("cats", {}).values())
            and all(_is_xgboost_tree(tree, n_features) for tree in trees)
        )
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise damaged(name, "is not an XGBoost model") from error
    if not sound:
        _outside(name)


def _is_xgboost_tree(tree: dict[str, Any], n_features: int) -> bool:
    parameters = tree["tree_param"]
    left, right, parents = (_array(tree[part]) for part in ("left_children", "right_children", "parents"))
    feature, kind, n = _array(tree["split_indices"]), _array(tree["split_type"]), len(left)
    per_node = ("base_weights", "default_left", "loss_changes", "split_conditions", "sum_hessian")
    if not (
        0 < n == _count(parameters["num_nodes"])
        and _count(parameters["num_feature"]) == n_features
        and _count(parameters["size_leaf_vector"]) in (0, 1)
        and all(len(part) == n for part in (right, parents, feature, kind))
        and all(len(tree[part]) == n for part in per_node)
    ):
        return False
    inner = np.flatnonzero(left != -1)
    ends = (right == -1) == (left == -1)
    within = all(((child[inner] > 0) & (child[inner] < n)).all() for child in (left, right))
    return bool(
        ends.all()
        and within
        and (left[inner] != right[inner]).all()
        and (parents[left[inner]] == inner).all()
        and (parents[right[inner]] == inner).all()
        and (feature[inner] >= 0).all()
        and (feature[inner] < n_features).all()
        and _are_segments(tree, np.flatnonzero(kind == 1), n)
    )


def _are_segments(tree: dict[str, Any], asking: NDArray[np.int64], n: int) -> bool:
    """Whether the sets of categories that nodes ask for are there."""
    nodes, starts, sizes = (_array(tree[f"categories_{part}"]) for part in ("nodes", "segments", "sizes"))
    categories = _array(tree["categories"])
    return bool(
        len(nodes) == len(starts) == len(sizes)
        and (np.diff(nodes) > 0).all()
        and ((nodes >= 0) & (nodes < n)).all()
        and np.isin(asking, nodes).all()
        and ((starts >= 0) & (sizes >= 0) & (starts + sizes <= len(categories))).all()
        and ((categories >= 0) & (categories < _MOST_FEATURES)).all()
    )


def _array(values: Any) -> NDArray[np.int64]:
    """A list of whole numbers; XGBoost writes truth values as 0 and 1."""
    array = np.array(values)
    if array.ndim != 1 or (array.size and array.dtype.kind != "i"):
        raise ValueError("there is no list of whole numbers where one should be")
    return array.astype(np.int64)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names are said once each."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _outside(name: str) -> NoReturn:
    raise damaged(name, "holds a tree whose nodes point outside of it")
