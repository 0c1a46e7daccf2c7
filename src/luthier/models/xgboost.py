"""XGBoost: gradient-boosted trees grown level by level. Needs the extra `xgboost`.

Source: Chen & Guestrin (2016), "XGBoost: A Scalable Tree Boosting System", KDD. The space follows TabArena's
(Erickson et al. 2025), widened so that the library's defaults lie inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from luthier.models.averaged_trees import as_float32
from luthier.models.booster_files import check_xgboost
from luthier.models.extras import optional
from luthier.models.facts import Facts
from luthier.models.family import Config, Files, Fitted, Floats, prefixes
from luthier.models.files import damaged, read_bytes, read_document, write_files
from luthier.models.lesson import Lesson, Target, load_constant
from luthier.space import Float, Int, Parameter, SearchSpace

BOOSTER = "booster.json"
OFF = 1e-8
"""The low end of a penalty's log scale, told to the library as 0: so "no penalty" is a point of the space."""
_OBJECTIVE = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}


@dataclass(frozen=True, slots=True)
class XGBoost:
    """Gradient boosting on histograms; categories as native splits, missing values as they are, row weights."""

    name: ClassVar[str] = "xgboost"
    input: ClassVar[Literal["matrix", "frame"]] = "matrix"
    path: ClassVar[str | None] = "n_estimators"

    def unsuited(self, facts: Facts) -> str | None:  # noqa: ARG002  # fits every table
        """Nothing speaks against it."""
        return None

    def default(self, facts: Facts) -> Config:  # noqa: ARG002  # the library's defaults do not depend on the table
        """Return the defaults of `XGBClassifier` and `XGBRegressor`."""
        return {
            "n_estimators": 100,
            "learning_rate": 0.3,
            "max_depth": 6,
            "min_child_weight": 1.0,
            "subsample": 1.0,
            "colsample_bytree": 1.0,
            "reg_alpha": OFF,
            "reg_lambda": 1.0,
            "gamma": OFF,
        }

    def space(self, facts: Facts) -> SearchSpace:  # noqa: ARG002  # the same for every table
        """Return what practitioners tune."""
        return SearchSpace(
            (
                Parameter("n_estimators", Int(16, 2048, log=True)),
                Parameter("learning_rate", Float(0.005, 0.5, log=True)),
                Parameter("max_depth", Int(2, 12)),
                Parameter("min_child_weight", Float(1e-3, 64.0, log=True)),
                Parameter("subsample", Float(0.4, 1.0)),
                Parameter("colsample_bytree", Float(0.2, 1.0)),
                Parameter("reg_alpha", Float(OFF, 10.0, log=True)),
                Parameter("reg_lambda", Float(OFF, 100.0, log=True)),
                Parameter("gamma", Float(OFF, 10.0, log=True)),
            )
        )

    def path_values(self, config: Config, facts: Facts) -> tuple[int, ...]:  # noqa: ARG002  # rounds are rounds
        """Return fewer rounds, down to the fewest of the space."""
        return prefixes(int(config["n_estimators"]), 16)

    def work(self, config: Config, facts: Facts) -> float:
        """Estimate CPU seconds: trees times levels times cells, and bins to search in every node."""
        n, p = facts.n_rows, max(1, facts.n_features) * config["colsample_bytree"]
        trees = config["n_estimators"] * (facts.n_classes if facts.task == "multiclass" else 1)
        depth = min(config["max_depth"], np.log2(n + 1))
        nodes = min(2**depth, n / max(1.0, config["min_child_weight"]))
        per_tree = (
            6e-5 + 1e-9 * n * config["subsample"] * p * depth + 5e-9 * nodes * p * min(256, n) + 1.2e-8 * n * depth
        )
        return float(0.01 + 5e-8 * n * facts.n_features + trees * per_tree)

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
        xgboost = optional("xgboost")
        lesson = Lesson.of(facts, X, y, weights, standardise=True)
        if lesson.constant is not None:
            return lesson.constant
        params = {
            "objective": _OBJECTIVE[facts.task],
            "learning_rate": float(config["learning_rate"]),
            "max_depth": int(config["max_depth"]),
            "min_child_weight": float(config["min_child_weight"]),
            "subsample": float(config["subsample"]),
            "colsample_bytree": float(config["colsample_bytree"]),
            "reg_alpha": _penalty(config["reg_alpha"]),
            "reg_lambda": _penalty(config["reg_lambda"]),
            "gamma": _penalty(config["gamma"]),
            "tree_method": "hist",
            "seed": seed % 2**31,
            "nthread": threads,
            "verbosity": 0,
            **({"num_class": len(lesson.target.present)} if facts.task == "multiclass" else {}),
        }
        columns = tuple(facts.categorical)
        data = _matrix(xgboost, lesson.X, columns, threads, label=lesson.y, weight=lesson.weights)
        booster = xgboost.train(params, data, num_boost_round=int(config["n_estimators"]))
        return FittedXGBoost(booster, lesson.target, columns)

    def load(self, files: Files) -> Fitted:
        """Read the booster's JSON."""
        constant = load_constant(files)
        if constant is not None:
            return constant
        xgboost = optional("xgboost")
        target, categorical = Target.from_files(files), read_document(files).get("categorical")
        if not isinstance(categorical, list) or not all(isinstance(j, int) for j in categorical):
            raise damaged("model.json", "does not list the categorical columns")
        try:
            data = read_bytes(files, BOOSTER)
            check_xgboost(data, BOOSTER)
            booster = xgboost.Booster(model_file=bytearray(data))
        except xgboost.core.XGBoostError as error:
            raise damaged(BOOSTER, "is not an XGBoost model") from error
        return FittedXGBoost(booster, target, tuple(categorical))


def _penalty(value: float) -> float:
    return 0.0 if value <= OFF else float(value)


def _matrix(xgboost: Any, X: Floats, categorical: tuple[int, ...], threads: int, **rows: Any) -> Any:
    kinds = ["q"] * X.shape[1]
    for j in categorical:
        kinds[j] = "c"
    return xgboost.DMatrix(as_float32(X), feature_types=kinds, enable_categorical=True, nthread=threads, **rows)


@dataclass(frozen=True, slots=True, eq=False)
class FittedXGBoost:
    """A trained booster."""

    booster: Any
    target: Target
    categorical: tuple[int, ...]

    def predict(self, X: Any) -> Floats:
        """Predict (n, k)."""
        p: Floats = self.predict_path(X, [0])[0]
        return p

    def predict_path(self, X: Any, values: Sequence[int]) -> Floats:
        """Predict (len(values), n, k) after the first `value` rounds each (0: all)."""
        threads = 1 if len(X) < 2000 else 0  # below some thousand rows starting threads costs more than they save
        data = _matrix(optional("xgboost"), X, self.categorical, threads)
        margins = (self.booster.predict(data, iteration_range=(0, int(v)), output_margin=True) for v in values)
        return np.stack([self.target.link(np.asarray(margin, dtype=np.float64)) for margin in margins])

    def dump(self) -> dict[str, bytes]:
        """Write the booster as XGBoost's own JSON."""
        document = {"target": self.target.to_json(), "categorical": list(self.categorical)}
        return write_files(document, native={BOOSTER: bytes(self.booster.save_raw(raw_format="json"))})
