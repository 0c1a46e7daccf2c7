"""A released model as MLflow serves it: this file is logged as the model's code and run by `mlflow models serve`."""

from __future__ import annotations

from typing import Any

import luthier
import mlflow


class ServedByMLflow(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # MLflow brings no types
    """Answers as `luthier predict` does: column `prediction`, and for classes the probability of each."""

    def load_context(self, context: Any) -> None:
        """Load the model's folder, every file checked against its manifest."""
        self.predictor = luthier.load(context.artifacts["model"])

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, ARG002
        """Answer for every row of a frame."""  # without types: MLflow would read them as a promise about columns
        return self.predictor.answers(model_input)


mlflow.models.set_model(ServedByMLflow())
