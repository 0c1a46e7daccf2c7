"""Linear models: logistic regression, ridge, lasso and elastic net.

Numbers are standardised and categories one-hot encoded inside the fit. Defaults are those of scikit-learn's
`LogisticRegression` (L2, C = 1) and `Ridge` (alpha = 1).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

from luthier.models.encoding import SCALINGS, Encoder
from luthier.models.facts import Facts
from luthier.models.family import Config, Files, Fitted, Floats
from luthier.models.files import ARRAYS, Arrays, damaged, write_files
from luthier.models.lesson import Lesson, Target, load_constant
from luthier.models.sparse_logistic import fit_sparse_logistic
from luthier.models.threads import at_most
from luthier.space import Categorical, Float, Parameter, SearchSpace

_SPARSE = ("l1", "elasticnet")


@dataclass(frozen=True, slots=True)
class Linear:
    """Logistic regression for classes, penalised least squares for numbers; row weights."""

    name: ClassVar[str] = "linear"
    input: ClassVar[Literal["matrix", "frame"]] = "matrix"
    path: ClassVar[str | None] = None

    def unsuited(self, facts: Facts) -> str | None:
        """Tables so wide that one fit would take minutes."""
        if facts.n_rows * facts.n_encoded > 5e8:
            return f"{facts.n_rows} rows of {facts.n_encoded} encoded columns are too many for dense linear algebra"
        return None

    def default(self, facts: Facts) -> Config:
        """Return scikit-learn's defaults."""
        return {
            "scaling": "standard",
            "penalty": "l2",
            **({"alpha": 1.0} if facts.task == "regression" else {"C": 1.0}),
        }

    def space(self, facts: Facts) -> SearchSpace:
        """Return scaling, kind and strength of the penalty.

        `alpha` weighs the penalty against the sum of squared errors (as in `Ridge`), `lasso_alpha` against half their
        mean (as in `ElasticNet`), both with a target of deviation 1; `C` is the inverse, as in `LogisticRegression`.
        """
        scaling = Parameter("scaling", Categorical(SCALINGS))
        penalty = Parameter("penalty", Categorical(("l2", *_SPARSE)))
        mixed = Parameter("l1_ratio", Float(0.05, 0.95), when=(("penalty", ("elasticnet",)),))
        if facts.task == "regression":
            strength = (
                Parameter("alpha", Float(1e-3, 1e4, log=True), when=(("penalty", ("l2",)),)),
                Parameter("lasso_alpha", Float(1e-5, 1.0, log=True), when=(("penalty", _SPARSE),)),
            )
            return SearchSpace((scaling, penalty, *strength, mixed))
        return SearchSpace((scaling, penalty, Parameter("C", Float(1e-4, 1e3, log=True)), mixed))

    def work(self, config: Config, facts: Facts) -> float:
        """Estimate CPU seconds: passes over the encoded matrix."""
        cells, p = facts.n_rows * facts.n_encoded, facts.n_encoded
        encode = 0.003 + 1.2e-8 * cells * (6 if config["scaling"] == "normal_scores" else 1)
        if facts.task == "regression":
            return encode + 2e-10 * cells * min(p, facts.n_rows) + 2e-9 * cells
        steps = (15 if config["penalty"] == "l2" else 40) * (1 + np.log10(max(1.0, config["C"])) / 3)
        return float(encode + 0.002 + steps * facts.n_outputs**0.8 * (6e-10 * cells + 2e-8 * facts.n_rows))

    def fit(
        self,
        config: Config,
        facts: Facts,
        X: Any,
        y: NDArray[Any],
        *,
        weights: Floats | None = None,
        seed: int = 0,  # noqa: ARG002  # nothing here is random
        threads: int = 1,
    ) -> Fitted:
        """Encode and fit; a regression target is standardised."""
        lesson = Lesson.of(facts, X, y, weights, standardise=True)
        if lesson.constant is not None:
            return lesson.constant
        with at_most(threads):
            encoder = Encoder.fit(lesson.X, facts, config["scaling"])
            E = encoder.encode(lesson.X)
            coef, intercept = (
                _regress(config, E, lesson) if facts.task == "regression" else _classify(config, E, lesson)
            )
        return FittedLinear(encoder, coef, intercept, lesson.target)

    def load(self, files: Files) -> Fitted:
        """Read coefficients and encoder."""
        constant = load_constant(files)
        if constant is not None:
            return constant
        arrays = Arrays(files)
        encoder = Encoder.from_arrays(arrays)
        coef = arrays.take("coef", "f", 2, encoder.n_columns)
        target = Target.from_files(files)
        if coef.shape[1] != (1 if target.task == "regression" or len(target.present) == 2 else len(target.present)):
            raise damaged(ARRAYS, f"holds coefficients of shape {coef.shape}, which do not fit the target")
        return FittedLinear(encoder, coef, arrays.take("intercept", "f", 1, coef.shape[1]), target)


def _classify(config: Config, E: Floats, lesson: Lesson) -> tuple[Floats, Floats]:
    if config["penalty"] == "l2":
        # 1000 steps instead of the library's 100: the same model, but reached also where the penalty is weak.
        model = LogisticRegression(C=float(config["C"]), max_iter=1000)
        _quietly(model, E, lesson)
        return np.ascontiguousarray(model.coef_.T), model.intercept_
    l1_ratio = 1.0 if config["penalty"] == "l1" else float(config["l1_ratio"])
    n_classes = len(lesson.target.present)
    return fit_sparse_logistic(
        E, lesson.y, lesson.weights, n_classes=n_classes, C=float(config["C"]), l1_ratio=l1_ratio
    )


def _regress(config: Config, E: Floats, lesson: Lesson) -> tuple[Floats, Floats]:
    if config["penalty"] == "l2":
        model = Ridge(alpha=float(config["alpha"]))
    else:
        l1_ratio = 1.0 if config["penalty"] == "l1" else float(config["l1_ratio"])
        # With more rows than columns the Gram matrix makes every sweep independent of the number of rows.
        gram = E.shape[0] > E.shape[1]
        model = ElasticNet(alpha=float(config["lasso_alpha"]), l1_ratio=l1_ratio, precompute=gram, max_iter=2000)
    _quietly(model, E, lesson)
    return model.coef_.reshape(-1, 1), np.array([model.intercept_], dtype=np.float64)


def _quietly(model: Any, E: Floats, lesson: Lesson) -> None:
    with warnings.catch_warnings():
        # A configuration that has not quite converged is judged by its score like any other.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(E, lesson.y, sample_weight=lesson.weights)


@dataclass(frozen=True, slots=True, eq=False)
class FittedLinear:
    """Encoder, coefficients (p, m) and intercepts (m,)."""

    encoder: Encoder
    coef: Floats
    intercept: Floats
    target: Target

    def predict(self, X: Any) -> Floats:
        """Predict (n, k)."""
        return self.target.link(self.encoder.encode(X) @ self.coef + self.intercept)

    def dump(self) -> dict[str, bytes]:
        """Write coefficients and encoder."""
        arrays = {**self.encoder.arrays(), "coef": self.coef, "intercept": self.intercept}
        return write_files({"target": self.target.to_json()}, arrays)
