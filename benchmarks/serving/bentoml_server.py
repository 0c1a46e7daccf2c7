"""BentoML's default server around the pipeline: `python bentoml_server.py FOLDER PORT`, in BentoML's environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import bentoml
import pandas as pd
from table import made, pipeline


@bentoml.service
class Served:
    def __init__(self) -> None:
        self.model = pipeline(made())

    @bentoml.api
    def predict(self, rows: list[dict]) -> list[list[float]]:
        return self.model.predict_proba(pd.DataFrame(rows)).tolist()


if __name__ == "__main__":
    _, port = sys.argv[1:]
    os.chdir(Path(__file__).parent)
    os.execv(sys.executable, [sys.executable, "-m", "bentoml", "serve", "bentoml_server:Served", "--port", port])
