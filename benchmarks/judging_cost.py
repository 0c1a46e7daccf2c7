"""How far above what judging took is what was kept back for it?

Usage: OMP_NUM_THREADS=1 python benchmarks/judging_cost.py

CPU seconds of the replay of one choice, of a blend's and of one for the worst of five groups, on simulated tables,
beside `luthier.evaluation.cost`. Bar: no ratio below one.
"""

from __future__ import annotations

import time

import numpy as np

from luthier.evaluation import Blender
from luthier.evaluation.cost import blend_s, contest_s, replay_s
from luthier.evaluation.simplest import PILOT
from luthier.evaluation.worst_group import WorstGroup
from luthier.scoring import OutOfFold, Splits, get_metric
from luthier.scoring.replay import replay

CASES = (
    ("roc_auc", "binary", 1, None),
    ("roc_auc", "binary", 1, 40),
    ("average_precision", "binary", 1, None),
    ("log_loss", "binary", 1, None),
    ("log_loss", "multiclass", 4, None),
    ("log_loss", "multiclass", 32, None),
    ("roc_auc_ovr", "multiclass", 4, None),
    ("rmse", "regression", 1, None),
    ("rmse", "regression", 1, 40),
)
ROWS = (1000, 10_000, 45_000)
CONFIGS = (3, 25)
REPLAYS, BLEND_REPLAYS = 200, 20
GROUPS = 5
MOST_CELLS = 16_000_000


def simulated(task, outputs, units, rows, configs, rng):
    """Configurations that see the target through noise they share and some of their own."""
    if task == "multiclass":
        y = rng.integers(outputs, size=rows)
        z = 2 * np.eye(outputs)[y] + rng.standard_normal((rows, outputs))
        values = np.exp(z + 0.3 * rng.standard_normal((configs, rows, outputs)))
        values /= values.sum(axis=2, keepdims=True)
    else:
        y = (rng.random(rows) < 0.3).astype(np.int64) if task == "binary" else rng.standard_normal(rows)
        z = y + rng.standard_normal(rows) + 0.3 * rng.standard_normal((configs, rows))
        values = (z if task == "regression" else 1 / (1 + np.exp(-z)))[:, :, None]
    at = np.arange(rows)
    blocks = at if units is None else at * units // rows
    splits = Splits("own", "simulated", ((at[:0], at),), 1, at, blocks, np.ones(rows))
    return OutOfFold(splits, y, tuple(range(configs)), values.astype(np.float32))


def replay_cpu(table, metric, **options):
    began = time.process_time()
    replay(table, metric, rng=np.random.default_rng(0), default=0, **options)
    return time.process_time() - began


def contest_cpu(table, metric, groups):
    began = time.process_time()
    rng = np.random.default_rng(0)
    values = rng.integers(0, groups, len(table.y)).astype(str)
    chooser = WorstGroup.among(table, metric, values, 0, rng)
    replay(table, metric, choose=chooser, n_replays=BLEND_REPLAYS, rng=rng, default=0)
    return time.process_time() - began


def main():
    worst = np.inf
    for name, task, outputs, units in CASES:
        metric = get_metric(name, task)
        for rows in ROWS:
            for configs in CONFIGS:
                if rows * configs * outputs > MOST_CELLS:
                    continue
                table = simulated(task, outputs, units, rows, configs, np.random.default_rng(0))
                size = {"rows": rows, "outputs": outputs, "configs": configs}
                blender = Blender([str(c % 7) for c in range(configs)], np.zeros((configs, 1)), np.ones(1))
                one = replay_cpu(table, metric, n_replays=REPLAYS)
                several = replay_cpu(table, metric, choose=blender, n_replays=BLEND_REPLAYS)
                kept = replay_s(metric, units=rows if units is None else units, **size, replays=REPLAYS)
                kept_for_blend = blend_s(metric, **size, replays=BLEND_REPLAYS)
                contest = contest_cpu(table, metric, GROUPS)
                again = {**size, "groups": GROUPS, "replays": PILOT + BLEND_REPLAYS}
                del again["configs"]
                kept_for_contest = contest_s(metric, **again, call_s=0.0)
                ratios = kept / one, kept_for_blend / several, kept_for_contest / contest
                worst = min(worst, *ratios)
                print(
                    f"{name:18s} {outputs:3d} outputs {rows:6d} rows {configs:3d} configurations"
                    f"{'' if units is None else f' {units} units'}: "
                    f"one {one:.3f} s, kept {ratios[0]:.1f} times; blend {several:.3f} s, kept {ratios[1]:.1f} times; "
                    f"worst of {GROUPS} groups {contest:.3f} s, kept {ratios[2]:.1f} times"
                )
    print(f"the least: {worst:.2f} times what was spent")


if __name__ == "__main__":
    main()
