"""Fit some twenty configurations of every family on many tables, and keep what the rules of `run.py` choose among.

    python studies/final/fit.py ../shared/data cache/ --seeds 0,1

Every table is cut into 70 % to learn from (at most 5,000 rows of an unordered one) and 30 % to be judged on: at random,
or, where rows are ordered in time, the last. Kept for each configuration: out-of-fold predictions, predictions of the
model refitted on all rows, seconds of both and of answering. The five best are cross-validated once more on fresh
folds. One file a table and seed; those that exist are not fitted again.
"""

from __future__ import annotations

import argparse
import json
import pickle
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split

from luthier.api.problem import Order, Problem, pose
from luthier.models import Fitted, split_config
from luthier.scoring import Splits, choose_splits
from sklearn import datasets

DRAWN = 16  # configurations besides every family's default
MOST_ROWS = 5000
FOLD_S = 1.2  # expected seconds of a fold; dearer configurations are not drawn
CONFIG_S = 40.0
REPEATED = 5
SHIPPED = {  # with scikit-learn
    "breast_cancer": (datasets.load_breast_cancer, "binary", "roc_auc"),
    "diabetes": (datasets.load_diabetes, "regression", "rmse"),
    "digits": (datasets.load_digits, "multiclass", "log_loss"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="Parquet files and a datasets.json that names their targets")
    parser.add_argument("cache", type=Path)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--only", help="names, separated by commas")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    catalogue = json.loads((args.folder / "datasets.json").read_text())["datasets"]
    names = [*SHIPPED, *(entry["name"] for entry in sorted(catalogue, key=lambda entry: entry["rows"]))]
    entries = {entry["name"]: entry for entry in catalogue}
    for seed in map(int, args.seeds.split(",")):
        for name in names if args.only is None else args.only.split(","):
            kept = args.cache / f"{name}-{seed}.pkl"
            if not kept.exists():
                found = fitted(*table(args.folder, name, entries.get(name)), seed)
                kept.write_bytes(pickle.dumps({"name": name, "seed": seed, **found}))
                print(name, seed, len(found["trials"]), "configurations", flush=True)


def table(folder: Path, name: str, entry: dict[str, Any] | None) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A table, and what is to be known of it; rows in order of time where they have one."""
    if entry is None:
        load, task, metric = SHIPPED[name]
        return load(as_frame=True).frame, {"target": "target", "task": task, "metric": metric, "time_column": None}
    frame = pd.read_parquet(folder / entry["file"])
    if entry["time_column"]:
        frame = frame.sort_values(entry["time_column"], kind="stable").reset_index(drop=True)
    return frame, entry


def fitted(frame: pd.DataFrame, entry: dict[str, Any], seed: int) -> dict[str, Any]:
    """Everything the rules need of one table under one seed."""
    target, time_column = entry["target"], entry["time_column"]
    if time_column:
        cut = int(0.7 * len(frame))
        train, test = frame.iloc[:cut], frame.iloc[cut:]
    else:
        classes = None if entry["task"] == "regression" else frame[target]
        train, test = train_test_split(frame, test_size=0.3, random_state=seed, stratify=classes)
        train = train if len(train) <= MOST_ROWS else train.sample(MOST_ROWS, random_state=seed)
    train = train.reset_index(drop=True)
    problem = pose(train, Order(target, metric=entry["metric"], budget="60s", time=time_column or False, seed=seed))
    X_test = problem.dataset.schema.encode(test.drop(columns=target))
    configs, trials, oof, refit = [], [], [], []
    for config in configurations(problem, seed):
        begun = time.process_time()
        p = out_of_fold(problem, config, problem.splits, 100 * seed)
        if p is None:
            continue
        cv_s = time.process_time() - begun
        begun = time.process_time()
        model = fit(problem, config, np.arange(problem.dataset.n_rows), 100 * seed + 99)
        refit_s = time.process_time() - begun
        asked = {"ms_per_1000": ms(model, X_test[:1000]), "ms_one_row": ms(model, X_test[:1])}
        size_mb = sum(map(len, model.dump().values())) / 1e6
        configs.append(config)
        trials.append(
            {"family": problem.kind_of(config), "cv_s": cv_s, "refit_s": refit_s, "size_mb": size_mb, **asked}
        )
        oof.append(p)
        refit.append(model.predict(X_test).astype(np.float32))
    table = np.stack(oof)
    y = problem.dataset.y[problem.splits.rows]
    return {
        "metric": problem.metric.name,
        "task": problem.facts.task,
        "forward": problem.splits.kind == "forward",
        "splits": problem.splits,
        "y": y,
        "y_test": coded(problem, test[target]),
        "trials": trials,
        "oof": table,
        "refit": np.stack(refit),
        "again": again(problem, configs, table, y, seed),
        "other_default": other_default(problem, X_test),
    }


def configurations(problem: Problem, seed: int) -> list[Any]:
    """The default of every family, then random ones that do not take too long."""
    rng = np.random.default_rng(seed)
    drawn = (problem.plan.space.sample(rng) for _ in range(20 * DRAWN))
    quick = [config for config in drawn if problem.work_hint(config) < FOLD_S]
    return [*problem.plan.starts, *quick[:DRAWN]]


def fit(problem: Problem, config: Any, rows: Any, seed: int) -> Fitted:
    family, own = split_config(config)
    data = problem.dataset
    facts = replace(problem.facts, n_rows=len(rows))
    return problem.families[family].fit(own, facts, data.X[rows], data.y[rows], seed=seed, threads=1)


def out_of_fold(problem: Problem, config: Any, splits: Splits, seed: int) -> Any:
    """(m, k) predictions in slab order; None where they would take too long."""
    begun, parts = time.process_time(), []
    for number, (train, valid) in enumerate(splits.folds):
        parts.append(fit(problem, config, train, seed + number).predict(problem.dataset.X[valid]))
        if time.process_time() - begun > CONFIG_S:
            return None
    return np.concatenate(parts).astype(np.float32)


def again(problem: Problem, configs: list[Any], oof: Any, y: Any, seed: int) -> dict[str, Any] | None:
    """The best few on folds dealt anew; None on rows in order of time, which know one order only."""
    if problem.splits.kind == "forward":
        return None
    sign = 1 if problem.metric.greater_is_better else -1
    scores = sign * np.array([problem.metric.score(y, p, problem.splits.weights) for p in oof])
    best = np.argsort(-scores)[:REPEATED].tolist()
    data = problem.dataset
    splits = choose_splits(data.y, problem.facts.task, weights=data.weights, seed=1000 + seed)
    values = [out_of_fold(problem, configs[c], splits, 100 * seed + 50) for c in best]
    if any(p is None for p in values):
        return None
    return {"positions": best, "splits": splits, "y": data.y[splits.rows], "oof": np.stack(values)}


def other_default(problem: Problem, X_test: Any) -> Any:
    """(m, k): what scikit-learn's untuned boosting says of the rows to be judged."""
    data, task = problem.dataset, problem.facts.task
    if task == "regression":
        return HistGradientBoostingRegressor(random_state=0).fit(data.X, data.y).predict(X_test)[:, None]
    p = HistGradientBoostingClassifier(random_state=0).fit(data.X, data.y).predict_proba(X_test)
    return p[:, 1:] if task == "binary" else p


def coded(problem: Problem, y: pd.Series) -> Any:
    """The target of rows to be judged, coded as that of the rows learned from."""
    if problem.facts.task == "regression":
        return y.to_numpy(np.float64)
    code = {str(label): number for number, label in enumerate(problem.dataset.schema.classes)}
    return np.array([code[str(label)] for label in y])


def ms(model: Fitted, X: Any) -> float:
    """CPU milliseconds of one call, the quickest of three."""
    spent = []
    for _ in range(3):
        begun = time.process_time()
        model.predict(X)
        spent.append(1000 * (time.process_time() - begun))
    return min(spent)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
