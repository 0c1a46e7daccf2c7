"""The same best slices as the `sliceline` package, and how long both take.

Usage: python studies/slices/against_sliceline.py [--data ../shared/data]

Needs `pip install sliceline` in an environment of its own, whose python is named by --peer (it is asked for its answer
in a process, as its dependencies are not ours). The example is the package's second: squared errors of gradient
boosting on California housing, here in ten quantile bins a column, since `optbinning` would bring a solver with it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split

from luthier.evaluation.slices.bins import binned
from luthier.evaluation.slices.lattice import search, sliceline_score

PEER = """
import json, sys, time, numpy as np
from sliceline.slicefinder import Slicefinder
held = np.load(sys.argv[1])
alpha, k, most = float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
begun = time.process_time()
finder = Slicefinder(alpha=alpha, k=k, max_l=most, min_sup=int(sys.argv[5]), verbose=False)
finder.fit(held["codes"], held["errors"])
print(json.dumps({"cpu_s": time.process_time() - begun, "slices": [
    [[c, int(v)] for c, v in enumerate(found) if v is not None] for found in finder.top_slices_.tolist()],
    "scores": [float(s["slice_score"]) for s in finder.top_slices_statistics_]}))
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--peer", default="python")
    asked = parser.parse_args()
    frame = pd.read_parquet(asked.data / "california.parquet")
    y = frame.pop("median_house_value").to_numpy(float) / 1e5
    X = frame.select_dtypes("number")
    train, test = train_test_split(np.arange(len(y)), random_state=0)
    model = HistGradientBoostingRegressor(random_state=0).fit(X.iloc[train], y[train])
    errors = (y[test] - model.predict(X.iloc[test])) ** 2
    codes = binned(X.iloc[test], resolutions=(10,), fine=()).codes
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "held.npz", codes=codes.astype(np.int64), errors=errors)
        for alpha, min_sup in [(0.95, 1), (0.95, 50), (0.9, 50), (0.6, 50)]:
            settings = [str(alpha), "4", "3", str(min_sup)]
            said = subprocess.run(
                [asked.peer, "-W", "ignore", "-c", PEER, str(Path(folder) / "held.npz"), *settings],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            theirs = json.loads(said.stdout)
            begun = time.process_time()
            ours = search(codes, errors, sliceline_score(errors, alpha), n_best=4, min_size=min_sup, max_level=3)
            seconds = time.process_time() - begun
            mine = [[[c, b] for c, b in zip(f.columns, f.bins, strict=True)] for f in ours.best[:4]]
            print(f"alpha {alpha}, at least {min_sup} rows: best slice the same: {mine[:1] == theirs['slices'][:1]}; "
                  f"scores of the best four: ours {[round(f.score, 4) for f in ours.best[:4]]}, "
                  f"theirs {[round(s, 4) for s in theirs['scores']]}; "
                  f"CPU {seconds:.2f} s against {theirs['cpu_s']:.2f} s")  # fmt: skip


if __name__ == "__main__":
    main()
