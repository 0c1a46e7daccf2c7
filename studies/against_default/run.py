"""How often is what `luthier tune` ships worse than the library's default, beyond noise, on rows nobody saw?

    python studies/against_default/run.py ../shared/data studies/against_default/results.json

Each run takes rows of a table to tune on, ships a model within a budget of CPU seconds on one thread, and judges it on
all the rows left, beside LightGBM with its defaults fitted on the same rows. Tables without order give 600 and 2,000
rows drawn anew for every seed; tables in order of time give a stretch of a tenth or three tenths of the table that
starts at another place for every seed, and the rows after it, as many again, are the future. "Beyond noise" is more
than two standard errors of the paired difference over the judged rows (fifty blocks of them where they are ordered).
Runs that are in the file already are not made again.
"""

from __future__ import annotations

import time

CPU = time.process_time
BASE = time.time()
# Budgets are CPU seconds, as on a core of one's own, however busy the machine is; so is every clock read from here on.
time.monotonic = time.perf_counter = lambda: BASE + CPU()
time.monotonic_ns = time.perf_counter_ns = lambda: int((BASE + CPU()) * 1e9)

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import tempfile  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy.stats import rankdata  # noqa: E402

import luthier  # noqa: E402

BUDGET_S = 20
SEEDS = 5
DRAWN = (600, 2000)
STRETCHES = (0.1, 0.3)
BLOCKS = 50
"""Into so many stretches are judged rows in order cut, whose differences are taken for independent."""
FEWEST_JUDGED = 1000


@dataclass(frozen=True)
class Cell:
    """One table and how much of it is tuned on."""

    entry: dict[str, Any]
    part: float

    @property
    def name(self) -> str:
        return f"{self.entry['name']} {self.part:g}"

    def cut(self, frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rows to tune on and rows to judge by."""
        column = self.entry["time_column"]
        if column is None:
            order = np.random.default_rng([seed, int(self.part)]).permutation(len(frame))
            return frame.iloc[order[: int(self.part)]], frame.iloc[order[int(self.part) :]]
        frame = frame.sort_values(column, kind="stable")
        n = int(self.part * len(frame))
        start = int(seed / (SEEDS - 1) * (len(frame) - 2 * n))
        return frame.iloc[start : start + n], frame.iloc[start + n : start + 2 * n]


def cells(folder: Path) -> list[Cell]:
    found = []
    for entry in json.loads((folder / "datasets.json").read_text())["datasets"]:
        if entry["time_column"] is not None:
            found += [Cell(entry, part) for part in STRETCHES]
        else:
            found += [Cell(entry, part) for part in DRAWN if entry["rows"] - part >= FEWEST_JUDGED]
    return found


def losses(metric: str, y: Any, p: Any, block: Any) -> tuple[float, Any]:
    """The loss over all rows, and by how much each block pulls it up (the influence of its rows, summed)."""
    n = len(y)
    if metric == "roc_auc":
        yes = y == 1
        ranks, n1, n0 = rankdata(p), yes.sum(), (~yes).sum()
        above = np.empty(n)  # the share of the other class on the right side of each row: DeLong's components
        above[yes] = (ranks[yes] - rankdata(p[yes])) / n0
        above[~yes] = 1 - (ranks[~yes] - rankdata(p[~yes])) / n1
        auc = above[yes].mean()
        pull = -np.where(yes, (above - auc) / n1, (above - auc) / n0)
        return 1 - auc, np.bincount(block, pull)
    if metric == "log_loss":
        each = -np.log(np.clip(p[np.arange(n), y], 1e-15, 1))
        return each.mean(), np.bincount(block, (each - each.mean()) / n)
    each = (y - p) ** 2
    rmse = np.sqrt(each.mean())
    return rmse, np.bincount(block, (each - each.mean()) / n) / (2 * rmse)


def answers(run: Any, entry: dict[str, Any], rows: pd.DataFrame, classes: list[str]) -> Any:
    if entry["task"] == "regression":
        return np.asarray(run.predict(rows), float)
    p = pd.DataFrame(run.predict_proba(rows), columns=[str(c) for c in run.classes_])
    p = p.reindex(columns=classes, fill_value=0.0).to_numpy()
    return p[:, 1] if entry["task"] == "binary" else p


def one(cell: Cell, frame: pd.DataFrame, seed: int) -> dict[str, Any]:
    entry = cell.entry
    train, judged = cell.cut(frame, seed)
    asked = {
        "task": entry["task"], "metric": entry["metric"], "time": entry["time_column"], "seed": seed,
        "n_jobs": 1, "executor": "inline",
    }  # fmt: skip
    target = judged[entry["target"]]
    classes = sorted(map(str, frame[entry["target"]].unique()))
    y = target.to_numpy(float) if entry["task"] == "regression" else target.astype(str).map(classes.index).to_numpy()
    block = np.arange(len(judged)) if entry["time_column"] is None else np.arange(len(judged)) * BLOCKS // len(judged)
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        began = CPU()
        tuned = luthier.tune(train, entry["target"], budget=f"{BUDGET_S}s", **asked)
        spent_s = CPU() - began
        default = luthier.tune(train, entry["target"], budget="1 trials", models=["lightgbm"], **asked)
        rows = judged.drop(columns=entry["target"])
        (ours, our_pull), (theirs, their_pull) = (
            losses(entry["metric"], y, answers(run, entry, rows, classes), block) for run in (tuned, default)
        )
    blocks = block[-1] + 1
    noise = float(np.sqrt(blocks / (blocks - 1) * ((our_pull - their_pull) ** 2).sum()))
    verdict = tuned.verdict
    return {
        "cell": cell.name, "seed": seed, "metric": entry["metric"], "rows": len(train), "judged": len(judged),
        "loss": ours, "default_loss": theirs, "difference": ours - theirs, "noise": noise,
        "default_kept": bool(verdict.default_kept), "p_default_as_good": verdict.p_default_as_good,
        "members": 1 if verdict.blend is None else len(verdict.blend.members), "spent_s": spent_s,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("results", type=Path)
    args = parser.parse_args()
    kept = args.results.resolve()
    runs = json.loads(kept.read_text()) if kept.exists() else []
    done = {(run["cell"], run["seed"]) for run in runs}
    folder = args.folder.resolve()
    for seed in range(SEEDS):
        for cell in cells(folder):
            if (cell.name, seed) in done:
                continue
            found = one(cell, pd.read_parquet(folder / cell.entry["file"]), seed)
            runs.append(found)
            kept.write_text(json.dumps(runs, indent=1) + "\n")
            print(f"{cell.name:22s} {seed}: {found['difference']:+.4g}, noise {found['noise']:.2g}", flush=True)
    worse = [run for run in runs if run["difference"] > 2 * run["noise"]]
    better = sum(run["difference"] < -2 * run["noise"] for run in runs)
    print(f"of {len(runs)} runs {len(worse)} were worse than the default beyond noise, {better} better")
    for run in worse:
        print(
            f"  {run['cell']} seed {run['seed']}: {run['difference']:+.4g} ({run['difference'] / run['noise']:.1f} se)"
        )


if __name__ == "__main__":
    main()
