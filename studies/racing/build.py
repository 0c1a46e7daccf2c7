"""Fold scores and seconds of random configurations on real tables: python studies/racing/build.py DATA_FOLDER

One gzipped CSV a data set in tables/: a row a configuration with its family, its fold scores, its fold seconds and its
pooled score. DATA_FOLDER holds datasets.json and the Parquet files it names; data sets of scikit-learn come on top.
The stored tables were made with --configs 50 --rows 800 --limit 0.25 (rough seconds of the slowest fold taken in).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from luthier.api.problem import Order, pose
from luthier.errors import LuthierError
from luthier.models import joint_default
from luthier.tuning import Job, seed_of
from sklearn import datasets

HERE = Path(__file__).parent
BUNDLED = {"breast_cancer": "binary", "wine": "multiclass", "digits": "multiclass", "diabetes": "regression"}
FAMILIES = ["lightgbm", "extra_trees", "forest", "linear", "knn"]


def frames(folder: Path, rows: int, wanted: list[str] | None) -> Iterator[tuple[str, pd.DataFrame, str, str]]:
    """Name, table, target and task of every data set, thinned out to `rows` rows."""
    for name, task in BUNDLED.items():
        if wanted is None or name in wanted:
            yield name, getattr(datasets, f"load_{name}")(as_frame=True).frame.head(rows), "target", task
    for entry in json.loads((folder / "datasets.json").read_text())["datasets"]:
        if wanted is not None and entry["name"] not in wanted:
            continue
        frame = pd.read_parquet(folder / entry["file"])
        if len(frame) > rows and entry["time_column"] is None:
            frame = frame.sample(rows, random_state=0)
        elif len(frame) > rows:
            frame = frame.iloc[:: len(frame) // rows]
        yield entry["name"], frame.reset_index(drop=True), entry["target"], entry["task"]


def main() -> None:
    """Fit everything and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--configs", type=int, default=50)
    parser.add_argument("--rows", type=int, default=800)
    parser.add_argument("--limit", type=float, default=0.25)
    parser.add_argument("--sets", nargs="*", default=None)
    args = parser.parse_args()
    for name, frame, target, task in frames(args.data, args.rows, args.sets):
        start = time.process_time()
        try:
            problem = pose(frame, Order(target, task=task, models=FAMILIES, budget="1h"))
        except LuthierError as error:
            print(name, error)
            continue
        rng = np.random.default_rng(0)
        configs = [joint_default({"lightgbm": problem.families["lightgbm"]}, problem.facts)]
        while len(configs) < args.configs:
            config = problem.plan.space.sample(rng)
            if problem.work_hint(config) <= args.limit:
                configs.append(config)
        y = problem.dataset.y[problem.splits.rows]
        n_folds = len(problem.splits.folds)
        with gzip.open(HERE / "tables" / f"{name}.csv.gz", "wt", newline="") as file:
            out = csv.writer(file)
            measured = [f"{what}{k}" for what in ("score", "seconds") for k in range(n_folds)]
            out.writerow(["metric", "greater_is_better", "splits", "family", "pooled", *measured])
            for number, config in enumerate(configs):
                scores, seconds, p = [], [], []
                for fold in range(n_folds):
                    began = time.process_time()
                    result = problem.work.run(Job(0, number, fold, config, seed_of(0, number, fold)), 1)
                    seconds.append(round(time.process_time() - began, 4))
                    scores.append(result.score)
                    p.append(result.predictions)
                pooled = problem.metric.score(y, np.concatenate(p), problem.splits.weights)
                out.writerow([problem.metric.name, problem.metric.greater_is_better, problem.splits.kind,
                              config["model"], pooled, *scores, *seconds])  # fmt: skip
        print(f"{name}: {len(frame)} rows, {len(configs)} configurations x {n_folds} folds, "
              f"{time.process_time() - start:.0f} CPU s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
