"""How near a threshold chosen on out-of-fold predictions comes to the best one on rows to come.

Usage: OMP_NUM_THREADS=1 python studies/thresholds/run.py [--data ../shared/data]

Half of every table is learned from (at most 6,000 rows), by five folds as a study does; the threshold is chosen on the
out-of-fold predictions and used on what the model, fitted on all of that half, says of the rows left. The oracle knows
the labels of those; "fresh" has the labels of one half of them and is judged by the other.
Writes results/thresholds.csv.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from luthier.evaluation.thresholds import ByCost, Cuts
from luthier.scoring.metrics import Costs
from luthier.scoring.recalibration import fit_recalibrator

HERE = Path(__file__).parent
PRICES = [(1, 1), (5, 1), (25, 1), (1, 5)]
MOST_LEARNED = 6000
MOST_JUDGED = 20_000

# name: column, and what is positive (a class, or "above this quantile")
SHARED = {
    "attrition": ("Attrition", "Yes"),
    "caravan": ("Purchase", "Yes"),
    "credit_data": ("Status", "bad"),
    "elec2": ("class", "1"),
    "online_shoppers": ("Revenue", "1"),
    "phoneme": ("target", None),
    "california": ("median_house_value", 0.8),
    "check_times": ("check_time", 0.9),
    "hotel_rates": ("avg_price_per_room", 0.8),
    "hpc_jobs": ("class", None),
    "vic_elec": ("Demand", 0.9),
}


def tables(folder):
    """Name, features and a binary target; the rarest class is positive where nobody said."""
    for name, (named, positive) in SHARED.items():
        path = folder / f"{name}.parquet"
        if not path.exists():
            print(f"{name}: not there, left out")
            continue
        frame = pd.read_parquet(path)
        column = frame.pop(named if named in frame else frame.columns[-1])
        if isinstance(positive, float):
            y = (column > column.quantile(positive)).to_numpy(np.int64)
        else:
            words = column.astype(str)
            y = (words == (positive if positive in set(words) else words.value_counts().index[-1])).to_numpy(np.int64)
        yield name, pd.get_dummies(frame.select_dtypes(exclude="datetime"), dtype=float).fillna(-1).to_numpy(float), y
    data = load_breast_cancer()
    yield "breast_cancer", data.data, 1 - data.target
    data = load_digits()
    yield "digits_8", data.data, (data.target == 8).astype(np.int64)


def smoothed(costs, y, p, w, kind):
    """Where a recalibrated chance breaks even."""
    grid = np.unique(np.concatenate([p, np.linspace(0, 1, 2001)]))
    said = fit_recalibrator(kind, y, p[:, None], w).apply(grid[:, None])[:, 0]
    return float(grid[min(np.searchsorted(said, costs.break_even, side="right"), len(grid) - 1)])


def bagged(costs, y, p, w, rng):
    return float(np.median([ByCost(costs).choose(y, p, rng.poisson(1.0, len(y)) * w) for _ in range(50)]))


def cost(costs, y, p, threshold):
    return costs.metric.score(y, (p > threshold).astype(float))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rows", type=int, default=MOST_LEARNED)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "thresholds.csv")
    options = parser.parse_args()
    options.out.parent.mkdir(exist_ok=True)
    began, rows = time.process_time(), []
    for name, X, y in tables(options.data):
        for seed in range(options.seeds):
            rng = np.random.default_rng([seed, len(y)])
            order = rng.permutation(len(y))
            n = min(len(y) // 2, options.rows)
            learn, judge = order[:n], order[n : n + MOST_JUDGED]
            models = {
                "lightgbm": LGBMClassifier(n_estimators=60, num_leaves=15, verbose=-1, n_jobs=1, random_state=seed),
                "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
            }
            for model_name, model in models.items():
                folds = StratifiedKFold(5, shuffle=True, random_state=seed)
                p = cross_val_predict(model, X[learn], y[learn], cv=folds, method="predict_proba")[:, 1]
                q = model.fit(X[learn], y[learn]).predict_proba(X[judge])[:, 1]
                w = np.ones(n)
                for fn, fp in PRICES:
                    costs = Costs(fn, fp)
                    cuts = Cuts.of(y[judge], q, np.ones(len(judge)))
                    oracle = float((fp * cuts.fp + fn * cuts.fn).min() / len(judge))
                    found = {
                        "half": 0.5,
                        "break_even": costs.break_even,
                        "empirical": ByCost(costs).choose(y[learn], p, w),
                        "bagged": bagged(costs, y[learn], p, w, rng),
                        "platt": smoothed(costs, y[learn], p, w, "platt"),
                        "beta": smoothed(costs, y[learn], p, w, "beta"),
                    }
                    half = len(judge) // 2
                    fresh = [
                        cost(
                            costs, y[judge][rest], q[rest], ByCost(costs).choose(y[judge][part], q[part], np.ones(half))
                        )
                        for part, rest in ((slice(half), slice(half, 2 * half)), (slice(half, 2 * half), slice(half)))
                    ]
                    reached = {f"{key}_over": cost(costs, y[judge], q, t) / oracle - 1 for key, t in found.items()}
                    facts = {"data": name, "model": model_name, "seed": seed, "n": n, "judged": len(judge)}
                    rows.append({**facts, "positives": y.mean(), "fn": fn, "fp": fp, "oracle": oracle, **reached})
                    rows[-1]["fresh_over"] = float(np.mean(fresh)) / oracle - 1
        print(f"{name}: {time.process_time() - began:.0f} CPU seconds so far", flush=True)
    with options.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    frame = pd.DataFrame(rows)
    over = [c for c in frame if c.endswith("_over")]
    print(frame[frame.judged > 2000].groupby("data")[over].median().round(4).to_string())
    print(frame.groupby("data")[over].mean().round(4).to_string())
    print(frame.groupby(["fn", "fp"])[over].mean().round(4).to_string())
    print(frame[frame.judged > 2000][over].agg(["mean", "median"]).round(4).to_string())


if __name__ == "__main__":
    main()
