"""What reading a fit at several numbers of rounds is worth: python studies/scouting/run.py DATA_FOLDER

Fits LightGBM configurations once with 2048 rounds on every fold, scores each fit at 15 numbers of rounds, and replays
random searches of equal cost under five ways to choose the rounds. DATA_FOLDER holds datasets.json and its tables.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.api.problem import Order, pose

HERE = Path(__file__).parent
ROUNDS = np.array([16, 24, 34, 48, 68, 96, 136, 192, 272, 384, 544, 768, 1088, 1536, 2048])
SETS = ("phoneme", "credit_data", "online_shoppers", "california")
WAYS = {
    "as asked": "rounds drawn and fitted on every fold",
    "asked, scouted": "rounds drawn; the first fold settles on as many or fewer, which the others fit",
    "asked, mean": "rounds drawn and fitted on every fold; as many or fewer chosen by the mean over folds",
    "longest, scouted": "up to 20 / learning rate on the first fold, which settles for the others",
    "longest, mean": "up to 20 / learning rate on every fold, chosen by the mean",
}
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fits:
    """One configuration: scores (k, 15), higher is better; seconds of 2048 rounds, and of scoring the whole path."""

    rate: float
    scores: Floats
    fit_s: float
    path_s: float

    def tried(self, way: str, drawn: int) -> tuple[float, float]:
        """Mean score over the folds, and CPU seconds."""
        k, a_round = len(self.scores), self.fit_s / ROUNDS[-1]
        longest = int(np.searchsorted(ROUNDS, np.clip(20 / self.rate, 64, ROUNDS[-1])))
        top = longest if way.startswith("longest") else drawn
        path_s = self.path_s * ROUNDS[top] / ROUNDS[-1]
        if way == "as asked":
            return float(self.scores[:, top].mean()), k * a_round * ROUNDS[top]
        if way.endswith("mean"):
            chosen = int(self.scores[:, : top + 1].mean(axis=0).argmax())
            return float(self.scores[:, chosen].mean()), k * (a_round * ROUNDS[top] + path_s)
        chosen = int(self.scores[0, : top + 1].argmax())
        return float(self.scores[:, chosen].mean()), a_round * (ROUNDS[top] + (k - 1) * ROUNDS[chosen]) + path_s


def measured(folder: Path, name: str, configs: int) -> list[Fits]:
    """Fit and score everything on 1,000 rows of a data set."""
    entry = next(e for e in json.loads((folder / "datasets.json").read_text())["datasets"] if e["name"] == name)
    frame = pd.read_parquet(folder / entry["file"]).sample(1000, random_state=0).reset_index(drop=True)
    problem = pose(frame, Order(entry["target"], task=entry["task"], models=["lightgbm"], budget="1h"))
    family, sign = problem.families["lightgbm"], 1.0 if problem.metric.greater_is_better else -1.0
    rng, X, y = np.random.default_rng(1), problem.dataset.X, problem.dataset.y
    found = []
    for _ in range(configs):
        config = {**family.space(problem.facts).sample(rng), "n_estimators": int(ROUNDS[-1])}
        config["num_leaves"] = min(config["num_leaves"], 40)
        scores, fit_s, path_s = [], 0.0, 0.0
        for fold, (train, valid) in enumerate(problem.splits.folds):
            start = time.process_time()
            fitted = family.fit(config, replace(problem.facts, n_rows=len(train)), X[train], y[train], seed=fold)
            between = time.process_time()
            paths = fitted.predict_path(X[valid], ROUNDS)  # type: ignore[attr-defined]
            path_s += time.process_time() - between
            fit_s += between - start
            scores.append([sign * problem.metric.score(y[valid], p, None) for p in paths])
        k = len(scores)
        found.append(Fits(config["learning_rate"], np.array(scores), fit_s / k, path_s / k))
    return found


def regret(fits: list[Fits], way: str, budget_s: float, repeats: int) -> float:
    """How far the best found in `budget_s` stays behind the best there is, on average over random searches."""
    rng = np.random.default_rng(0)
    best = max(float(f.scores.mean(axis=0).max()) for f in fits)
    behind = []
    for _ in range(repeats):
        order, spent, found = rng.permutation(len(fits)), 0.0, -np.inf
        for number in range(100 * len(fits)):
            score, seconds = fits[order[number % len(fits)]].tried(way, int(rng.integers(len(ROUNDS))))
            spent += seconds
            if spent > budget_s:
                break
            found = max(found, score)
        if np.isfinite(found):
            behind.append(best - found)
    return float(np.mean(behind))


def main() -> None:
    """Measure, replay, print a table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--configs", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=400)
    args = parser.parse_args()
    rows = []
    for name in SETS:
        fits = measured(args.data, name, args.configs)
        typical_s = len(fits[0].scores) * np.mean([f.fit_s for f in fits]) * ROUNDS.mean() / ROUNDS[-1]
        for trials in (4, 10):
            row = {way: round(regret(fits, way, float(trials * typical_s), args.repeats), 5) for way in WAYS}
            rows.append({"table": name, "budget_in_trials": trials, "regret": row})
            print(name, trials, row, flush=True)
    (HERE / "results" / "scouting.json").write_text(json.dumps(rows, indent=0) + "\n")


if __name__ == "__main__":
    main()
