"""Selection, blend, recalibration and threshold, replayed together: bias and coverage on small real data.

Usage: OMP_NUM_THREADS=1 python studies/chain/run.py [--data ../shared/data]

350 rows are drawn from a larger table, 200 configurations of five scikit-learn families are cross-validated on them,
and the chain is chosen and replayed as a study does. The truth is measured on up to 5,000 of the rows left: of the
models of the folds (which is what cross-validation estimates) and of models refitted on all 350 rows. Coin flips are
the same tables with labels drawn by a fair coin. Writes results/chain.csv.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from luthier.evaluation.blend import Blender
from luthier.evaluation.chain import Chain
from luthier.evaluation.recalibrating import choose_recalibrator
from luthier.evaluation.thresholds import ByCost, ByFBeta
from luthier.scoring import METRICS, OutOfFold, Splits
from luthier.scoring.metrics import Costs
from luthier.scoring.pool import pooled
from luthier.scoring.recalibration import fit_recalibrator
from luthier.scoring.replay import replay

HERE = Path(__file__).parent
SETS = {
    "elec2": "class",
    "online_shoppers": "Revenue",
    "caravan": "Purchase",
    "credit_data": "Status",
    "phoneme": "target",
}
ROWS, JUDGED, REPLAYS = 350, 5000, 200
COSTS = Costs(4, 1)


def configurations(rng):
    """200 (kind, model, share of the columns): kinds are what a blend may hold few of."""
    made = []
    for _ in range(200):
        kind = str(rng.choice(["knn", "tree", "lda", "extra_trees", "bayes"], p=[0.35, 0.35, 0.12, 0.06, 0.12]))
        if kind == "knn":
            model = KNeighborsClassifier(int(rng.integers(3, 60)), weights=str(rng.choice(["uniform", "distance"])))
        elif kind == "tree":
            leaf, depth = int(rng.integers(2, 40)), int(rng.integers(2, 9))
            model = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf, random_state=0)
        elif kind == "lda":
            model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=float(rng.uniform(0.01, 1)))
        elif kind == "bayes":
            model = GaussianNB(var_smoothing=float(10 ** rng.uniform(-9, 0)))
        else:
            model = ExtraTreesClassifier(15, min_samples_leaf=int(rng.integers(1, 15)), random_state=0)
        made.append((kind, model, float(rng.uniform(0.4, 1.0))))
    return made


def table_of(path, target):
    frame = pd.read_parquet(path)
    column = frame.pop(target).astype(str)
    y = (column == column.value_counts().index[-1]).to_numpy(np.int64)
    frame = frame.select_dtypes(exclude="datetime")
    X = pd.get_dummies(frame.iloc[:, :30], dtype=float).fillna(-1).to_numpy(float)
    return (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9), y


def said(model, X, y, to):
    return model.fit(X, y).predict_proba(to)[:, 1:].astype(np.float32)


def one(X, y, rng):
    order = rng.permutation(len(y))
    learn, judge = order[:ROWS], order[ROWS : ROWS + JUDGED]
    if y[learn].sum() < 15:
        return
    folds = tuple(StratifiedKFold(5, shuffle=True, random_state=int(rng.integers(1 << 30))).split(learn, y[learn]))
    slab = np.concatenate([valid for _, valid in folds])
    configs = configurations(rng)
    columns = [rng.permutation(X.shape[1])[: max(2, int(share * X.shape[1]))] for _, _, share in configs]
    xs, ys = X[learn], y[learn]
    values = np.stack(
        [
            np.concatenate([said(m, xs[train][:, c], ys[train], xs[valid][:, c]) for train, valid in folds])
            for (_, m, _), c in zip(configs, columns, strict=True)
        ]
    )
    splits = Splits("stratified", "", folds, 1, slab, slab, np.ones(ROWS))
    table = OutOfFold(splits, ys[slab], tuple(range(len(configs))), values)
    auc, w = METRICS["roc_auc"], np.ones(ROWS)
    blender = Blender([kind for kind, _, _ in configs], np.zeros((len(configs), 1)), np.array([np.inf]))
    blend = blender.choose(table, auc, w)
    p = blend.predictions(table)
    kind = choose_recalibrator(table.y, p, weights=w, units=slab, rng=rng).chosen
    fitted = None if kind is None else fit_recalibrator(kind, table.y, p, w)

    def blended(of_member):
        q = pooled([of_member(t) for t in blend.members], blend.weights, blend.pool)
        return np.asarray(q if fitted is None else fitted.apply(q), np.float64)

    def on_judged(t, train):
        c = columns[t]
        return said(configs[t][1], xs[train][:, c], ys[train], X[judge][:, c])

    refit = blended(lambda t: on_judged(t, np.arange(ROWS)))
    of_folds = [blended(lambda t, train=train: on_judged(t, train)) for train, _ in folds]
    base = Chain(select_by=auc, chooser=blender, recalibrator=kind)
    rules = {"roc_auc": None, "log_loss": None, "f1": ByFBeta(1.0), "cost": ByCost(COSTS)}
    given = p if fitted is None else fitted.apply(p)
    for name, rule in rules.items():
        metric = METRICS[name] if rule is None else rule.metric
        found = replay(table, metric, choose=base.cut_by(rule), n_replays=REPLAYS, rng=np.random.default_rng(1))
        cut = 0.5 if rule is None else rule.choose(table.y, given[:, 0], w)
        decide = (lambda q: q) if rule is None else (lambda q, cut=cut: (q > cut).astype(float))
        truth = [metric.score(y[judge], decide(q)) for q in (refit, *of_folds)]
        left = found.out_of_bag[np.isfinite(found.out_of_bag)]
        e = found.estimate
        yield {
            "metric": name, "members": len(blend.members), "recalibrator": kind, "naive": found.naive,
            "honest": e.value, "low": e.low, "high": e.high, "bbc": left.mean(), "bbc_low": np.quantile(left, 0.025),
            "bbc_high": np.quantile(left, 0.975), "truth_refit": truth[0], "truth_folds": float(np.mean(truth[1:])),
        }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--coins", type=int, default=4)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "chain.csv")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    options.out.parent.mkdir(exist_ok=True)
    began, rows = time.process_time(), []
    for name, target in SETS.items():
        path = options.data / f"{name}.parquet"
        if not path.exists():
            print(f"{name}: not there, left out")
            continue
        X, y = table_of(path, target)
        for world, repeats in (("real", options.repeats), ("coin", options.coins)):
            for repeat in range(repeats):
                rng = np.random.default_rng([repeat, len(y), len(world)])
                labels = y if world == "real" else rng.integers(0, 2, len(y))
                rows += [{"data": name, "world": world, "repeat": repeat, **row} for row in one(X, labels, rng)]
            with options.out.open("w", newline="") as file:
                writer = csv.DictWriter(file, rows[0].keys())
                writer.writeheader()
                writer.writerows({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
        print(f"{name}: {time.process_time() - began:.0f} CPU seconds so far", flush=True)
    print(summary(pd.DataFrame(rows)).to_string())


def summary(frame):
    frame = frame.assign(
        bias=frame.honest - frame.truth_folds,
        bias_refit=frame.honest - frame.truth_refit,
        bias_naive=frame.naive - frame.truth_folds,
        bias_bbc=frame.bbc - frame.truth_folds,
        covers=(frame.low <= frame.truth_folds) & (frame.truth_folds <= frame.high),
        covers_refit=(frame.low <= frame.truth_refit) & (frame.truth_refit <= frame.high),
        width=frame.high - frame.low,
        width_bbc=frame.bbc_high - frame.bbc_low,
        n=1,
    )
    means = ["honest", "bias", "bias_refit", "bias_naive", "bias_bbc", "width", "width_bbc"]
    return (
        frame.groupby(["world", "metric"])
        .agg({**dict.fromkeys(means, "mean"), "covers": "sum", "covers_refit": "sum", "n": "sum"})
        .round(4)
    )


if __name__ == "__main__":
    main()
