"""Random forest: bootstrap-aggregated trees that look at a random part of the features at every split.

Source: Breiman (2001), "Random Forests", Machine Learning 45. Defaults are scikit-learn's; the space follows TabArena
(Erickson et al. 2025).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from luthier.models.averaged_trees import as_float32, feature_share, fitted_trees, load_trees, lowest_share
from luthier.models.facts import Facts
from luthier.models.family import Config, Files, Fitted, Floats
from luthier.models.lesson import Lesson
from luthier.space import Categorical, Float, Int, Parameter, SearchSpace


@dataclass(frozen=True, slots=True)
class RandomForest:
    """scikit-learn's random forest on level codes; missing values are split on as they are; row weights."""

    name: ClassVar[str] = "forest"
    input: ClassVar[Literal["matrix", "frame"]] = "matrix"
    path: ClassVar[str | None] = "n_estimators"

    def unsuited(self, facts: Facts) -> str | None:  # noqa: ARG002  # fits every table
        """Nothing speaks against it."""
        return None

    def default(self, facts: Facts) -> Config:
        """Return scikit-learn's defaults."""
        return {
            "n_estimators": 100,
            "max_features": feature_share(facts),
            "min_samples_leaf": 1,
            "max_samples": 1.0,
            **({} if facts.task == "regression" else {"criterion": "gini"}),
        }

    def space(self, facts: Facts) -> SearchSpace:
        """Return how many trees, how random and how deep."""
        criterion = [] if facts.task == "regression" else [Parameter("criterion", Categorical(("gini", "entropy")))]
        return SearchSpace(
            (
                Parameter("n_estimators", Int(25, 400, log=True)),
                Parameter("max_features", Float(lowest_share(facts), 1.0, log=True)),
                Parameter("min_samples_leaf", Int(1, max(2, min(64, facts.n_rows // 10)), log=True)),
                Parameter("max_samples", Float(0.3, 1.0)),
                *criterion,
            )
        )

    def work(self, config: Config, facts: Facts) -> float:
        """Estimate CPU seconds: trees times levels of depth times rows times candidate features."""
        return trees_work(config, facts, rows=facts.n_rows * config["max_samples"], per_cell=1.8e-8)

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
        """Fit scikit-learn's forest and keep its trees."""
        lesson = Lesson.of(facts, X, y, weights)
        if lesson.constant is not None:
            return lesson.constant
        estimator = RandomForestRegressor if facts.task == "regression" else RandomForestClassifier
        forest = estimator(
            n_estimators=int(config["n_estimators"]),
            max_features=float(config["max_features"]),
            min_samples_leaf=int(config["min_samples_leaf"]),
            max_samples=None if config["max_samples"] >= 1 else float(config["max_samples"]),
            random_state=seed % 2**32,
            n_jobs=threads,
            **({} if facts.task == "regression" else {"criterion": config["criterion"]}),
        )
        forest.fit(as_float32(lesson.X), lesson.y, sample_weight=lesson.weights)
        return fitted_trees(forest, lesson.target, facts)

    def load(self, files: Files) -> Fitted:
        """Read the trees' nodes."""
        return load_trees(files)


def trees_work(config: Config, facts: Facts, rows: float, per_cell: float) -> float:
    """Estimate the CPU seconds of growing trees on `rows` rows; `per_cell` is measured."""
    depth = max(1.0, np.log2(max(2.0, rows / config["min_samples_leaf"])))
    candidates = max(1.0, config["max_features"] * facts.n_features)
    return float(0.01 + config["n_estimators"] * (7e-4 + per_cell * rows * depth * candidates + 4e-8 * rows * depth))
