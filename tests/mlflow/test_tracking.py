"""Studies and releases in MLflow's own client, server and scoring, wherever MLflow is installed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
import pytest

import luthier
from luthier.errors import MissingExtra, TrackerFailed
from luthier.mlflow import log_release, log_study

try:
    import mlflow
except ImportError:
    mlflow = None

needs_mlflow = pytest.mark.skipif(mlflow is None, reason="MLflow needs an environment of its own: see .ci/run")
pytestmark = pytest.mark.filterwarnings("default")  # MLflow's own


@pytest.fixture
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(120, 3)), columns=["a", "b", "c"])
    return frame.assign(sold=np.where(frame.a + rng.normal(0, 0.5, 120) > 0, "yes", "no"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: pd.DataFrame) -> Any:
    monkeypatch.chdir(tmp_path)
    return luthier.tune(rows, "sold", budget="4 trials", models="linear", executor="inline", out="out", final="refit")


@needs_mlflow
def test_a_study_is_there_in_mlflows_own_client(run: Any, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    found = mlflow.MlflowClient(uri).get_run(log_study(run, uri))
    assert found.data.metrics["score"] == run.score.value
    assert found.data.metrics["score_low"] == run.score.low
    assert found.data.params["model"] == "linear"
    client = mlflow.MlflowClient(uri)
    scores = [metric.value for metric in client.get_metric_history(found.info.run_id, "trial_score")]
    assert scores == [trial.score for trial in run.run.trials if trial.score is not None]
    assert {file.path for file in client.list_artifacts(found.info.run_id)} == {"luthier-model", "report.html"}


@needs_mlflow
def test_a_release_is_served_by_mlflow_with_the_same_answers_and_the_same_alias(
    run: Any, tmp_path: Path, rows: pd.DataFrame
) -> None:
    luthier.init()
    luthier.release(run.run.study, name="sales")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    address = log_release("sales", uri)
    assert address == "models:/sales/1"
    version = mlflow.MlflowClient(uri).get_model_version_by_alias("sales", "champion")
    assert version.tags["luthier.version"] == "1"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        address,
        "-p",
        str(port),
        "--env-manager",
        "local",
    ]
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": uri,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with (tmp_path / "served.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    asked = rows.drop(columns="sold").head(20)
    try:
        body = json.dumps({"dataframe_split": asked.to_dict(orient="split")}).encode()
        answers = _asked(f"http://127.0.0.1:{port}/invocations", body)
    finally:
        os.killpg(server.pid, 15)
        server.wait()
    given = pd.DataFrame(answers["predictions"])
    assert given.prediction.tolist() == run.predict(asked).tolist()
    np.testing.assert_allclose(given[["p_no", "p_yes"]], run.predict_proba(asked), rtol=1e-12)


@needs_mlflow
def test_a_dead_server_is_said_and_stops_nothing(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackerFailed, match="did not take it"):
        log_study(run, "http://127.0.0.1:9")
    assert run.model_path.exists()


@pytest.mark.skipif(mlflow is not None, reason="MLflow is installed here")
def test_without_mlflow_the_extra_is_named(run: Any) -> None:
    with pytest.raises(MissingExtra, match="not installed"):
        log_study(run, "http://127.0.0.1:9")


def _asked(address: str, body: bytes) -> Any:
    request = Request(address, data=body, headers={"content-type": "application/json"})
    for _ in range(240):
        try:
            with urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            time.sleep(0.5)
    raise AssertionError("mlflow models serve never answered")
