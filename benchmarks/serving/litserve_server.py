"""LitServe's default server around the pipeline: `python litserve_server.py FOLDER PORT`, in LitServe's environment."""

from __future__ import annotations

import sys

import litserve
import pandas as pd
from table import made, pipeline


class Served(litserve.LitAPI):
    def setup(self, device):  # noqa: ARG002  (the protocol of LitServe)
        self.model = pipeline(made())

    def decode_request(self, request):
        return pd.DataFrame(request["rows"])

    def predict(self, x):
        return self.model.predict_proba(x)

    def encode_response(self, output):
        return {"p": output.tolist()}


if __name__ == "__main__":
    litserve.LitServer(Served(), accelerator="cpu").run(port=int(sys.argv[2]), generate_client_file=False)
