"""MLflow's default server around the pipeline: `python mlflow_server.py FOLDER PORT`, in MLflow's environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import mlflow.sklearn
from table import made, pipeline

if __name__ == "__main__":
    folder, port = sys.argv[1:]
    model = f"{folder}/mlflow-model"
    mlflow.sklearn.save_model(
        pipeline(made()), model, pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle"
    )
    # MLflow starts what is called python and uvicorn on the path.
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    python = [sys.executable, "-m", "mlflow", "models", "serve"]
    os.execv(sys.executable, [*python, "-m", model, "-p", port, "--env-manager", "local"])
