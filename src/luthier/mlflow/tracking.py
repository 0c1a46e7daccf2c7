"""What a study found and what was released, written to an MLflow server.

Everything is sent when the study is over and its model saved, in batches: a server that is slow or dead costs the
search nothing, and no result depends on it.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from luthier.api import TunedModel, history_of, load, resolve
from luthier.errors import MissingExtra, TrackerFailed, UnknownModel

EXPERIMENT = "luthier"
_BATCH = 1000
"""MLflow's own limit for the metrics of one request."""
_PARAMS = 100
_WAIT_S = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


def log_study(run: TunedModel, uri: str, *, experiment: str = EXPERIMENT) -> str:
    """Write a finished study to an MLflow server.

    Parameters
    ----------
    run
        What `luthier.tune` returned.
    uri
        Of the server, such as "http://127.0.0.1:5000", or "sqlite:///mlflow.db".
    experiment
        Its name there; made when there is none.

    Returns
    -------
    str
        The id of MLflow's run: the configuration as parameters; `score` with `score_low` and `score_high`,
        `naive_score` and `default_score` as metrics; `trial_score`, one a step; the model's folder and the report as
        artifacts.

    Raises
    ------
    TrackerFailed
        The server does not answer, or refuses.
    MissingExtra
        MLflow is not installed.
    """
    with _client(uri) as client:
        from mlflow.entities import Metric, Param, RunTag

        started = client.create_run(_experiment(client, experiment), run_name=run.run.study)
        body, now = run.to_json(), int(time.time() * 1000)
        single = {
            "score": run.score.value,
            "score_low": run.score.low,
            "score_high": run.score.high,
            "score_n": float(run.score.n),
            "naive_score": run.naive_score,
            "default_score": math.nan if run.default_score is None else run.default_score.value,
            "elapsed_s": run.run.spent_s,
        }
        metrics = [Metric(name, value, now, 0) for name, value in single.items() if math.isfinite(value)]
        metrics += [
            Metric("trial_score", trial.score, now, trial.number)
            for trial in run.run.trials
            if trial.score is not None and math.isfinite(trial.score)
        ]
        said = {key: body[key] for key in ("dataset", "task", "metric", "strategy")} | run.best_config
        params = [Param(_plain(name), str(value)[:6000]) for name, value in said.items()]
        tags = [RunTag("luthier.study", run.run.study), RunTag("luthier.metric", str(body["metric"]))]
        for first in range(0, len(params), _PARAMS):
            client.log_batch(started.info.run_id, params=params[first : first + _PARAMS])
        for first in range(0, len(metrics), _BATCH):
            client.log_batch(started.info.run_id, metrics=metrics[first : first + _BATCH], tags=tags)
        if run.model_path is not None:
            client.log_artifacts(started.info.run_id, str(run.model_path), "luthier-model")
            report = run.model_path.parent / "report.html"
            if report.is_file():
                client.log_artifact(started.info.run_id, str(report))
        client.set_terminated(started.info.run_id)
        return str(started.info.run_id)


def log_release(model: str, uri: str, *, experiment: str = EXPERIMENT) -> str:
    """Register a released version with an MLflow server, which can then serve it; its aliases go with it.

    Parameters
    ----------
    model
        "churn", "churn@challenger" or "churn@3".
    uri, experiment
        As for `log_study`.

    Returns
    -------
    str
        The model's address there, "models:/churn/1". The version's tag `luthier.version` is our own number.

    Raises
    ------
    UnknownModel
        Nothing of that name is released.
    TrackerFailed, MissingExtra
        As `log_study`.
    """
    found = resolve(model)
    if found.name is None or found.version is None:
        raise UnknownModel(f"{model!r} was not released", fix="luthier release STUDY --name NAME")
    manifest, history = load(found.folder).manifest, history_of(found.name)
    with _client(uri) as client, as_file(files("luthier.mlflow") / "served.py") as code:
        import mlflow

        mlflow.set_tracking_uri(uri)
        with mlflow.start_run(experiment_id=_experiment(client, experiment), run_name=f"{found.name}@{found.version}"):
            logged = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(code),
                artifacts={"model": str(Path(found.folder).absolute())},
                registered_model_name=found.name,
                pip_requirements=[
                    f"{name}=={version}" for name, version in manifest.libraries.items() if name != "python"
                ],
            )
            score = manifest.score
            mlflow.log_metrics({"score": score.value, "score_low": score.low, "score_high": score.high})
            mlflow.set_tags({"luthier.study": manifest.study, "luthier.metric": manifest.metric})
        version = str(logged.registered_model_version)
        client.set_model_version_tag(found.name, version, "luthier.version", str(found.version))
        client.set_model_version_tag(found.name, version, "luthier.digest", str(found.digest))
        for alias, held in history.aliases.items():
            if held == found.version:
                client.set_registered_model_alias(found.name, alias, version)
        return f"models:/{found.name}/{version}"


@contextmanager
def _client(uri: str) -> Iterator[Any]:
    """A client of the server, whose failures become ours."""
    for name, value in _WAIT_S.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow.exceptions import MlflowException

        from mlflow import MlflowClient
    except ImportError as error:
        raise MissingExtra("MLflow is not installed here", fix="pip install 'luthier[mlflow]'") from error
    try:
        yield MlflowClient(tracking_uri=uri)
    except (MlflowException, OSError) as error:
        raise TrackerFailed(
            f"the MLflow server at {uri} did not take it: {str(error).splitlines()[0][:200]}",
            fix="look whether it runs; the study and its model are saved here and can be logged again",
        ) from error


def _experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def _plain(name: str) -> str:
    """A name as MLflow takes it."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)[:250]
