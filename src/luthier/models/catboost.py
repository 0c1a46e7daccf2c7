"""CatBoost: gradient-boosted symmetric trees, strong on categories with many levels. Needs the extra `catboost`.

Source: Prokhorenkova et al. (2018), "CatBoost: unbiased boosting with categorical features", NeurIPS 31.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from luthier.models.averaged_trees import as_float32
from luthier.models.extras import optional
from luthier.models.facts import Facts
from luthier.models.family import Config, Files, Fitted, Floats, prefixes
from luthier.models.files import damaged, read_bytes, read_document, write_files
from luthier.models.lesson import Lesson, Target, load_constant
from luthier.space import Bool, Float, Int, Parameter, SearchSpace

BOOSTER = "booster.cbm"
_LOSS = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}


@dataclass(frozen=True, slots=True)
class CatBoost:
    """Ordered boosting; categories by target statistics, missing values as they are, row weights."""

    name: ClassVar[str] = "catboost"
    input: ClassVar[Literal["matrix", "frame"]] = "matrix"
    path: ClassVar[str | None] = "iterations"

    def unsuited(self, facts: Facts) -> str | None:  # noqa: ARG002  # fits every table
        """Nothing speaks against it."""
        return None

    def default(self, facts: Facts) -> Config:  # noqa: ARG002  # the library's defaults do not depend on the table
        """Return the library's defaults: 1000 rounds at a learning rate of its own choosing."""
        return {
            "iterations": 1000,
            "auto_rate": True,
            "depth": 6,
            "l2_leaf_reg": 3.0,
            "random_strength": 1.0,
            "border_count": 254,
        }

    def space(self, facts: Facts) -> SearchSpace:  # noqa: ARG002  # the same for every table
        """Return what practitioners tune; a learning rate only where the library does not choose it."""
        return SearchSpace(
            (
                Parameter("iterations", Int(32, 2048, log=True)),
                Parameter("auto_rate", Bool()),
                Parameter("learning_rate", Float(0.005, 0.5, log=True), when=(("auto_rate", (False,)),)),
                Parameter("depth", Int(3, 9)),
                Parameter("l2_leaf_reg", Float(0.1, 64.0, log=True)),
                Parameter("random_strength", Float(1e-2, 10.0, log=True)),
                Parameter("border_count", Int(31, 254, log=True)),
            )
        )

    def path_values(self, config: Config, facts: Facts) -> tuple[int, ...]:  # noqa: ARG002  # rounds are rounds
        """Return fewer rounds, down to the fewest of the space."""
        return prefixes(int(config["iterations"]), 32)

    def work(self, config: Config, facts: Facts) -> float:
        """Estimate CPU seconds: trees times levels times cells, categories being dearer."""
        n, p = facts.n_rows, max(1, facts.n_features) + 8 * len(facts.categorical)
        outputs = facts.n_classes if facts.task == "multiclass" else 1
        leaves = 2 ** config["depth"]
        per_tree = 7e-4 * outputs**0.7 + 1.8e-9 * n * p * config["depth"] + 1e-7 * n * outputs
        per_tree += 3e-9 * leaves * p * min(config["border_count"], n) * outputs
        return float(0.05 + 1e-7 * n * p + config["iterations"] * per_tree)

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
        """Fit on numbers and level codes."""
        catboost = optional("catboost")
        lesson = Lesson.of(facts, X, y, weights, standardise=True)
        if lesson.constant is not None:
            return lesson.constant
        columns = tuple(facts.categorical)
        rows = _pool(catboost, lesson.X, columns, label=lesson.y, weight=lesson.weights)
        params = {
            "loss_function": _LOSS[facts.task],
            "iterations": int(config["iterations"]),
            "depth": int(config["depth"]),
            "l2_leaf_reg": float(config["l2_leaf_reg"]),
            "random_strength": float(config["random_strength"]),
            "border_count": int(config["border_count"]),
            "random_seed": seed % 2**31,
            "thread_count": threads,
            "allow_writing_files": False,
            "logging_level": "Silent",
            **({} if config["auto_rate"] else {"learning_rate": float(config["learning_rate"])}),
        }
        booster = catboost.CatBoost(params)
        try:
            booster.fit(rows)
        except catboost.CatBoostError as error:
            if "constant or ignored" not in str(error):
                raise
            return lesson.prior()  # no feature varies in these rows
        # The library stamps its models with the time and a random name: then equal fits would not be equal bytes.
        stamps = booster.get_metadata()
        stamps["train_finish_time"], stamps["model_guid"] = "", ""
        return FittedCatBoost(booster, lesson.target, columns)

    def load(self, files: Files) -> Fitted:
        """Read CatBoost's own binary form."""
        constant = load_constant(files)
        if constant is not None:
            return constant
        catboost = optional("catboost")
        target, categorical = Target.from_files(files), read_document(files).get("categorical")
        if not isinstance(categorical, list) or not all(isinstance(j, int) for j in categorical):
            raise damaged("model.json", "does not list the categorical columns")
        try:
            booster = catboost.CatBoost().load_model(blob=read_bytes(files, BOOSTER))
        except catboost.CatBoostError as error:
            raise damaged(BOOSTER, "is not a CatBoost model") from error
        return FittedCatBoost(booster, target, tuple(categorical))


def _pool(catboost: Any, X: Floats, categorical: tuple[int, ...], **rows: Any) -> Any:
    """Numbers as they are; level codes as words, because CatBoost takes no categories from a float matrix."""
    numeric = [j for j in range(X.shape[1]) if j not in set(categorical)]
    codes = np.where(np.isnan(X[:, categorical]), -1, X[:, categorical]).astype(np.int64)
    data = catboost.FeaturesData(
        num_feature_data=as_float32(X[:, numeric]) if numeric else None,
        cat_feature_data=codes.astype("S").astype(object) if categorical else None,
    )
    return catboost.Pool(data, **rows)


@dataclass(frozen=True, slots=True, eq=False)
class FittedCatBoost:
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
        rows = _pool(optional("catboost"), X, self.categorical)
        threads = 1 if len(X) < 2000 else -1  # below some thousand rows starting threads costs more than they save
        raw = (self.booster.predict(rows, "RawFormulaVal", ntree_end=int(v), thread_count=threads) for v in values)
        return np.stack([self.target.link(np.asarray(scores, dtype=np.float64)) for scores in raw])

    def dump(self) -> dict[str, bytes]:
        """Write the booster in CatBoost's own form, which holds no code."""
        document = {"target": self.target.to_json(), "categorical": list(self.categorical)}
        # The public way to these bytes leads through a file, and the core touches no disk.
        return write_files(document, native={BOOSTER: self.booster._serialize_model()})  # noqa: SLF001
