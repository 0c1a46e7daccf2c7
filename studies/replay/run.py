"""Coverage and bias of the replay where the truth is known. Usage: OMP_NUM_THREADS=1 python studies/replay/run.py

Writes results/simulated.csv.gz, one row a repetition; `summarise.py` turns it into the tables of the README. Options:
--repeats 300 --replays 400 --n 100 400 2000 --configs 50 200 --scenarios ... --metrics ... --seed 20240.
"""

from __future__ import annotations

import argparse
import gzip
import time
from pathlib import Path

import numpy as np
from scipy import stats
from worlds import METRICS, SCENARIOS, draw_world

from luthier.scoring import get_metric
from luthier.scoring.replay import replay

HERE = Path(__file__).parent
COLUMNS = [
    "scenario", "metric", "n", "configs", "repeat", "truth", "naive", "honest", "low", "high", "t_low", "t_high",
    "nb_low", "nb_high", "bbc", "bbc_low", "bbc_high", "optimism_corrected", "half_off", "plus", "overfitting",
    "p_default", "gain", "gain_low", "gain_high", "truth_default", "default_value", "default_low", "default_high",
    "best",
]  # fmt: skip


def one(scenario, name, n, C, repeat, seed, n_replays):
    seeds = np.random.SeedSequence([seed, hash_of(scenario.name), hash_of(name), n, C, repeat]).spawn(2)
    table, truth = draw_world(scenario, name, n, C, np.random.default_rng(seeds[0]))
    metric = get_metric(METRICS[name], "regression" if name == "rmse" else "binary")
    found = replay(table, metric, n_replays=n_replays, rng=np.random.default_rng(seeds[1]), default=0)
    w = table.index(found.winner)
    folds = fold_scores(table, metric, w)
    mean, sd, J = folds.mean(), folds.std(ddof=1), len(folds)
    q = stats.t.ppf(0.975, J - 1)
    naive_half, nb_half = q * sd / np.sqrt(J), q * sd * np.sqrt(1 / J + 1 / (J - 1))
    A, F, N = found.in_bag.mean(), found.full.mean(), found.naive
    left = found.out_of_bag[np.isfinite(found.out_of_bag)]
    d = found.default_estimate
    return dict(
        zip(
            COLUMNS,
            [
                scenario.name, name, n, C, repeat, truth[w], N,
                found.estimate.value, found.estimate.low, found.estimate.high,
                mean - naive_half, mean + naive_half, mean - nb_half, mean + nb_half,
                left.mean(), *np.quantile(left, [0.025, 0.975]),
                N - (A - F),  # bootstrap optimism
                2 * F - A,  # the replay without its last term
                2 * F - A + (1 - found.overfitting) * (N - F),  # with all of it
                found.overfitting, found.p_default_as_good, found.gain.value, found.gain.low, found.gain.high,
                truth[0], d.value, d.low, d.high,
                truth.max() if found.greater_is_better else truth.min(),
            ],
            strict=True,
        )
    )  # fmt: skip


def fold_scores(table, metric, config):
    rows = [table.splits.fold_slice(f) for f in range(len(table.splits.folds))]
    return np.array([metric.score(table.y[r], table.values[config][r]) for r in rows])


def hash_of(word):
    return int.from_bytes(word.encode(), "little") % 2**32


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--replays", type=int, default=400)
    parser.add_argument("--n", type=int, nargs="+", default=[100, 400, 2000])
    parser.add_argument("--configs", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--scenarios", nargs="+", default=[s.name for s in SCENARIOS])
    parser.add_argument("--metrics", nargs="+", default=list(METRICS))
    parser.add_argument("--seed", type=int, default=20240)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "simulated.csv.gz")
    options = parser.parse_args()
    options.out.parent.mkdir(exist_ok=True)
    began = time.process_time()
    # mtime=0: the same results give the same bytes.
    with gzip.GzipFile(options.out, "wb", mtime=0) as zipped:
        write = lambda row: zipped.write((",".join(row) + "\n").encode())  # noqa: E731
        write(COLUMNS)
        for n in options.n:
            for C in options.configs:
                for scenario in (s for s in SCENARIOS if s.name in options.scenarios):
                    for name in options.metrics:
                        for repeat in range(options.repeats):
                            row = one(scenario, name, n, C, repeat, options.seed, options.replays)
                            write([f"{v:.6g}" if isinstance(v, float) else str(v) for v in row.values()])
                print(f"n={n} configs={C}: {time.process_time() - began:.0f} CPU seconds so far", flush=True)


if __name__ == "__main__":
    main()
