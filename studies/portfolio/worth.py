"""What beginning with a portfolio is worth on rows nobody saw: python studies/portfolio/worth.py DATA OUT.json

On every table of classes that is not in order of time, `luthier tune` has BUDGET_S CPU seconds on one thread for seven
tenths of the rows, twice: with the list chosen from all *other* tables, and with every family's default alone. Both
ship what they would ship; the other rows judge it. Runs that are in the file already are not made again.
"""

from __future__ import annotations

import time

CPU = time.process_time
BASE = time.time()
# Budgets are CPU seconds, as on a core of one's own, however busy the machine is; so is every clock read from here on.
time.monotonic = time.perf_counter = lambda: BASE + CPU()
time.monotonic_ns = time.perf_counter_ns = lambda: int((BASE + CPU()) * 1e9)

import os  # noqa: E402

# Threads that wait for each other on a busy machine spin, which a clock of CPU time counts as work.
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import argparse  # noqa: E402
import json  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from choose import HERE, greedy, read  # noqa: E402
from sklearn.metrics import log_loss, roc_auc_score  # noqa: E402

import luthier  # noqa: E402
from luthier.models import portfolio, split_config  # noqa: E402

BUDGET_S = 30
N_CHOSEN, POWER = 6, 0.5


def lists(tables: list[Any], without: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """The portfolio chosen from all tables but one, as the library holds it."""
    others = [table for table in tables if table.name != without and table.task != "regression"]
    found = {number: config for t in others for number, config in zip(t.numbers, t.configs, strict=True)}
    return tuple(split_config(found[number]) for number in greedy(others, N_CHOSEN, POWER)[1:N_CHOSEN])


def one(entry: dict[str, Any], frame: pd.DataFrame, seed: int) -> dict[str, float]:
    """Score of what is shipped on the rows left out; higher is better."""
    order = np.random.default_rng(seed).permutation(len(frame))
    train, judged = frame.iloc[order[: int(0.7 * len(frame))]], frame.iloc[order[int(0.7 * len(frame)) :]]
    asked = {"task": entry["task"], "metric": entry["metric"], "time": False, "seed": seed, "warm": "off"}
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        run = luthier.tune(train, entry["target"], budget=BUDGET_S, n_jobs=1, executor="inline", **asked)
        p = pd.DataFrame(run.predict_proba(judged), columns=[str(c) for c in run.classes_])
    y = judged[entry["target"]].astype(str)
    if entry["task"] == "binary":
        return float(roc_auc_score(y == p.columns[1], p.iloc[:, 1]))
    return -float(log_loss(y, p[sorted(p.columns)], labels=sorted(p.columns)))


def main() -> None:
    """Run what is missing and say how the two compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    data, out = args.data.resolve(), args.out.resolve()
    rows = json.loads(out.read_text()) if out.is_file() else []
    tables = [read(path) for path in sorted((HERE / "tables").glob("*.csv.gz"))]
    entries = json.loads((data / "datasets.json").read_text())["datasets"]
    for seed in range(args.seeds):
        for entry in entries:
            if entry["task"] == "regression" or entry["time_column"] is not None:
                continue
            if any((row["table"], row["seed"]) == (entry["name"], seed) for row in rows):
                continue
            row = {"table": entry["name"], "metric": entry["metric"], "seed": seed}
            for way, chosen in (("portfolio", lists(tables, entry["name"])), ("defaults", ())):
                portfolio.CLASSES = chosen
                row[way] = one(entry, pd.read_parquet(data / entry["file"]), seed)
            rows.append(row)
            out.write_text(json.dumps(rows, indent=1) + "\n")
            print(row, flush=True)
    better = [row["portfolio"] > row["defaults"] for row in rows]
    print(f"the portfolio was better in {sum(better)} of {len(rows)} runs")


if __name__ == "__main__":
    main()
