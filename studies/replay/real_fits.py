"""The replay on models that were really fitted. Usage: OMP_NUM_THREADS=1 python studies/replay/real_fits.py

Generated tables, 39 configurations of three scikit-learn families, five folds; the truth is measured on 10,000 fresh
rows, twice: of the models of the folds (what cross-validation estimates) and of the model refitted on all rows (what is
used).
Writes results/real_fits.csv.gz.
"""

from __future__ import annotations

import argparse
import gzip
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from luthier.scoring import OutOfFold, Splits, get_metric
from luthier.scoring.replay import replay

HERE = Path(__file__).parent
COLUMNS = ["signal", "metric", "n", "repeat", "naive", "honest", "low", "high", "bbc", "truth_folds", "truth_refit"]


def models(task):
    """39 configurations; the first is the default."""
    binary = task == "binary"
    linear = (lambda a: LogisticRegression(C=1 / a, max_iter=300)) if binary else (lambda a: Ridge(alpha=a))
    neighbours = KNeighborsClassifier if binary else KNeighborsRegressor
    tree = DecisionTreeClassifier if binary else DecisionTreeRegressor
    for a in (1.0, 0.01, 0.1, 10.0, 100.0, 1000.0):
        yield make_pipeline(StandardScaler(), linear(a))
        yield make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler(), linear(a))
    for k in (3, 5, 9, 15, 25, 41):
        for weights in ("uniform", "distance"):
            yield make_pipeline(StandardScaler(), neighbours(k, weights=weights))
    for depth in (1, 2, 3, 5, 8):
        for leaf in (1, 5, 20):
            yield tree(max_depth=depth, min_samples_leaf=leaf, random_state=0)


def rows(task, signal, n, rng):
    X = rng.standard_normal((n, 8))
    f = signal * (X[:, 0] + 0.7 * X[:, 1] * X[:, 2] - 0.5 * X[:, 3])
    if task == "binary":
        return X, (rng.random(n) < 1 / (1 + np.exp(-f))).astype(np.int64)
    return X, f + rng.standard_normal(n)


def said(model, X, task):
    return (model.predict_proba(X)[:, 1] if task == "binary" else model.predict(X))[:, None]


def one(task, signal, n, repeat, seed, n_replays):
    rng = np.random.default_rng([seed, n, repeat, round(10 * signal), len(task)])
    X, y = rows(task, signal, n, rng)
    far_X, far_y = rows(task, signal, 10_000, rng)
    cut = StratifiedKFold if task == "binary" else KFold
    folds = tuple(cut(5, shuffle=True, random_state=repeat).split(X, y))
    order = np.concatenate([valid for _, valid in folds])
    make = list(models(task))
    values = np.stack(
        [np.concatenate([said(m.fit(X[train], y[train]), X[valid], task) for train, valid in folds]) for m in make]
    )
    splits = Splits("stratified", "", folds, 1, order, order, np.ones(n))
    table = OutOfFold(splits, y[order], tuple(range(len(make))), values.astype(np.float32))
    for name in ("accuracy", "roc_auc", "log_loss") if task == "binary" else ("rmse",):
        metric = get_metric(name, task)
        found = replay(table, metric, n_replays=n_replays, rng=rng, default=0)
        model = make[found.winner]
        of_folds = [metric.score(far_y, said(model.fit(X[train], y[train]), far_X, task)) for train, _ in folds]
        refit = metric.score(far_y, said(model.fit(X, y), far_X, task))
        yield [
            "signal" if signal else "null", name, n, repeat, found.naive, found.estimate.value, found.estimate.low,
            found.estimate.high, float(np.nanmean(found.out_of_bag)), float(np.mean(of_folds)), refit,
        ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--replays", type=int, default=400)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "real_fits.csv.gz")
    options = parser.parse_args()
    options.out.parent.mkdir(exist_ok=True)
    began = time.process_time()
    with gzip.GzipFile(options.out, "wb", mtime=0) as zipped:
        zipped.write((",".join(COLUMNS) + "\n").encode())
        for n in (100, 400):
            for signal in (0.0, 1.0):
                for task in ("binary", "regression"):
                    for repeat in range(options.repeats):
                        for row in one(task, signal, n, repeat, options.seed, options.replays):
                            said_row = [f"{v:.6g}" if isinstance(v, float) else str(v) for v in row]
                            zipped.write((",".join(said_row) + "\n").encode())
            print(f"n={n}: {time.process_time() - began:.0f} CPU seconds so far", flush=True)


if __name__ == "__main__":
    main()
