"""Multi-layer perceptron: a small neural network trained by Adam.

Fitted by scikit-learn on standardised columns (a regression target too); kept as weight matrices.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from luthier.models.encoding import SCALINGS, Encoder
from luthier.models.facts import Facts
from luthier.models.family import Config, Files, Fitted, Floats
from luthier.models.files import ARRAYS, Arrays, damaged, read_count, read_document, write_files
from luthier.models.lesson import Lesson, Target, load_constant
from luthier.models.threads import at_most
from luthier.space import Categorical, Float, Int, Parameter, SearchSpace

ACTIVATIONS = ("relu", "tanh")
FEWEST_ROWS = 100
_MOST_LAYERS = 3


@dataclass(frozen=True, slots=True)
class Perceptron:
    """scikit-learn's multi-layer perceptron on standardised numbers and one-hot categories; row weights."""

    name: ClassVar[str] = "mlp"
    input: ClassVar[Literal["matrix", "frame"]] = "matrix"
    path: ClassVar[str | None] = None

    def unsuited(self, facts: Facts) -> str | None:
        """Tables too small to learn thousands of weights from, or too large for one core."""
        if facts.n_rows < FEWEST_ROWS:
            return f"{facts.n_rows} rows are too few for a network of some thousand weights"
        if facts.n_rows * facts.n_encoded > 2e7:
            return f"{facts.n_rows} rows of {facts.n_encoded} encoded columns would take minutes a fit on a processor"
        return None

    def default(self, facts: Facts) -> Config:  # noqa: ARG002  # the library's defaults do not depend on the table
        """Return scikit-learn's defaults: one layer of 100, no early stopping."""
        return {
            "n_layers": 1,
            "width": 100,
            "activation": "relu",
            "alpha": 1e-4,
            "learning_rate_init": 1e-3,
            "batch_size": 200,
            "max_iter": 200,
            "scaling": "standard",
        }

    def space(self, facts: Facts) -> SearchSpace:  # noqa: ARG002  # the same for every table
        """Return the network's shape, its penalty and how it is trained."""
        return SearchSpace(
            (
                Parameter("n_layers", Int(1, _MOST_LAYERS)),
                Parameter("width", Int(16, 256, log=True)),
                Parameter("activation", Categorical(ACTIVATIONS)),
                Parameter("alpha", Float(1e-6, 10.0, log=True)),
                Parameter("learning_rate_init", Float(1e-4, 3e-2, log=True)),
                Parameter("batch_size", Int(32, 512, log=True)),
                Parameter("max_iter", Int(10, 400, log=True)),
                Parameter("scaling", Categorical(SCALINGS)),
            )
        )

    def work(self, config: Config, facts: Facts) -> float:
        """Estimate CPU seconds: epochs times (multiplications of all rows + overhead of each batch)."""
        width = config["width"]
        weights = facts.n_encoded * width + (config["n_layers"] - 1) * width**2 + width * facts.n_outputs
        batches = max(1, facts.n_rows / min(config["batch_size"], facts.n_rows))
        batch = 2.5e-4 * (1 + config["n_layers"]) / 2 + 1.2e-8 * weights
        return float(
            0.01 + 0.25 * config["max_iter"] * (batches * batch + facts.n_rows * (1e-9 * weights + 1e-8 * width))
        )

    def fit(
        self,
        config: Config,
        facts: Facts,
        X: Any,
        y: NDArray[Any],
        *,
        weights: Floats | None = None,
        seed: int = 0,
        threads: int = 1,
    ) -> Fitted:
        """Encode and train."""
        lesson = Lesson.of(facts, X, y, weights, standardise=True)
        if lesson.constant is not None:
            return lesson.constant
        estimator = MLPRegressor if facts.task == "regression" else MLPClassifier
        network = estimator(
            hidden_layer_sizes=(int(config["width"]),) * int(config["n_layers"]),
            activation=str(config["activation"]),
            alpha=float(config["alpha"]),
            learning_rate_init=float(config["learning_rate_init"]),
            batch_size=min(int(config["batch_size"]), len(lesson.X)),
            max_iter=int(config["max_iter"]),
            random_state=seed % 2**32,
        )
        with at_most(threads), warnings.catch_warnings():
            # The number of epochs is a parameter here: stopping at it is what was asked for.
            warnings.simplefilter("ignore", ConvergenceWarning)
            encoder = Encoder.fit(lesson.X, facts, config["scaling"])
            network.fit(encoder.encode(lesson.X), lesson.y, sample_weight=lesson.weights)
        layers = tuple(zip(network.coefs_, network.intercepts_, strict=True))
        return FittedNetwork(encoder, layers, str(config["activation"]), lesson.target)

    def load(self, files: Files) -> Fitted:
        """Read the weight matrices."""
        constant = load_constant(files)
        if constant is not None:
            return constant
        target, arrays, n_layers = Target.from_files(files), Arrays(files), read_count(files, "n_layers")
        encoder, activation = Encoder.from_arrays(arrays), read_document(files).get("activation")
        if activation not in ACTIVATIONS or not 2 <= n_layers <= _MOST_LAYERS + 1:
            raise damaged(ARRAYS, "does not describe a network")
        layers, width = [], encoder.n_columns
        for i in range(n_layers):
            W = arrays.take(f"weights.{i}", "f", 2, width)
            width = W.shape[1]
            layers.append((W, arrays.take(f"bias.{i}", "f", 1, width)))
        if width != (1 if target.task == "regression" or len(target.present) == 2 else len(target.present)):
            raise damaged(ARRAYS, f"holds a network with {width} outputs, which do not fit the target")
        return FittedNetwork(encoder, tuple(layers), activation, target)


@dataclass(frozen=True, slots=True, eq=False)
class FittedNetwork:
    """Encoder and layers of (weights, bias)."""

    encoder: Encoder
    layers: tuple[tuple[Floats, Floats], ...]
    activation: str
    target: Target

    def predict(self, X: Any) -> Floats:
        """Predict (n, k)."""
        Z = self.encoder.encode(X)
        for i, (W, b) in enumerate(self.layers, start=1):
            Z = Z @ W + b
            if i < len(self.layers):
                Z = np.maximum(Z, 0) if self.activation == "relu" else np.tanh(Z)
        return self.target.link(Z)

    def dump(self) -> dict[str, bytes]:
        """Write the layers and the encoder."""
        arrays = dict(self.encoder.arrays())
        for i, (W, b) in enumerate(self.layers):
            arrays[f"weights.{i}"], arrays[f"bias.{i}"] = W, b
        document = {"target": self.target.to_json(), "n_layers": len(self.layers), "activation": self.activation}
        return write_files(document, arrays)
