"""Forests as arrays: the mean of many trees' answers, written without pickle and checked before it is believed.

scikit-learn walks a tree without bounds checks, so a wrong child or feature index in a file could make it read
foreign memory. Every index is checked on loading, and a child must come after its parent, so that a walk always ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.tree._tree import NODE_DTYPE, Tree

from luthier.models.facts import Facts
from luthier.models.family import Files, Fitted, Floats
from luthier.models.files import ARRAYS, Arrays, damaged, read_count, write_files
from luthier.models.lesson import Target, load_constant

LEAF = -1
_FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True, eq=False)
class AveragedTrees:
    """A fitted forest: `trees` are scikit-learn's own, `n_features` the width of the matrix they read."""

    trees: tuple[Any, ...]
    target: Target
    n_features: int

    def predict(self, X: Any) -> Floats:
        """Predict (n, k): the mean over the trees."""
        p: Floats = self.predict_path(X, [len(self.trees)])[0]
        return p

    def predict_path(self, X: Any, values: Sequence[int]) -> Floats:
        """Predict (len(values), n, k) by the first `value` trees each; every tree is asked once."""
        rows = as_float32(X)
        wanted, found = {int(value) for value in values}, {}
        total: Any = 0.0
        for count, tree in enumerate(self.trees, start=1):
            total = total + tree.predict(rows)
            if count in wanted:
                found[count] = self.target.read(total / count)
        return np.stack([found[int(value)] for value in values])

    def dump(self) -> dict[str, bytes]:
        """Write the nodes of all trees, one after the other."""
        nodes = [tree.__getstate__()["nodes"] for tree in self.trees]
        values = [tree.__getstate__()["values"][:, 0, :] for tree in self.trees]
        every = np.concatenate(nodes)
        return write_files(
            {"target": self.target.to_json(), "n_features": self.n_features},
            {
                "node_counts": np.array([len(block) for block in nodes], dtype=np.int64),
                "left": every["left_child"].astype(np.int32),
                "right": every["right_child"].astype(np.int32),
                "feature": every["feature"].astype(np.int32),
                "threshold": every["threshold"],
                "missing_left": every["missing_go_to_left"].astype(bool),
                "value": np.concatenate(values),
            },
        )


def as_float32(X: Any) -> NDArray[np.float32]:
    """Return rows as the trees compare them: single precision, with values beyond its range at its ends."""
    return np.ascontiguousarray(np.clip(X, -_FLOAT32_MAX, _FLOAT32_MAX), dtype=np.float32)


def load_trees(files: Files) -> Fitted:
    """Read what `AveragedTrees.dump` wrote, or raise DamagedModel."""
    constant = load_constant(files)
    if constant is not None:
        return constant
    target, n_features = Target.from_files(files), read_count(files, "n_features")
    arrays = Arrays(files)
    counts = arrays.take("node_counts", "i", 1)
    if len(counts) == 0 or (counts < 1).any():
        raise damaged(ARRAYS, "holds a tree without nodes")
    left = arrays.take("left", "i", 1)
    n = len(left)  # not the sum of the counts, which a file could make arbitrarily large
    if (counts > n).any() or counts.sum() != n:
        raise damaged(ARRAYS, "counts other nodes than it holds")
    nodes = np.zeros(n, dtype=NODE_DTYPE)
    nodes["left_child"] = left
    nodes["right_child"] = arrays.take("right", "i", 1, n)
    nodes["feature"] = arrays.take("feature", "i", 1, n)
    nodes["threshold"] = arrays.take("threshold", "f", 1, n, infinite=True)  # "is it missing" is a split at infinity
    nodes["missing_go_to_left"] = arrays.take("missing_left", "b", 1, n)
    nodes["n_node_samples"] = 1
    nodes["weighted_n_node_samples"] = 1.0
    value = arrays.take("value", "f", 2, n).astype(np.float64)
    width = 1 if target.task == "regression" else len(target.present)
    if value.shape[1] != width:
        raise damaged(ARRAYS, f"holds {value.shape[1]} values a leaf where {width} are described")
    ends = np.cumsum(counts)
    trees = []
    for start, end in zip(ends - counts, ends, strict=True):
        check_nodes(nodes[start:end], n_features)
        trees.append(_tree(nodes[start:end], value[start:end], n_features))
    return AveragedTrees(tuple(trees), target, n_features)


def check_nodes(nodes: NDArray[Any], n_features: int) -> None:
    """Raise DamagedModel unless every walk through these nodes stays inside and ends.

    `nodes` has the fields of scikit-learn's tree: `left_child`, `right_child`, `feature`.
    """
    left, right = nodes["left_child"], nodes["right_child"]
    inner = left != LEAF
    here = np.flatnonzero(inner)
    walkable = (
        (left[inner] > here).all()
        and (right[inner] > here).all()
        and (left[inner] < len(nodes)).all()
        and (right[inner] < len(nodes)).all()
        and (nodes["feature"][inner] >= 0).all()
        and (nodes["feature"][inner] < n_features).all()
    )
    if not walkable:
        raise damaged(ARRAYS, "holds a tree whose nodes point outside of it")


def _tree(nodes: NDArray[Any], value: Floats, n_features: int) -> Any:
    tree = Tree(n_features, np.array([value.shape[1]], dtype=np.intp), 1)
    state = {"max_depth": 0, "node_count": len(nodes), "nodes": nodes.copy(), "values": value[:, None, :].copy()}
    tree.__setstate__(state)
    return tree


def fitted_trees(estimator: Any, target: Target, facts: Facts) -> AveragedTrees:
    """Keep the trees of a fitted scikit-learn forest and drop the rest."""
    return AveragedTrees(tuple(member.tree_ for member in estimator.estimators_), target, facts.n_features)


def feature_share(facts: Facts) -> float:
    """Return the share of features that is scikit-learn's default number of candidates for a split.

    Half a feature is added so that rounding down gives the default's own number: sqrt(p) for classes, all for values.
    """
    p = facts.n_features
    return 1.0 if facts.task == "regression" or p < 2 else min(1.0, (int(np.sqrt(p)) + 0.5) / p)


def lowest_share(facts: Facts) -> float:
    """Return the smallest share of features worth offering: one feature, or a tenth of the default."""
    return min(0.5, max(1.0 / max(1, facts.n_features), feature_share(facts) / 10))
