"""How often slices are found where there is nothing to find, and where a small part of the table is twice as bad.

Usage: OMP_NUM_THREADS=1 python studies/slices/run.py [--repeats 200]

Tables of 5,000 rows and 10 columns (six of numbers, four of words). Errors are right or wrong, or squared residuals
of a Gaussian. Planted: a level of a column, a corner of two columns, or a tail of one column, each 3 % of the rows,
whose errors are on average twice those of the others. Found: one of the findings shares at least half of its rows, and
half of theirs, with what was planted. Writes results/slices.csv.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np
import pandas as pd

from luthier.evaluation.slices.looks import find_slices

HERE = Path(__file__).parent
N = 5000
SHARE = 0.03
KINDS = ("wrong 0.05", "wrong 0.1", "wrong 0.2", "wrong 0.3", "squared")
PLANTS = ("nothing", "level", "corner", "tail")


def table(rng):
    """A table whose columns depend on each other a little, as columns do."""
    numbers = rng.normal(size=(N, 6)) + 0.5 * rng.normal(size=(N, 1))
    frame = pd.DataFrame(numbers, columns=[f"x{i}" for i in range(6)])
    for i in range(4):
        frame[f"c{i}"] = rng.choice(list("abcdefgh"), N, p=[0.3, 0.2, 0.15, 0.12, 0.1, 0.06, 0.04, SHARE])
    return frame


def planted(kind, frame):
    """The rows that are twice as bad."""
    if kind == "nothing":
        return np.zeros(N, bool)
    if kind == "level":
        return (frame["c0"] == "h").to_numpy()
    if kind == "tail":
        return (frame["x0"] >= frame["x0"].quantile(1 - SHARE)).to_numpy()
    high = (frame["c1"] == "c").to_numpy()  # 15 % of the rows, of which the upper fifth by x1
    return high & (frame["x1"] >= frame["x1"].quantile(1 - SHARE / 0.15)).to_numpy()


def errors(kind, bad, rng):
    """(N,): right or wrong with the named share, or squared residuals; doubled on the bad rows."""
    factor = np.where(bad, 2.0, 1.0)
    if kind == "squared":
        return factor * rng.normal(size=N) ** 2
    return (rng.random(N) < factor * float(kind.removeprefix("wrong "))).astype(np.float64)


def hit(found, bad, frame):
    """Whether a finding is mostly what was planted."""
    for finding in found.findings:
        inside = finding.rows.mask(frame)
        both = (inside & bad).sum()
        if both >= bad.sum() / 2 and both >= inside.sum() / 2:
            return True
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--plants", default=",".join(PLANTS))
    asked = parser.parse_args()
    rows = []
    for plant in asked.plants.split(","):
        for kind in KINDS:
            reported = hits = n_findings = 0
            begun = time.process_time()
            for repeat in range(asked.repeats):
                rng = np.random.default_rng([PLANTS.index(plant), KINDS.index(kind), repeat])
                frame = table(rng)
                bad = planted(plant, frame)
                found = find_slices(frame, errors(kind, bad, rng), rng=rng)
                reported += bool(found.findings)
                n_findings += len(found.findings)
                hits += hit(found, bad, frame)
            seconds = (time.process_time() - begun) / asked.repeats
            rows.append([plant, kind, asked.repeats, reported / asked.repeats, hits / asked.repeats,
                         n_findings / asked.repeats, round(seconds, 3)])  # fmt: skip
            print(*rows[-1], flush=True)
    with (HERE / "results" / "slices.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["planted", "errors", "runs", "reported", "found", "findings", "cpu_s"], *rows])


if __name__ == "__main__":
    main()
