"""The debiased calibration error and the choice of a recalibrator, where the truth is known.

Usage: OMP_NUM_THREADS=1 python studies/calibration/run.py

True log odds are drawn, labels from them, and predictions are those log odds made too sure or too unsure by a factor
and shifted. Writes results/errors.csv (bias and coverage of the error) and results/choices.csv (what recalibrating did
to the expected log loss, one row a choice).
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np
from scipy.special import expit, logit

from luthier.evaluation.calibration import calibration_error
from luthier.evaluation.recalibrating import choose_recalibrator

HERE = Path(__file__).parent
SIZES = (200, 500, 1000, 2000, 5000, 10_000)
SHAPES = {
    "even": lambda rng, n: rng.random(n),
    "at both ends": lambda rng, n: rng.beta(0.5, 0.5, n),
    "rare": lambda rng, n: rng.beta(1, 15, n),
    "logistic": lambda rng, n: expit(rng.normal(-1, 1.5, n)),
}
FACTORS = (1.0, 0.8, 0.6)


def truth_of(shape, factor, bins=10, n=200_000):
    """The squared error over bins of equal size, in the population."""
    p = np.sort(SHAPES[shape](np.random.default_rng(0), n))
    gap = expit(factor * logit(np.clip(p, 1e-9, 1 - 1e-9))) - p
    return float((gap.reshape(bins, -1).mean(axis=1) ** 2).mean())


def errors(repeats):
    for shape, drawn in SHAPES.items():
        for factor in FACTORS:
            truth = 0.0 if factor == 1.0 else truth_of(shape, factor)
            for n in SIZES:
                rng = np.random.default_rng([n, round(10 * factor), len(shape)])
                found = []
                for _ in range(repeats):
                    p = drawn(rng, n)
                    y = rng.random(n) < expit(factor * logit(np.clip(p, 1e-9, 1 - 1e-9)))
                    found.append(calibration_error(y, p))
                squared = [error.squared for error in found]
                yield {
                    "shape": shape, "factor": factor, "n": n, "repeats": repeats, "truth": truth,
                    "debiased": np.mean([s.value for s in squared]), "plug_in": np.mean([e.plug_in for e in found]),
                    "covers": np.mean([s.low <= truth <= s.high for s in squared]),
                    "called_off": np.mean([e.is_off for e in found]),
                }  # fmt: skip


def choices(repeats):
    far = np.random.default_rng(9).normal(-1, 1.5, 50_000)
    q = expit(far)

    def expected_loss(p):
        p = np.clip(p, 1e-9, 1 - 1e-9)
        return -(q * np.log(p) + (1 - q) * np.log1p(-p))

    for n in (200, 1000, 4000):
        for sure, shift in ((1.0, 0.0), (1.1, 0.0), (1.4, 0.2), (0.7, 0.0)):
            for repeat in range(repeats):
                rng = np.random.default_rng([n, round(10 * sure), repeat])
                z = rng.normal(-1, 1.5, n)
                y = (rng.random(n) < expit(z)).astype(np.int64)
                p = expit(sure * z + shift)[:, None]
                found = choose_recalibrator(y, p, weights=np.ones(n), units=np.arange(n), rng=rng)
                said = expit(sure * far + shift)
                before = expected_loss(said)
                after = before if found.fitted is None else expected_loss(found.fitted.apply(said[:, None])[:, 0])
                yield {
                    "n": n, "sure": sure, "shift": shift, "repeat": repeat, "chosen": found.chosen or "none",
                    "gain": float((before - after).mean()),
                    "se_of_loss": float(np.std(-np.where(y, np.log(p[:, 0]), np.log1p(-p[:, 0])))) / n**0.5,
                }  # fmt: skip


def write(name, rows):
    path = HERE / "results" / name
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--choices", type=int, default=40)
    options = parser.parse_args()
    began = time.process_time()
    found = list(errors(options.repeats))
    write("errors.csv", found)
    perfect = [row for row in found if row["factor"] == 1.0]
    print("perfect: largest |mean debiased error|", max(abs(row["debiased"]) for row in perfect))
    print("perfect: coverage", sorted(round(float(row["covers"]), 4) for row in perfect))
    print("perfect: plug-in at n = 200", [round(float(row["plug_in"]), 4) for row in perfect if row["n"] == 200])
    rest = [row for row in found if row["factor"] != 1.0]
    print("off: coverage", sorted(round(float(row["covers"]), 4) for row in rest))
    print(f"{time.process_time() - began:.0f} CPU seconds so far", flush=True)
    made = list(choices(options.choices))
    write("choices.csv", made)
    shipped = [row for row in made if row["chosen"] != "none"]
    print("choices", len(made), "recalibrated", len(shipped), "worse for it", sum(row["gain"] < 0 for row in shipped))
    print("worst gain in standard errors of the loss", min(row["gain"] / row["se_of_loss"] for row in made))
    for sure in (1.0, 1.1, 1.4, 0.7):
        some = [row for row in made if row["sure"] == sure]
        gained = np.mean([row["gain"] for row in some])
        print("sure", sure, "recalibrated", np.mean([row["chosen"] != "none" for row in some]), "mean gain", gained)
    print(f"{time.process_time() - began:.0f} CPU seconds")


if __name__ == "__main__":
    main()
