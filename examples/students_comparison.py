"""Does a clever search beat luck? A student lets strategies search the same table, fairly, and reads who won.

    python examples/students_comparison.py [--budget 30s] [--repeats 3]

The table, measurements of breast tumours, ships with scikit-learn. Every strategy has the same folds, the same default
to start from and the same time on a clock of its own, under several seeds: with one run each nobody could tell skill
from luck. The page that is written shows the curves; what is printed is the one sentence that they come to.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sklearn.datasets import load_breast_cancer

import luthier

STRATEGIES = ("random", "sobol", "tpe", "gp")


def main(budget: str = "30s", repeats: int = 3, out: str = "comparison") -> luthier.ComparedStrategies:
    """Run the example."""
    frame = load_breast_cancer(as_frame=True).frame
    found = luthier.compare(
        frame, "target", strategies=STRATEGIES, budget=budget, repeats=repeats, models="lightgbm", out=out
    )
    print("\n".join(found.summary()))
    print(f"\nthe curves: {Path(out) / 'comparison.html'}")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", default="30s")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", default="comparison")
    main(**vars(parser.parse_args()))
