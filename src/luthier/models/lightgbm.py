"""LightGBM: gradient-boosted trees, the family to try first on most tables.

Source: Ke et al. (2017), "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 30. The space follows
the one of TabArena (Erickson et al. 2025), widened so that the library's defaults lie inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from luthier.models.booster_files import check_lightgbm
from luthier.models.facts import Facts
from luthier.models.family import Config, Files, Fitted, Floats, prefixes
from luthier.models.files import damaged, read_bytes, read_count, write_files
from luthier.models.lesson import Lesson, Target, load_constant
from luthier.space import Float, Int, Parameter, SearchSpace

BOOSTER = "booster.txt"
OFF = 1e-8
"""The low end of the penalties' log scale, told to the library as 0: so "no penalty" is a point of the space."""
_OBJECTIVE = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}


@dataclass(frozen=True, slots=True)
class LightGBM:
    """Gradient boosting on histograms; categories as native splits, missing values as they are, row weights."""

    name: ClassVar[str] = "lightgbm"
    input: ClassVar[Literal["matrix", "frame"]] = "matrix"
    path: ClassVar[str | None] = "n_estimators"

    def unsuited(self, facts: Facts) -> str | None:  # noqa: ARG002  # fits every table
        """Nothing speaks against it."""
        return None

    def default(self, facts: Facts) -> Config:  # noqa: ARG002  # the library's defaults do not depend on the table
        """Return the library's defaults."""
        return {
            "n_estimators": 100,
            "learning_rate": 0.1,
            "num_leaves": 31,
            "min_child_samples": 20,
            "feature_fraction": 1.0,
            "bagging_fraction": 1.0,
            "lambda_l1": OFF,
            "lambda_l2": OFF,
            "max_bin": 255,
        }

    def space(self, facts: Facts) -> SearchSpace:
        """Return what practitioners tune; leaves and leaf sizes no larger than the table can fill."""
        return SearchSpace(
            (
                Parameter("n_estimators", Int(16, 2048, log=True)),
                Parameter("learning_rate", Float(0.005, 0.5, log=True)),
                Parameter("num_leaves", Int(3, max(31, min(512, facts.n_rows // 4)), log=True)),
                Parameter("min_child_samples", Int(1, max(20, min(256, facts.n_rows // 10)), log=True)),
                Parameter("feature_fraction", Float(0.2, 1.0)),
                Parameter("bagging_fraction", Float(0.4, 1.0)),
                Parameter("lambda_l1", Float(OFF, 10.0, log=True)),
                Parameter("lambda_l2", Float(OFF, 100.0, log=True)),
                Parameter("max_bin", Int(31, 511, log=True)),
            )
        )

    def path_values(self, config: Config, facts: Facts) -> tuple[int, ...]:  # noqa: ARG002  # rounds are rounds
        """Return fewer rounds, down to the fewest of the space."""
        return prefixes(int(config["n_estimators"]), 16)

    def work(self, config: Config, facts: Facts) -> float:
        """Estimate CPU seconds: trees times (rows through the histograms + leaves times bins to search)."""
        n, p = facts.n_rows, max(1, facts.n_features) * config["feature_fraction"]
        trees = config["n_estimators"] * (facts.n_classes if facts.task == "multiclass" else 1)
        leaves = max(2, min(config["num_leaves"], n // max(1, config["min_child_samples"])))
        rows = n * config["bagging_fraction"] * np.log2(leaves + 1)
        per_tree = (
            2.0e-5 + 4e-8 * n + 7e-10 * rows * p + 6e-9 * leaves * p * min(config["max_bin"], n) + 1.5e-6 * leaves
        )
        return float(0.005 + 2e-8 * n * facts.n_features + trees * per_tree)

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
        """Fit by the native interface, on arrays."""
        import lightgbm

        lesson = Lesson.of(facts, X, y, weights, standardise=True)
        if lesson.constant is not None:
            return lesson.constant
        params = self._params(config, facts, seed, threads)
        if facts.task == "multiclass":
            params["num_class"] = len(lesson.target.present)
        data = lightgbm.Dataset(
            lesson.X,
            lesson.y,
            weight=lesson.weights,
            categorical_feature=list(facts.categorical),
            params=params,
            free_raw_data=True,
        )
        booster = lightgbm.train(params, data, num_boost_round=int(config["n_estimators"]))
        # The text that we keep is the model: predicting from it, here and after loading, is the same arithmetic.
        return FittedLightGBM(booster, lesson.target, facts.n_features)

    def load(self, files: Files) -> Fitted:
        """Read the booster's text."""
        constant = load_constant(files)
        if constant is not None:
            return constant
        import lightgbm

        target, n_features = Target.from_files(files), read_count(files, "n_features")
        try:
            text = read_bytes(files, BOOSTER).decode()
            check_lightgbm(text, n_features, BOOSTER)
            booster = lightgbm.Booster(model_str=text)
        except (ValueError, lightgbm.basic.LightGBMError) as error:
            raise damaged(BOOSTER, "is not a LightGBM model") from error
        if booster.num_feature() != n_features:
            raise damaged(BOOSTER, f"takes {booster.num_feature()} features, its description says {n_features}")
        return FittedLightGBM(booster, target, n_features)

    def _params(self, config: Config, facts: Facts, seed: int, threads: int) -> dict[str, Any]:
        bagging = float(config["bagging_fraction"])
        return {
            "objective": _OBJECTIVE[facts.task],
            "learning_rate": float(config["learning_rate"]),
            "num_leaves": int(config["num_leaves"]),
            "min_data_in_leaf": int(config["min_child_samples"]),
            "feature_fraction": float(config["feature_fraction"]),
            "bagging_fraction": bagging,
            "bagging_freq": 1 if bagging < 1 else 0,
            "lambda_l1": _penalty(config["lambda_l1"]),
            "lambda_l2": _penalty(config["lambda_l2"]),
            "max_bin": int(config["max_bin"]),
            "seed": seed % 2**31,
            "num_threads": threads,
            # Sums in a fixed order: the same model whatever the number of threads; the layout is chosen rather than
            # timed on every fit, which would cost time and depend on the machine.
            "deterministic": True,
            "force_col_wise": True,
            "verbosity": -1,
        }


def _penalty(value: float) -> float:
    return 0.0 if value <= OFF else float(value)


@dataclass(frozen=True, slots=True, eq=False)
class FittedLightGBM:
    """A trained booster."""

    booster: Any
    target: Target
    n_features: int

    def predict(self, X: Any) -> Floats:
        """Predict (n, k)."""
        return self.target.link(self._raw(X, 0, -1))

    def predict_path(self, X: Any, values: Sequence[int]) -> Floats:
        """Predict (len(values), n, k) after the first `value` rounds each; every tree is visited once."""
        order = np.argsort(values, kind="stable")
        total: Floats | float = 0.0
        done, by_value = 0, {}
        for value in (int(values[i]) for i in order):
            if value > done:
                total = total + self._raw(X, done, value - done)
                done = value
            by_value[value] = self.target.link(np.asarray(total))
        return np.stack([by_value[int(value)] for value in values])

    def dump(self) -> dict[str, bytes]:
        """Write the booster as LightGBM's own text."""
        document: Mapping[str, Any] = {"target": self.target.to_json(), "n_features": self.n_features}
        return write_files(document, native={BOOSTER: self.booster.model_to_string().encode()})

    def _raw(self, X: Floats, start: int, count: int) -> Floats:
        # Below some thousand rows starting threads costs more than they save.
        one = {"num_threads": 1} if len(X) < 2000 else {}
        raw = self.booster.predict(X, start_iteration=start, num_iteration=count, raw_score=True, **one)
        return np.asarray(raw, dtype=np.float64)
