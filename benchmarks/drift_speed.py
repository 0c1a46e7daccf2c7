"""What watching costs: counting live rows, testing them, keeping them, adding up servers, joining labels.

Usage: OMP_NUM_THREADS=1 python benchmarks/drift_speed.py

A million rows of twenty mixed columns in ten portions, and a million predictions with 1,050,000 labels, late, out of
order, repeated and corrected. Bars: 500,000 rows a CPU second; 3 CPU seconds and 1 GB for all with the tests; 1 MB of
state; eight partial windows equal the whole; 2 CPU seconds for the join.
"""

from __future__ import annotations

import json
import resource
import time
from functools import reduce

import numpy as np
import pandas as pd

from luthier.data.frames import open_frame
from luthier.monitoring import Reference, find_drift
from luthier.monitoring.feedback import Joined

ROWS, PORTIONS = 1_000_000, 10
WORDS = np.array([f"w{i}" for i in range(200)])


def portion(n: int, rng: np.random.Generator) -> pd.DataFrame:
    columns = {f"normal{k}": rng.normal(size=n) for k in range(8)}
    columns |= {f"heavy{k}": rng.standard_t(1.5, n) for k in range(3)}
    columns |= {f"count{k}": rng.poisson(1 + k, n) for k in range(3)}
    columns |= {f"gaps{k}": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(size=n)) for k in range(2)}
    columns |= {f"rare{k}": pd.Categorical(WORDS[rng.zipf(1.6, n).clip(1, 200) - 1]) for k in range(4)}
    return pd.DataFrame(columns)


def drift() -> None:
    rng = np.random.default_rng(0)
    reference = Reference.of(open_frame(portion(50_000, rng)))
    frames = [portion(ROWS // PORTIONS, rng) for _ in range(PORTIONS)]
    keys = np.arange(ROWS, dtype=np.uint64).reshape(PORTIONS, -1)
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.process_time()
    window = reference.start()
    for frame, own in zip(frames, keys, strict=True):
        window = window.after(open_frame(frame), reference.columns, own)
    counted_s = time.process_time() - began
    find_drift(reference, window, rng=rng)
    all_s = time.process_time() - began
    after_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    state_mb = len(json.dumps(window.to_json())) / 1e6
    parts = [
        reference.start().after(open_frame(frame), reference.columns, own)
        for frame, own in zip(frames, keys, strict=True)
    ]
    eight = [*parts[:6], parts[6].merged(parts[7]), parts[8].merged(parts[9])]
    merged = reduce(lambda a, b: a.merged(b), eight[::-1])
    same = json.dumps(merged.to_json(), sort_keys=True) == json.dumps(window.to_json(), sort_keys=True)
    print(f"{ROWS / counted_s / 1e6:.2f} million rows a CPU second; with the tests {all_s:.2f} CPU s for a million")
    print(
        f"{after_mb - before_mb:.0f} MB beside the rows; {state_mb:.3f} MB of state; eight merged are the whole: {same}"
    )


def labels() -> None:
    rng = np.random.default_rng(1)
    ids = np.array([f"{k:032x}" for k in range(ROWS)])
    at = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(ROWS), unit="s")
    predictions = pd.DataFrame({"prediction_id": ids})
    some = rng.permutation(np.r_[np.arange(ROWS), rng.integers(0, ROWS, ROWS // 20)])
    came = at[some] + pd.to_timedelta(rng.exponential(86_400, len(some)), unit="s")
    told = rng.integers(0, 2, len(some)).astype(str)
    feedback = pd.DataFrame({"prediction_id": ids[some], "label": told, "known_at": came, "received_at": came})
    began = time.process_time()
    joined = Joined.of(predictions, feedback)
    spent_s = time.process_time() - began
    assert joined.labelled.all()
    print(f"{ROWS:,} predictions joined with {len(some):,} labels: {spent_s:.2f} CPU s")


if __name__ == "__main__":
    drift()
    labels()
