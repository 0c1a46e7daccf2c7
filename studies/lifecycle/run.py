"""The whole loop with the server and the controller killed again and again: is anything lost, or done twice?

Usage: python studies/lifecycle/run.py [--minutes 4] [--seed 0]

A model is tuned, released and served; clients ask and tell what came true. After a while the world turns round, and
later back. `luthier tick` runs over and over beside it, as from cron. Both are killed (SIGKILL) at random instants and
started again. In the end it is counted: every answer that was acknowledged as logged is in the log once, with its
label where that was acknowledged; the history verifies; and no version was released, promoted or taken back twice.
Writes results.csv, one row a run.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import pandas as pd

import luthier
from luthier.api.resolving import opened_models
from luthier.store.traffic import read_feedback, read_predictions

HERE = Path(__file__).resolve().parent
POLICY = """
[lifecycle]
responses = ["recalibrate", "refit"]
proof = "labels"
least_labels = 300
retunes_per_month = 50
probation_labels = 100000
"""
BATCH = 25


def world(n, seed, turn):
    """Two classes by three columns; `turn` says which way the first decides."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "c": rng.choice(["x", "y"], n)})
    chance = 1 / (1 + np.exp(-2.5 * turn * frame["a"] - 0.5 * frame["b"]))
    return frame.assign(left=np.where(rng.random(n) < chance, "yes", "no"))


class Supervised:
    """A command that is started again whenever it ends, until it is let go."""

    def __init__(self, *words):
        self.words, self.kills, self.starts, self.going = words, 0, 0, True
        self.process = None
        self.codes = Counter()
        self.thread = threading.Thread(target=self._keep, daemon=True)
        self.thread.start()

    def _keep(self):
        while self.going:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "luthier.cli", *self.words],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
            )  # fmt: skip
            self.starts += 1
            _, said = self.process.communicate()
            code = self.process.returncode
            self.codes[code] += 1
            if code not in (0, -signal.SIGKILL, -signal.SIGTERM):
                print(f"{self.words[0]} ended with {code}: {said[-600:]}", flush=True)
            time.sleep(0.1)

    def kill(self):
        """SIGKILL to it and all it started."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.kills += 1

    def end(self):
        """Let it end as it would, and do not start it again."""
        self.going = False
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.thread.join(60)


class Clients:
    """They ask, and tell a little later what came true; whatever is not answered is forgotten, not repeated."""

    def __init__(self, port, turn_at):
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}/v1/models/loop", timeout=5)
        self.turn_at, self.logged, self.told, self.failed, self.round = turn_at, set(), {}, 0, 0

    def once(self, now):
        """A batch of rows, and half a second later their labels."""
        self.round += 1
        turn = -1.0 if self.turn_at[0] <= now < self.turn_at[1] else 1.0
        rows = world(BATCH, 10_000 + self.round, turn)
        try:
            body = self.http.post("/predict", json={"rows": rows.drop(columns="left").to_dict("records")})
            body.raise_for_status()
            answers = body.json()
            ids = [answer["prediction_id"] for answer in answers["predictions"]]
            if answers["logged"]:
                self.logged |= set(ids)
            time.sleep(0.05)
            labels = [{"prediction_id": i, "label": left} for i, left in zip(ids, rows["left"], strict=True)]
            self.http.post("/feedback", json={"feedback": labels}).raise_for_status()
            self.told |= {label["prediction_id"]: label["label"] for label in labels}
        except httpx.HTTPError:
            self.failed += 1
            time.sleep(0.2)


def counted(clients, server, ticker):
    """What came of a run."""
    folder = Path(".luthier/traffic/loop")
    logged, labels = read_predictions(folder)["prediction_id"], read_feedback(folder, corrected=False)
    told = dict(zip(labels["prediction_id"], labels["label"], strict=True))
    with opened_models(None) as opened:
        events = opened.models.events("loop")
    promoted = [e.body["version"] for e in events if e.kind.endswith("promoted")]
    verified = subprocess.run([sys.executable, "-m", "luthier.cli", "verify", "loop"], capture_output=True, check=False)
    history = luthier.history_of("loop")
    return {
        "answers": len(clients.logged), "lost_answers": len(clients.logged - set(logged)),
        "doubled_answers": int(logged.duplicated().sum()),
        "labels": len(clients.told),
        "lost_labels": sum(told.get(i) != label for i, label in clients.told.items()),
        "doubled_labels": int(labels["prediction_id"].duplicated().sum()),
        "server_kills": server.kills, "tick_kills": ticker.kills, "ticks": ticker.starts,
        "unanswered": clients.failed,
        "versions": len(history.versions), "champion": history.champion,
        "promotions": len(promoted),
        "events": " ".join(f"{e.kind.split('.')[-1]}:{e.body.get('version')}" for e in events),
        "verified": verified.returncode == 0,
        "other_ends": str({code: n for code, n in (server.codes + ticker.codes).items() if code not in (0, -9, -15)}),
    }  # fmt: skip


def run(minutes, seed):
    """One run in the current folder."""
    world(1500, 1, 1.0).to_parquet("old.parquet", index=False)
    tuned = luthier.tune("old.parquet", "left", budget="2 trials", models="linear", n_jobs=1, positive="yes")
    Path("luthier.toml").write_text(POLICY)
    luthier.release(tuned.run.study, "loop")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    whole_s, rng = 60 * minutes, random.Random(seed)
    server, ticker = Supervised("serve", "loop", "--port", str(port)), Supervised("tick", "loop")
    clients = Clients(port, (whole_s / 6, 2 * whole_s / 3))
    begun = time.monotonic()
    kill_server, kill_ticker = (begun + 15 * rng.random() + 8 for _ in range(2))
    while (now := time.monotonic() - begun) < whole_s:
        clients.once(now)
        if time.monotonic() > kill_server:
            server.kill()
            kill_server = time.monotonic() + rng.uniform(8, 25)
        if time.monotonic() > kill_ticker:
            ticker.kill()
            kill_ticker = time.monotonic() + rng.uniform(2, 30)
    ticker.end()
    server.end()
    return counted(clients, server, ticker)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=1)
    asked = parser.parse_args()
    rows = []
    for number in range(asked.runs):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            rows.append(
                {"minutes": asked.minutes, "seed": asked.seed + number, **run(asked.minutes, asked.seed + number)}
            )
            os.chdir(HERE)
        print(rows[-1], flush=True)
    with (HERE / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
