"""What a request costs: CPU of the whole server, all its processes, for each answer.

    OMP_NUM_THREADS=1 python benchmarks/serving_cost.py [PEERS]

20 mixed columns, LightGBM with 100 rounds, one client that asks again when it has its answer. Bars: one row <= 1 ms and
at least 8 times less than the default servers of MLflow, BentoML and LitServe around the same scikit-learn pipeline in
the same run; 100 rows <= 4 ms; at half the load it can carry, the 99th percentile of the time to an answer <= 5 times
the median.

PEERS is a folder of environments called `mlflow`, `bentoml`, `litserve`, each with that package, scikit-learn, lightgbm
and pandas; those that are not there are left out.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

HERE = Path(__file__).parent / "serving"
sys.path.insert(0, str(HERE))

from table import ROUNDS, made  # noqa: E402

WARM_UP, REQUESTS = 100, 1500
PEER_REQUESTS = 300
BATCH = 100
PATHS = {"mlflow": "/invocations", "bentoml": "/predict", "litserve": "/predict"}
BODIES = {"mlflow": "dataframe_records", "bentoml": "rows", "litserve": "rows"}


def save_model(folder):
    from luthier.data import make_dataset
    from luthier.models import FAMILIES, Facts
    from luthier.registry import pack
    from luthier.scoring import Estimate
    from luthier.store import write_model

    dataset = make_dataset(made(), "y")
    family, facts = FAMILIES["lightgbm"](), Facts.of(dataset)
    config = {**family.default(facts), "n_estimators": ROUNDS}
    files = pack(
        family.fit(config, facts, dataset.X, dataset.y).dump(),
        family=family.name,
        config=config,
        schema=dataset.schema,
        facts=facts,
        metric="log_loss",
        score=Estimate(0.5, 0.4, 0.6, 200),
        study="benchmark",
        fingerprint=dataset.fingerprint,
        trained_on="all",
        created_at_utc="2026-01-01T00:00:00Z",
    )
    write_model(folder, files)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextmanager
def server(command, port, cwd, wait_s=180):
    """A running server; its whole tree ends with the block."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    with (Path(cwd) / "server.log").open("wb") as said:
        process = psutil.Popen(command, cwd=cwd, stdout=said, stderr=said, env=env)
    try:
        until = time.monotonic() + wait_s
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    print((Path(cwd) / "server.log").read_text()[-2000:], file=sys.stderr)
                    raise
                time.sleep(0.2)
        yield process
    finally:
        tree = [process, *process.children(recursive=True)]
        for one in tree:
            one.terminate()
        for one in psutil.wait_procs(tree, timeout=5)[1]:
            one.kill()


def cpu_s(process):
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        times = one.cpu_times()
        total += times.user + times.system
    return total


class Client:
    def __init__(self, port, path, content_type="application/json"):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.path, self.headers = path, {"content-type": content_type}

    def ask(self, body):
        self.connection.request("POST", self.path, body, self.headers)
        reply = self.connection.getresponse()
        said = reply.read()
        assert reply.status == 200, (reply.status, said[:500])
        return said


def asked_until_up(client, body, wait_s=120):
    until = time.monotonic() + wait_s
    while True:
        try:
            return client.ask(body)
        except (AssertionError, OSError, http.client.HTTPException):
            if time.monotonic() > until:
                raise
            client.connection.close()
            time.sleep(0.5)


def cost_ms(process, client, body, n):
    asked_until_up(client, body)
    for _ in range(WARM_UP):
        client.ask(body)
    began = cpu_s(process)
    for _ in range(n):
        client.ask(body)
    return 1000 * (cpu_s(process) - began) / n


def luthier_server(folder, port, *more):
    serve = [sys.executable, "-m", "luthier.cli", "serve", str(Path(folder) / "churn"), "--port", str(port), *more]
    return server(serve, port, folder)


def latency(client, bodies, per_s, n):
    """Seconds to each answer, counted from when it was due, of requests that are due at even intervals."""
    took, start = [], time.perf_counter()
    for k in range(n):
        due = start + k / per_s
        while (now := time.perf_counter()) < due:
            time.sleep(max(0.0, due - now - 2e-4))
        client.ask(bodies[k % len(bodies)])
        took.append(time.perf_counter() - due)
    return np.array(took)


def main():
    rows = made(500).drop(columns="y").to_dict("records")
    one, many = json.dumps(rows[0]).encode(), json.dumps(rows[:BATCH]).encode()
    own = {}
    with tempfile.TemporaryDirectory() as folder:
        save_model(Path(folder) / "churn")
        for promise in ("written", "synced", "queued"):
            with luthier_server(folder, port := free_port(), "--log", promise) as process:
                client = Client(port, "/v1/models/churn/predict")
                own[promise] = cost_ms(process, client, one, REQUESTS)
                print(f"luthier, log {promise:8s} one row   {own[promise]:7.3f} ms CPU")
                if promise == "written":
                    print(f"luthier, log {promise:8s} {BATCH} rows  {cost_ms(process, client, many, 300):7.3f} ms CPU")
                    bodies = [json.dumps(row).encode() for row in rows]
                    began = time.perf_counter()
                    for k in range(REQUESTS):
                        client.ask(bodies[k % len(bodies)])
                    per_s = REQUESTS / (time.perf_counter() - began)
                    took = latency(client, bodies, per_s / 2, REQUESTS)
                    p50, p99 = np.quantile(took, (0.5, 0.99))
                    print(
                        f"half of {per_s:.0f} requests a second: p50 {1000 * p50:.2f} ms, p99 {1000 * p99:.2f} ms, "
                        f"{p99 / p50:.1f} times"
                    )
        for name, path in PATHS.items():
            python = Path(sys.argv[1]) / name / "bin" / "python" if len(sys.argv) > 1 else None
            if python is None or not python.exists():
                print(f"{name}: not there, left out")
                continue
            command = [str(python), str(HERE / f"{name}_server.py"), folder, str(port := free_port())]
            with server(command, port, folder) as process:
                client = Client(port, path)
                single = json.dumps({BODIES[name]: rows[:1]}).encode()
                ms = cost_ms(process, client, single, PEER_REQUESTS)
                several = cost_ms(process, client, json.dumps({BODIES[name]: rows[:BATCH]}).encode(), 100)
                ratio = ms / own["written"]
                print(f"{name:21s} one row   {ms:7.3f} ms CPU, {ratio:.1f} times ours; {BATCH} rows {several:.3f} ms")


if __name__ == "__main__":
    main()
