"""Answer a question: a packed model and rows in, labels, probabilities or values out.

`predictor` is a loaded model, `rows` reads what a request brings, `golden` proves the path without frames before
`served`, a model under its name and version, takes it.
"""

from __future__ import annotations

from luthier.serving.predictor import Predictor
from luthier.serving.rows import Problem, ReadRows
from luthier.serving.served import Answer, ServedModel, class_name

__all__ = ["Answer", "Predictor", "Problem", "ReadRows", "ServedModel", "class_name"]
