"""A row that names only its entity is answered with the features that were materialized for it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from luthier.data.features import Feature, FeatureView
from luthier.store.feature_store import FeatureStore
from luthier.web.looking_up import EntityLookup
from luthier.web.refusals import Refused

VIEW = FeatureView(
    "spend", "a frame", ["customer"], "paid_at", [Feature("sum", "sum", "amount"), Feature("n", "count")]
)
FIELDS = ("age", "spend__sum")
PAID = pd.DataFrame({"customer": [7, 7], "paid_at": pd.Timestamp("2026-01-01"), "amount": [1.0, 2.5]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with FeatureStore(tmp_path) as store:
        store.apply([VIEW])
        store.materialize(VIEW, source=PAID)
    return tmp_path


def test_what_a_row_lacks_is_looked_up_by_its_key(folder: Path) -> None:
    lookup = EntityLookup(folder)
    rows = lookup.completed([{"age": 40, "customer": 7}, {"age": 41, "customer": "8"}], FIELDS)
    assert [row["spend__sum"] for row in rows] == [3.5, 0.0]
    assert [row["age"] for row in rows] == [40, 41]
    lookup.close()


def test_what_a_row_brings_is_not_looked_up_nor_is_what_no_key_names(folder: Path) -> None:
    lookup = EntityLookup(folder)
    whole = [{"age": 40, "spend__sum": 1.0, "customer": 7}]
    assert lookup.completed(whole, FIELDS) is whole
    assert lookup.completed([{"customer": 7, "spend__sum": 1.0}], FIELDS) == [{"customer": 7, "spend__sum": 1.0}]
    assert lookup.completed([{"age": 40}], FIELDS) == [{"age": 40}]
    lookup.close()


def test_without_views_nothing_is_opened_or_made(tmp_path: Path) -> None:
    lookup = EntityLookup(tmp_path)
    assert lookup.completed([{"customer": 7}], FIELDS) == [{"customer": 7}]
    assert list(tmp_path.iterdir()) == []
    lookup.close()


def test_a_view_that_was_changed_since_is_refused_and_not_guessed(folder: Path) -> None:
    changed = FeatureView("spend", "a frame", ["customer"], "paid_at", [Feature("sum", "sum", "amount", "1d")])
    with FeatureStore(folder) as store:
        store.apply([changed])
    lookup = EntityLookup(folder)
    with pytest.raises(Refused) as refused:
        lookup.completed([{"customer": 7}], FIELDS)
    assert refused.value.status == 409
    assert "materialize" in refused.value.error.fix
    lookup.close()
