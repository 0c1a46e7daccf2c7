"""CPU seconds of the whole search on a table of 100,000 rows and 20 columns, up to three conditions.

Usage: OMP_NUM_THREADS=1 python studies/slices/large.py
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from luthier.evaluation.slices.looks import find_slices

N = 100_000


def main():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(N, 14)), columns=[f"x{i}" for i in range(14)])
    for i in range(6):
        frame[f"c{i}"] = rng.choice(list("abcdefghij"), N)
    worse = (frame["c0"] == "a") & (frame["x1"] > 0.5)
    errors = (rng.random(N) < np.where(worse, 0.2, 0.1)).astype(float)
    begun = time.process_time()
    found = find_slices(frame, errors, rng=np.random.default_rng(1))
    seconds = time.process_time() - begun
    print(
        f"{seconds:.1f} CPU seconds, {found.n_searched} slices compared; found: {[str(f.rows) for f in found.findings]}"
    )


if __name__ == "__main__":
    main()
