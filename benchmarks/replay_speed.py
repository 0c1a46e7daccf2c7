"""CPU seconds of a replay, beside a plain loop over scikit-learn.

Usage: OMP_NUM_THREADS=1 python benchmarks/replay_speed.py

The plain loop calls `roc_auc_score` once per configuration and draw; it is timed on a random subset of the calls, in
the same run, and scaled up. Bars: 10 s for ROC AUC, 2 s for additive metrics, at 200 configurations x 10,000 rows x
1,000 draws.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sklearn.metrics import roc_auc_score

from luthier.scoring import OutOfFold, Splits, get_metric
from luthier.scoring.replay import replay


def simulated(configs, rows, rng):
    """Configurations of AUC about 0.76, correlated 0.64 as models of one table are; the contenders are close."""
    y = (rng.random(rows) < 0.3).astype(np.int64)
    noise = 0.8 * rng.standard_normal(rows) + 0.6 * rng.standard_normal((configs, rows))
    p = 1 / (1 + np.exp(-(noise + y * rng.uniform(0.9, 1.1, (configs, 1)))))
    valid = np.array_split(np.arange(rows), 5)
    folds = tuple((np.setdiff1d(np.arange(rows), v), v) for v in valid)
    splits = Splits("shuffled", "simulated", folds, 1, np.arange(rows), np.arange(rows), np.ones(rows))
    return OutOfFold(splits, y, tuple(range(configs)), p.astype(np.float32)[:, :, None])


def cpu(function):
    began = time.process_time()
    function()
    return time.process_time() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", type=int, default=200)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=200, help="calls of the plain loop that are timed")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    table = simulated(options.configs, options.rows, rng)
    print(f"{options.configs} configurations x {options.rows} rows x {options.draws} draws, CPU seconds")
    for name in ("roc_auc", "average_precision", "log_loss", "accuracy", "f1", "matthews_corrcoef"):
        metric = get_metric(name, "binary")
        rng_draws = np.random.default_rng(1)
        seconds = cpu(lambda m=metric, r=rng_draws: replay(table, m, n_replays=options.draws, rng=r, default=0))
        print(f"  replay, {name:20s} {seconds:9.2f}")

    def plain():
        for _ in range(options.calls):
            c, drawn = rng.integers(options.configs), rng.integers(options.rows, size=options.rows)
            roc_auc_score(table.y[drawn], table.values[c, drawn, 0])

    whole = cpu(plain) / options.calls * options.configs * options.draws
    print(f"  plain loop of roc_auc_score   {whole:9.0f}  (scaled up from {options.calls} calls)")


if __name__ == "__main__":
    main()
