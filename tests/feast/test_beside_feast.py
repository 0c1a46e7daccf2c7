"""Our views in Feast, and a Feast repository in Luthier, wherever Feast is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from luthier.errors import BadFeatureView, MissingExtra
from luthier.feast import export_repository, historical_features, online_features
from luthier.features import Feature, FeatureView, point_in_time_join
from luthier.testing.events import made_payments, made_questions

try:
    import feast
except ImportError:
    feast = None

needs_feast = pytest.mark.skipif(feast is None, reason="Feast needs an environment of its own: see .ci/run")
pytestmark = pytest.mark.filterwarnings("default")  # Feast's own


@pytest.fixture
def view(tmp_path: Path) -> FeatureView:
    made_payments(600, n_customers=30).to_csv(tmp_path / "payments.csv", index=False)
    features = [Feature("mean_10d", "mean", "amount", "10d"), Feature("last", "last", "amount")]
    return FeatureView(
        "spend", str(tmp_path / "payments.csv"), ["customer"], "paid_at", features, "booked_at", event_id="payment"
    )


def test_an_export_is_a_repository_of_settings_definitions_and_tables(view: FeatureView, tmp_path: Path) -> None:
    folder = export_repository([view], tmp_path / "repository")
    compile((folder / "features.py").read_text(), "features.py", "exec")
    assert sorted(file.name for file in (folder / "data").iterdir()) == ["spend_0.parquet", "spend_1.parquet"]


@needs_feast
def test_what_feast_joins_and_serves_of_our_export_is_what_we_join(view: FeatureView, tmp_path: Path) -> None:
    folder = export_repository([view], tmp_path / "repository")
    for words in (["apply"], ["materialize", "2025-01-01T00:00:00", "2027-01-01T00:00:00"]):
        subprocess.run(
            [str(Path(sys.executable).parent / "feast"), *words], cwd=folder, check=True, capture_output=True
        )
    rows = made_questions(500, n_customers=30)
    ours = point_in_time_join(rows, [view], at="asked_at")
    theirs = historical_features(folder, "spend", rows.astype({"customer": str}), at="asked_at")
    kept = np.setdiff1d(np.arange(len(rows)), theirs.lost)
    assert len(theirs.table) == len(rows)
    assert len(kept) > 400
    for column in view.columns:
        np.testing.assert_allclose(theirs.table[column].astype(float).iloc[kept], ours[column].iloc[kept], rtol=1e-9)
    now = point_in_time_join(pd.DataFrame({"customer": range(30)}), [view])
    online = pd.DataFrame(online_features(folder, "spend", [{"customer": str(who)} for who in range(30)]))
    for column in view.columns:
        np.testing.assert_allclose(online[column].astype(float), now[column].astype(float), rtol=1e-9)
    with pytest.raises(BadFeatureView, match="no feature service 'spent'"):
        online_features(folder, "spent", [])


@pytest.mark.skipif(feast is not None, reason="Feast is installed here")
def test_without_feast_the_extra_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingExtra, match="not installed"):
        online_features(tmp_path, "spend", [])
