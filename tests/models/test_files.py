from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from luthier.errors import DamagedModel
from luthier.models import FAMILIES
from luthier.models.archive import dump_estimator, load_estimator
from luthier.models.files import ARRAYS, Arrays, write_files
from luthier.testing.tables import make_table

Change = Callable[[dict[str, Any]], None]


def rewritten(files: dict[str, bytes], change: Change) -> dict[str, bytes]:
    """The files with changed arrays and fitting digests: what somebody who knows the format could make."""
    import json

    document = json.loads(files["model.json"])
    document.pop("sha256")
    with np.load(io.BytesIO(files[ARRAYS])) as archive:
        arrays = {name: archive[name].copy() for name in archive.files}
    change(arrays)
    return write_files(document, arrays)


def put(name: str, at: Any, value: Any) -> Change:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name][at] = value

    return change


def drop(name: str, cut: int = 1) -> Change:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name] = arrays[name][:-cut]

    return change


FORGERIES = {
    "forest": [
        put("left", 0, 10**6),
        put("right", 0, 0),  # a walk in circles
        put("left", 0, -2),
        put("feature", 0, 6),
        put("feature", 0, -3),
        put("threshold", 0, np.nan),
        put("node_counts", 0, -1),
        put("node_counts", 0, 10**12),
        drop("node_counts"),
        drop("value"),
    ],
    "linear": [
        put("encoder.column_of", 0, 99),
        put("encoder.flagged", 0, 40),
        put("coef", (0, 0), np.inf),
        drop("coef"),
    ],
    "knn": [put("answers", 0, 7.0), drop("rows"), put("encoder.numbers", 0, -1)],
    "svm": [put("per_class", 0, 10**6), put("per_class", 0, -1), drop("vectors"), drop("sigmoids"), drop("dual")],
    "mlp": [drop("bias.0"), drop("weights.1"), put("encoder.n_columns", 0, 0)],
}


@pytest.mark.parametrize(
    ("name", "change"), [(name, change) for name, changes in FORGERIES.items() for change in changes]
)
def test_arrays_that_would_lead_outside_are_refused_before_they_are_used(name: str, change: Change) -> None:
    table = make_table("multiclass")
    family = FAMILIES[name]()
    config = {**family.default(table.facts)}
    config.update({key: 3 for key in ("n_estimators", "max_iter") if key in config})
    files = family.fit(config, table.facts, table.X, table.y).dump()
    family.load(rewritten(files, lambda _: None))
    with pytest.raises(DamagedModel, match="LU401"):
        family.load(rewritten(files, change))


def test_arrays_that_would_need_pickle_or_unpack_to_any_size_are_refused() -> None:
    pickled, packed = io.BytesIO(), io.BytesIO()
    np.savez(pickled, x=np.array([{"a": 1}], dtype=object))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"\0" * 10**6)
    for content in (pickled.getvalue(), packed.getvalue(), b"PK"):
        with pytest.raises(DamagedModel, match="LU401"):
            Arrays(write_files({}, native={ARRAYS: content}))


@pytest.mark.parametrize(("kind", "ndim", "rows"), [("i", 1, None), ("f", 2, None), ("f", 1, 4), ("b", 1, 3)])
def test_an_array_of_another_kind_or_shape_is_refused(kind: Any, ndim: int, rows: int | None) -> None:
    arrays = Arrays(write_files({}, {"x": np.array([1.0, 2.0, 3.0])}))
    assert len(arrays.take("x", "f", 1, 3)) == 3
    with pytest.raises(DamagedModel, match="'x'"):
        arrays.take("x", kind, ndim, rows)


# A user's estimator with compiled parts


def fitted(estimator: Any) -> Any:
    X = np.random.default_rng(0).normal(size=(80, 3))
    return estimator.fit(X, (X[:, 0] > 0).astype(int))


def test_a_tree_whose_nodes_point_outside_is_refused() -> None:
    model = fitted(DecisionTreeClassifier())
    state = model.tree_.__getstate__()
    state["nodes"]["left_child"][0] = 10**6
    model.tree_.__setstate__(state)
    with pytest.raises(DamagedModel, match="point outside"):
        load_estimator(dump_estimator(model))


@pytest.mark.parametrize(
    "estimator", [RandomForestClassifier(n_estimators=2), GradientBoostingClassifier(n_estimators=2)]
)
def test_a_member_that_reads_more_features_than_the_forest_gives_is_refused(estimator: Any) -> None:
    model = fitted(estimator)
    other = DecisionTreeRegressor().fit(np.random.default_rng(0).normal(size=(9, 50)), np.arange(9))
    np.ravel(model.estimators_)[-1].__dict__.update(tree_=other.tree_, n_features_in_=50)
    with pytest.raises(DamagedModel, match="50 features that would be given 3"):
        load_estimator(dump_estimator(model))


@pytest.mark.parametrize(("field", "value"), [("left", 10**6), ("right", 0), ("feature_idx", -1), ("feature_idx", 50)])
def test_a_histogram_tree_whose_nodes_point_outside_is_refused(field: str, value: int) -> None:
    model = fitted(HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=5))
    model._predictors[0][0].nodes[field][0] = value
    with pytest.raises(DamagedModel, match="point outside"):
        load_estimator(dump_estimator(model))


def test_a_neighbour_index_that_points_outside_is_refused() -> None:
    model = fitted(KNeighborsClassifier(algorithm="kd_tree"))
    np.asarray(model._tree.idx_array)[0] = 10**9
    with pytest.raises(DamagedModel, match="points outside"):
        load_estimator(dump_estimator(model))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no archive"])
def test_bytes_that_are_no_archive_are_a_damaged_model(data: bytes) -> None:
    with pytest.raises(DamagedModel, match="LU401"):
        load_estimator(data)
