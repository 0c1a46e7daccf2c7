"""Does it help to let rare classes count more, or is it enough to move the threshold? Usage:

    OMP_NUM_THREADS=1 python studies/balance/run.py ../shared/data

Every table of two classes with one in at most 30 % of the rows, and two of them with its rows thinned out to 2 %: half
of the rows (at most 4,000) are tuned on with 30 trials of LightGBM, of the linear family and of extra trees, with and
without `--balance`; scores are those on the other half. A miss costs (rows of the other class) / (rows of the class)
false alarms: the cheapest threshold is chosen on the tuned half and judged on the other. Writes results/runs.csv.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, balanced_accuracy_score, log_loss, roc_auc_score

import luthier

HERE = Path(__file__).parent
TRIALS, MOST = 30, 4_000


def tables(folder: Path):
    """Name, frame, target and rare class."""
    for entry in json.loads((folder / "datasets.json").read_text())["datasets"]:
        frame, target = pd.read_parquet(folder / entry["file"]), entry["target"]
        shares = frame[target].value_counts(normalize=True)
        if frame[target].nunique() != 2 or shares.min() > 0.3:
            continue
        rare = shares.idxmin()
        yield entry["name"], frame, target, rare
        if entry["name"] in {"online_shoppers", "phoneme"}:
            many, few = frame[frame[target] != rare], frame[frame[target] == rare]
            few = few.sample(round(0.02 * len(many)), random_state=0)
            yield f"{entry['name']}, 2 %", pd.concat([many, few]), target, rare


def one(name: str, frame: pd.DataFrame, target: str, rare, family: str, metric: str, seed: int) -> list[dict]:
    frame = frame[frame[target].notna()].sample(frac=1.0, random_state=seed).reset_index(drop=True)
    n = min(MOST, len(frame) // 2)
    train, test = frame.iloc[:n], frame.iloc[n : n + 20_000]
    share = (train[target] == rare).mean()
    asked = {
        "models": family,
        "budget": f"{TRIALS} trials",
        "time": False,
        "seed": seed,
        "positive": rare,
        "warm": "off",
    }
    asked |= {"metric": metric, "cost": f"fn={(1 - share) / share:.3f},fp=1", "final": "refit"}
    rows = []
    for balance in (False, True):
        run = luthier.tune(train, target, balance=balance, **asked)
        p, y = run.predict_proba(test)[:, 1], (test[target] == rare).to_numpy()
        decided = run.predict(test) == rare
        chosen = run.best_config.get(f"{family}.balance", "none")
        said = luthier.evaluate(run)["balance"] if balance else None
        rows.append({
            "table": name, "family": family, "metric": metric, "seed": seed, "balance": balance, "chosen": chosen,
            "honest": run.score.value, "roc_auc": roc_auc_score(y, p),
            "average_precision": average_precision_score(y, p), "log_loss": log_loss(y, p),
            "balanced_accuracy": balanced_accuracy_score(y, decided),
            "said_helps": getattr(said, "helps", None),
        })  # fmt: skip
    return rows


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    rows = []
    with tempfile.TemporaryDirectory() as box:
        os.chdir(box)
        for name, frame, target, rare in tables(folder):
            for family in ("lightgbm", "linear", "extra_trees"):
                rows += one(name, frame, target, rare, family, "roc_auc", seed=1)
                print(json.dumps(rows[-2:], default=str), flush=True)
    found = pd.DataFrame(rows)
    (HERE / "results").mkdir(exist_ok=True)
    found.to_csv(HERE / "results" / "runs.csv", index=False, float_format="%.5g")
    keys = ["table", "family", "metric", "seed"]
    wide = found.pivot_table(index=keys, columns="balance", values=["roc_auc", "average_precision", "log_loss",
                                                              "balanced_accuracy"])  # fmt: skip
    gains = pd.DataFrame({
        score: (wide[score][True] - wide[score][False]) * (-1 if score == "log_loss" else 1)
        for score in ("roc_auc", "average_precision", "log_loss", "balanced_accuracy")
    })  # fmt: skip
    print(gains.round(4).to_string())
    print(gains.groupby(["family", "metric"]).mean().round(4).to_string())
    print((gains > 0).mean().round(2).to_string(), np.round(gains.mean(), 4).to_string(), sep="\n")
    print(found[found.balance].groupby("family").chosen.value_counts().to_string())
    print("said to help:", found.said_helps.sum(), "of", int(found.balance.sum()))


if __name__ == "__main__":
    main()
