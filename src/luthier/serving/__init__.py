"""Answer a question: a packed model and rows in, labels, probabilities or values out."""

from __future__ import annotations

from luthier.serving.predictor import Predictor

__all__ = ["Predictor"]
