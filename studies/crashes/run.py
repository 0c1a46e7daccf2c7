"""Kill -9 a running study at random instants, again and again, and look at what is left.

    python studies/crashes/run.py --kills 300 --out studies/crashes/results.json

Half of the kills hit the process that runs the study, half one of its workers. After every kill of the engine: no
process of it is left, the store opens, the chain of events holds, the predictions of every
acknowledged fold match their digests, and no fold acknowledged before the kill is missing. The next round is the same
command, which takes the study up. A kill of a worker must not end the study.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from luthier.store import Store

CHILD = """
import sys
import luthier
from sklearn.datasets import load_breast_cancer

frame = load_breast_cancer(as_frame=True).frame

def tell(progress):
    print(progress.study, progress.history.n_fold_fits, flush=True)

models, seed = "lightgbm,linear", int(sys.argv[1])
luthier.tune(frame, "target", budget="25 trials", models=models, n_jobs=2, seed=seed, on_progress=tell)
print("ended", flush=True)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    tally = {
        "engine_kills": 0,
        "worker_kills": 0,
        "studies_ended": 0,
        "folds_lost": 0,
        "unreadable": 0,
        "gone_after_3_s": 0,
        "left_behind": 0,
    }
    study_seed, kills, uptime = 0, 0, 4.0
    with tempfile.TemporaryDirectory() as box:
        while kills < args.kills:
            child = subprocess.Popen(
                [sys.executable, "-c", CHILD, str(study_seed)], cwd=box, stdout=subprocess.PIPE, text=True
            )
            started, lines = time.monotonic(), []
            family: list[psutil.Process] = []
            target = rng.choice(("engine", "worker"))
            first = child.stdout.readline()  # the study is open: from here on the instants count
            lines.append(first)
            time.sleep(rng.uniform(0.0, uptime))
            family = descendants(child.pid)
            if child.poll() is None:
                if target == "engine":
                    child.kill()
                    tally["engine_kills"] += 1
                    kills += 1
                elif family:
                    victim = rng.choice(family)
                    try:
                        victim.kill()
                    except psutil.NoSuchProcess:
                        pass
                    else:
                        tally["worker_kills"] += 1
                        kills += 1
            lines += child.stdout.readlines()
            child.wait(timeout=300)
            _, slow = psutil.wait_procs(family, timeout=3.0)
            _, alive = psutil.wait_procs(slow, timeout=30.0)
            tally["gone_after_3_s"] += len(slow) - len(alive)
            tally["left_behind"] += len(alive)
            ended = any(line.startswith("ended") for line in lines)
            check(Path(box) / ".luthier", lines, tally)
            if ended:
                tally["studies_ended"] += 1
                study_seed += 1
            elif target == "worker":
                print(f"a worker kill ended the study: {lines[-3:]}", flush=True)
                tally["studies_failed"] = tally.get("studies_failed", 0) + 1
            if kills % 20 == 0:
                print(kills, tally, f"{time.monotonic() - started:.1f}s", flush=True)
    print(json.dumps(tally))
    if args.out:
        args.out.write_text(json.dumps({"kills": kills, **tally}, indent=1) + "\n")
    bad = tally["folds_lost"] + tally["unreadable"] + tally["left_behind"] + tally.get("studies_failed", 0)
    return 1 if bad else 0


def descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def check(folder: Path, lines: list[str], tally: dict) -> None:
    """Everything acknowledged is there, and what is there is sound."""
    acknowledged: dict[str, int] = {}
    for line in lines:
        words = line.split()
        if len(words) == 2:
            acknowledged[words[0]] = int(words[1])
    try:
        with Store.open(folder, create=False) as store:
            for study, promised in acknowledged.items():
                log = store.load(study)
                events = log.events()
                plan = store.plan_of(study)
                done = [e for e in events if e.kind == "fold.finished" and e.body["state"] == "DONE"]
                log.check_predictions(events, plan["facts"]["slab_starts"])
                tally["folds_lost"] += max(0, promised - len(done))
    except Exception as error:
        print(f"unreadable: {error}", flush=True)
        tally["unreadable"] += 1


if __name__ == "__main__":
    sys.exit(main())
