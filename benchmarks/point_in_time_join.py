"""CPU seconds of a point-in-time join, beside Feast's file and DuckDB stores where Feast is installed.

Usage: OMP_NUM_THREADS=1 python benchmarks/point_in_time_join.py [--feast PYTHON]

100,000 rows asked against 300,000 events of 20,000 entities; what is wanted is the latest value, which is all that
Feast computes. With `--feast`, another interpreter, one with Feast in it, is asked for the same join. Bar: 0.3 s.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

FEAST = """
import sys, time, json, warnings
from datetime import timedelta
from pathlib import Path
warnings.filterwarnings("ignore")
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64
folder, kind = Path(sys.argv[1]), sys.argv[2]
store = FeatureStore(config=RepoConfig(
    registry=str(folder / f"{kind}.db"), project="bench", provider="local",
    offline_store={"type": kind}, online_store={"type": "sqlite", "path": str(folder / f"{kind}-online.db")},
    entity_key_serialization_version=3))
who = Entity(name="who", join_keys=["who"], value_type=ValueType.INT64)
source = FileSource(path=str(folder / "events.parquet"), timestamp_field="happened", created_timestamp_column="known")
view = FeatureView(name="v", entities=[who], ttl=timedelta(days=3650), schema=[Field(name="amount", dtype=Float64)],
                   source=source)
store.apply([who, view])
rows = pd.read_parquet(folder / "rows.parquet").rename(columns={"at": "event_timestamp"})
spent = []
for _ in range(2):
    began = time.process_time()
    found = store.get_historical_features(entity_df=rows, features=["v:amount"]).to_df()
    spent.append(time.process_time() - began)
print(json.dumps({"cpu_s": min(spent), "rows": len(found)}))
"""


def tables(n_rows, n_events, n_entities, rng):
    start = pd.Timestamp("2026-01-01", tz="UTC")
    happened = start + pd.to_timedelta(rng.integers(0, 86_400 * 365, n_events), unit="s")
    events = pd.DataFrame(
        {
            "who": rng.integers(0, n_entities, n_events),
            "happened": happened,
            "known": happened + pd.to_timedelta(rng.integers(0, 86_400, n_events), unit="s"),
            "amount": rng.normal(size=n_events),
        }
    )
    asked = start + pd.to_timedelta(rng.integers(0, 86_400 * 365, n_rows), unit="s")
    return pd.DataFrame({"who": rng.integers(0, n_entities, n_rows), "at": asked}), events


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feast", help="a Python interpreter that has Feast")
    options = parser.parse_args()
    import duckdb

    from luthier.features import Feature, FeatureView, point_in_time_join

    rows, events = tables(100_000, 300_000, 20_000, np.random.default_rng(0))  # noqa: RUF059  (DuckDB reads both)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what in ("rows", "events"):
            duckdb.sql(f"COPY {what} TO '{folder / what}.parquet' (FORMAT parquet)")
        print("point-in-time join of 100,000 rows with 300,000 events, CPU seconds")
        for aggregate, window in (("last", None), ("sum", "30d"), ("max", "30d")):
            feature = Feature("amount", aggregate, "amount", window)
            view = FeatureView("v", str(folder / "events.parquet"), ["who"], "happened", [feature], "known")
            spent = []
            for _ in range(3):
                began = time.process_time()
                found = point_in_time_join(rows, [view], at="at")
                spent.append(time.process_time() - began)
            print(f"  luthier, {aggregate:4} over {window or 'ever':4} {min(spent):8.2f}  rows out: {len(found):,}")
        if options.feast is None:
            print("  Feast was not asked: give --feast PYTHON")
            return
        for kind in ("dask", "duckdb"):
            command = [options.feast, "-c", FEAST, str(folder), kind]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"  Feast, {kind}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                continue
            told = json.loads(done.stdout.strip().splitlines()[-1])
            print(f"  Feast, {kind:17} {told['cpu_s']:8.2f}  rows out: {told['rows']:,}")


if __name__ == "__main__":
    main()
