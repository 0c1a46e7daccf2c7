"""Fold scores and seconds of the same configurations on many tables: python studies/portfolio/build.py DATA_FOLDER

One gzipped CSV a table in tables/: a row a configuration with its family, its number, itself, its fold scores, its fold
seconds and its pooled score. The configurations are every family's default and random ones, the same on every table but
for values that the table's own space cuts off. The first fold settles the parameter whose values one fit can all be
scored at, as a study's does. DATA_FOLDER holds datasets.json and the Parquet files it names; tables that scikit-learn
ships come on top.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from luthier.api.problem import Order, pose
from luthier.errors import LuthierError
from luthier.models import FAMILIES, Facts, join_config
from luthier.space import Config
from luthier.tuning import Job, seed_of
from sklearn import datasets

HERE = Path(__file__).parent
BUNDLED = {"breast_cancer": "binary", "wine": "multiclass", "digits": "multiclass", "diabetes": "regression"}
N_RANDOM = {"lightgbm": 22, "extra_trees": 9, "forest": 9, "linear": 8, "mlp": 10, "svm": 9, "knn": 5}
"""How many random configurations of each family there are besides its default."""


def frames(folder: Path, rows: int) -> Iterator[tuple[str, pd.DataFrame, str, str]]:
    """Name, table, target and task of every data set, thinned out to `rows` rows."""
    for name, task in BUNDLED.items():
        yield name, getattr(datasets, f"load_{name}")(as_frame=True).frame.head(rows), "target", task
    for entry in json.loads((folder / "datasets.json").read_text())["datasets"]:
        frame = pd.read_parquet(folder / entry["file"])
        if len(frame) > rows and entry["time_column"] is None:
            frame = frame.sample(rows, random_state=0)
        elif len(frame) > rows:
            frame = frame.iloc[:: len(frame) // rows]
        yield entry["name"], frame.reset_index(drop=True), entry["target"], entry["task"]


def candidates(task: str, limit_s: float) -> list[Config]:
    """Defaults and random configurations of every family, for a table of usual size, none of them too slow."""
    # Two classes stand for any number of them: the list is one for all tables of classes.
    facts = Facts("regression", 5000, 20, 1) if task == "regression" else Facts("binary", 5000, 20, 2)
    found: list[Config] = []
    for number, (name, n) in enumerate(N_RANDOM.items()):
        family, rng = FAMILIES[name](), np.random.default_rng(number)
        own = [family.default(facts)]
        while len(own) <= n:
            config = family.space(facts).sample(rng)
            if family.work(config, replace(facts, n_rows=2000)) <= limit_s:
                own.append(config)
        found += [join_config(name, config) for config in own]
    return found


def main() -> None:
    """Fit everything and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--limit", type=float, default=0.8, help="rough seconds of the slowest fit taken in")
    parser.add_argument("--sets", nargs="*", default=None)
    parser.add_argument("--predictions", type=Path, help="folder for the predictions too, which are not kept")
    args = parser.parse_args()
    for name, frame, target, task in frames(args.data, args.rows):
        if args.sets is not None and name not in args.sets:
            continue
        start = time.process_time()
        problem = pose(frame, Order(target, task=task, budget="1h", cv=None))
        n_folds = len(problem.splits.folds)
        y = problem.dataset.y[problem.splits.rows]
        kept = {}
        with gzip.open(HERE / "tables" / f"{name}.csv.gz", "wt", newline="") as file:
            out = csv.writer(file)
            measured = [f"{what}{k}" for what in ("score", "seconds") for k in range(n_folds)]
            head = ["task", "metric", "greater_is_better", "splits", "family", "number", "config", "pooled"]
            out.writerow([*head, *measured])
            for number, wanted in enumerate(candidates(task, args.limit)):
                if wanted["model"] not in problem.families:
                    continue
                config = problem.plan.space.nearest(wanted)
                scores, seconds, p = [], [], []
                try:
                    for fold in range(n_folds):
                        began = time.process_time()
                        job = Job(0, number, fold, config, seed_of(0, number, fold), scout=fold == 0)
                        result = problem.work.run(job, 1)
                        config = result.config or config
                        seconds.append(round(time.process_time() - began, 4))
                        scores.append(result.score)
                        p.append(result.predictions)
                except (LuthierError, ValueError, FloatingPointError) as error:
                    print(f"{name}: {wanted} failed: {error}", flush=True)
                    continue
                pooled = problem.metric.score(y, np.concatenate(p), problem.splits.weights)
                kept[str(number)] = np.concatenate(p).astype(np.float16)
                out.writerow([task, problem.metric.name, problem.metric.greater_is_better, problem.splits.kind,
                              wanted["model"], number, json.dumps(wanted), pooled, *scores, *seconds])  # fmt: skip
        if args.predictions is not None:
            np.savez_compressed(args.predictions / f"{name}.npz", y=y, **kept)
        print(f"{name}: {len(frame)} rows, {len(kept)} configurations x {n_folds} folds, "
              f"{time.process_time() - start:.0f} CPU s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
