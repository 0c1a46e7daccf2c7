"""Tune every data set of a folder from the command line: does each end in time, with a score and an interval?

    python studies/budgets/run.py ../shared/data 20s --out studies/budgets/results-20s.json

The folder holds Parquet files and a `datasets.json` that names their targets. Whole-process wall time is measured from
outside; start-up is the wall time of the process less the time the run itself accounts for.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from luthier.tuning import Budget


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("budget")
    parser.add_argument("--only", help="names, separated by commas")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    catalogue = json.loads((args.folder / "datasets.json").read_text())["datasets"]
    wanted = args.only.split(",") if args.only else [entry["name"] for entry in catalogue]
    budget_s = Budget.parse(args.budget).limit_s
    allowed = budget_s + max(1.0, 0.02 * budget_s)
    rows = [one(args.folder, entry, args.budget, allowed) for entry in catalogue if entry["name"] in wanted]
    if args.out:
        args.out.write_text(json.dumps({"budget": args.budget, "rows": rows}, indent=1) + "\n")
    bad = [row["dataset"] for row in rows if not row["good"]]
    print(
        f"{len(rows) - len(bad)} of {len(rows)} in time, with a score and an interval; not: {', '.join(bad) or 'none'}"
    )
    return 1 if bad else 0


def one(folder: Path, entry: dict, budget: str, allowed_s: float) -> dict:
    with tempfile.TemporaryDirectory() as box:
        command = [sys.executable, "-m", "luthier.cli", "tune", str((folder / entry["file"]).resolve())]
        command += ["--target", entry["target"], "--metric", entry["metric"], "--budget", budget, "--json"]
        start = time.perf_counter()
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=box)
        wall_s = time.perf_counter() - start
    row = {"dataset": entry["name"], "exit": done.returncode, "wall_s": round(wall_s, 2)}
    if done.returncode == 0:
        body = json.loads(done.stdout)
        row |= {key: body[key] for key in ("metric", "score", "naive_score", "default_score", "trials", "fold_fits")}
        row |= {"elapsed_s": round(body["elapsed_s"], 2), "model": body["best_config"].get("model")}
        row["start_up_s"] = round(wall_s - body["elapsed_s"], 2)
        numbers = (body["score"]["value"], body["score"]["low"], body["score"]["high"])
        row["good"] = body["elapsed_s"] <= allowed_s and all(number is not None for number in numbers)
    else:
        row |= {"good": False, "error": done.stderr[-500:]}
    print(json.dumps({key: row[key] for key in row if key != "score"}), flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main())
