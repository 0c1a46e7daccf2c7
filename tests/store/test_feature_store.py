"""What is served of a feature view is what a join would find, whatever interrupts the materialization."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from luthier.data.features import AGGREGATES, Feature, FeatureView, point_in_time_join
from luthier.errors import BadFeatureView, StoreDamaged
from luthier.store.feature_store import FeatureStore
from luthier.testing.events import START, made_payments, made_questions

EVERY = [
    Feature(f"{aggregate}_{window or 'ever'}", aggregate, "amount", window)  # type: ignore[arg-type]
    for aggregate in AGGREGATES
    for window in (None, "10d")
]


def payments(**changes: Any) -> FeatureView:
    fields: dict[str, Any] = {
        "source": "a frame",
        "keys": ["customer"],
        "event_time": "paid_at",
        "known_at": "booked_at",
        "event_id": "payment",
        "features": EVERY,
    }
    return FeatureView("spend", **fields | changes)


def utc(moment: pd.Timestamp) -> datetime:
    return moment.to_pydatetime().replace(tzinfo=UTC)


def test_what_is_served_is_what_a_join_finds_then_and_at_every_later_moment(tmp_path: Path) -> None:
    source, as_of = made_payments(), START + pd.Timedelta(days=60)
    rows = made_questions(1500, days=120)
    rows = rows[rows.asked_at >= as_of].reset_index(drop=True)
    offline = point_in_time_join(rows, [payments()], at="asked_at", sources={"spend": source})
    with FeatureStore(tmp_path) as store:
        store.materialize(payments(), as_of=utc(as_of), source=source)
        asked = zip(rows.customer.tolist(), rows.asked_at, strict=True)
        online = pd.DataFrame([store.get(payments(), {"customer": who}, at=utc(moment)) for who, moment in asked])
    assert len(rows) > 500
    for column in payments().columns:
        left, right = online[column].astype(float), offline[column].astype(float)
        np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9, err_msg=column)  # sums in two orders


def test_booleans_texts_and_moments_come_back_as_what_they_are(tmp_path: Path) -> None:
    source = pd.DataFrame(
        {"customer": ["a"], "paid_at": [START], "ok": [True], "word": ["x"], "when": [START], "n": [3]}
    )
    kinds = [Feature(name, "last", name) for name in ("ok", "word", "when", "n")]
    view = payments(known_at=None, event_id=None, features=kinds)
    with FeatureStore(tmp_path) as store:
        store.materialize(view, source=source)
        assert list(store.get(view, {"customer": "a"}).values()) == [True, "x", "2026-01-01 00:00:00", 3.0]
        assert list(store.get(view, {"customer": "b"}).values()) == [None] * 4


def test_a_run_that_was_killed_is_gone_on_with_and_nothing_is_doubled_or_missing(tmp_path: Path) -> None:
    file = tmp_path / "payments.csv"
    made_payments(8_000, n_customers=1000, corrected=0.0).to_csv(file, index=False)
    view = payments(source=str(file), features=EVERY[:6])
    script = f"""
from luthier.data.features import FeatureView
from luthier.store.feature_store import FeatureStore
from pathlib import Path
view = FeatureView.from_json({view.to_json()!r})
FeatureStore(Path({str(tmp_path)!r})).materialize(view, source_state="1", rows_a_part=1000)
"""
    process = subprocess.Popen([sys.executable, "-c", script])
    finished, deadline = 0, time.monotonic() + 60
    while finished < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
        if (tmp_path / "features.db").exists():
            try:
                with sqlite3.connect(tmp_path / "features.db") as looking:
                    (finished,) = looking.execute("SELECT count(*) FROM parts").fetchone()
            except sqlite3.OperationalError:  # not made yet
                continue
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with FeatureStore(tmp_path) as store:
        with pytest.raises(BadFeatureView, match="not materialized"):
            store.get(view, {"customer": 1})
        done = store.materialize(view, source_state="1", rows_a_part=1000)
        assert 2 <= done.n_resumed < done.n_parts == 8
        served = {who: store.get(view, {"customer": who}) for who in range(0, 1000, 10)}
    (tmp_path / "whole").mkdir()
    with FeatureStore(tmp_path / "whole") as store:
        whole = store.materialize(view, as_of=datetime.fromisoformat(done.as_of), source_state="1", rows_a_part=1000)
        assert done.n_rows == whole.n_rows
        assert served == {who: store.get(view, {"customer": who}) for who in range(0, 1000, 10)}


def test_another_source_or_moment_begins_anew_and_a_changed_view_does_not_answer(tmp_path: Path) -> None:
    source, day = made_payments(300), timedelta(days=1)
    with FeatureStore(tmp_path) as store:
        first = store.materialize(payments(), as_of=utc(START) + 90 * day, source=source)
        second = store.materialize(payments(), as_of=utc(START) + 91 * day, source=source.head(200))
        assert (first.n_resumed, second.n_resumed) == (0, 0)
        assert store.materialized() == {"spend": "2026-04-02T00:00:00Z"}
        with pytest.raises(BadFeatureView, match="answers from 2026-04-02"):
            store.get(payments(), {"customer": 1}, at=utc(START))
        with pytest.raises(BadFeatureView, match="changed since"):
            store.get(payments(features=EVERY[:2]), {"customer": 1})
        with pytest.raises(BadFeatureView, match="was not given"):
            store.get(payments(), {"client": 1})


def test_views_are_kept_as_they_were_applied_and_an_unknown_name_is_answered_with_those_there_are(
    tmp_path: Path,
) -> None:
    with FeatureStore(tmp_path) as store:
        store.apply([payments()])
    with FeatureStore(tmp_path) as store:
        assert store.views_named(["spend"]) == [payments()]
        with pytest.raises(BadFeatureView, match="spend"):
            store.views_named(["spent"])


def test_a_file_that_is_no_feature_store_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "features.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreDamaged, match="no feature store"):
        FeatureStore(tmp_path)
