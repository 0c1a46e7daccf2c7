"""Does `luthier evaluate --learning-curve` say what twice the rows bring? Usage:

    OMP_NUM_THREADS=1 python studies/learning_curve/run.py ../shared/data

For every table a pool of at most 4,000 rows and a test set of the others (at most 20,000). Half of the pool is tuned
on (one trial: the default), and its curve read. The truth is by how much five models that learned from 80 % of the pool
are better on the test set than five that learned from 80 % of its half. Writes results/curves.csv.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import luthier
from luthier.api.problem import Order, pose
from luthier.tuning import Job

HERE = Path(__file__).parent
POOL, TEST, DRAWS = 4000, 20_000, 5
FAMILIES = ("lightgbm", "linear")


def true_gain(posed, pool: np.ndarray, test: np.ndarray, seed: int) -> float:
    """Mean score on the test set from 80 % of the pool, less that from 40 %; positive is better."""
    rng, sign = np.random.default_rng(seed), 1.0 if posed.metric.greater_is_better else -1.0
    scores = {0.8: [], 0.4: []}
    for draw in range(DRAWS):
        order = rng.permutation(pool)
        for share, found in scores.items():
            work = replace(posed.work, folds=[(order[: round(share * len(pool))], test)])
            result = work.run(Job(0, draw, 0, posed.plan.starts[0], draw), 1)
            found.append(sign * result.score)
    return float(np.mean(scores[0.8]) - np.mean(scores[0.4]))


def one(entry: dict, folder: Path, family: str, seed: int) -> dict:
    frame = pd.read_parquet(folder / entry["file"])
    rng = np.random.default_rng(seed)
    target = entry["target"]
    frame = frame[frame[target].notna()].iloc[rng.permutation(int(frame[target].notna().sum()))].reset_index(drop=True)
    n = min(POOL, len(frame) // 2)
    asked = {"metric": entry["metric"], "models": family, "budget": "1 trials"}
    run = luthier.tune(frame.iloc[: n // 2], target, time=False, cv=5, final="refit", seed=seed, store="store", **asked)
    curve = luthier.evaluate(run, learning_curve=True)["learning_curve"]
    posed = pose(frame.iloc[: n + TEST], Order(target, time=False, cv=5, **asked))
    truth = true_gain(posed, np.arange(n), np.arange(n, posed.dataset.n_rows), seed)
    said = curve.doubling
    return {
        "table": entry["name"], "family": family, "seed": seed, "rows": curve.rows, "metric": curve.metric,
        "said": said.value, "low": said.low, "high": said.high, "came": truth, "helps": curve.helps,
    }  # fmt: skip


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    entries = json.loads((folder / "datasets.json").read_text())["datasets"]
    rows = []
    with tempfile.TemporaryDirectory() as box:
        os.chdir(box)
        for entry in entries:
            for family in FAMILIES:
                rows += [one(entry, folder, family, seed) for seed in (1, 2)]
                print(rows[-1], flush=True)
    found = pd.DataFrame(rows)
    found.to_csv(HERE / "results" / "curves.csv", index=False, float_format="%.5g")
    found["held"] = (found.low <= found.came) & (found.came <= found.high)
    found["width"] = found.high - found.low
    found["off"] = (found.said - found.came).abs() / found.width
    print(found.groupby(["table", "family"])[["said", "came", "low", "high", "held"]].mean().round(4).to_string())
    better = (found.came[found.helps] > 0).mean()
    print(
        f"held {found.held.mean():.2f} of {len(found)}; "
        f"said to help {found.helps.mean():.2f}, and then it did in {better:.2f}"
    )
    print(f"rank correlation of what was said and what came {found.said.corr(found.came, method='spearman'):.2f}")


if __name__ == "__main__":
    main()
