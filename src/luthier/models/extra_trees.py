"""Extremely randomised trees: like a random forest, but thresholds are drawn instead of searched.

Source: Geurts, Ernst & Wehenkel (2006), "Extremely randomized trees", Machine Learning 63. Defaults are scikit-learn's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from luthier.models.averaged_trees import as_float32, feature_share, fitted_trees, load_trees, lowest_share
from luthier.models.facts import Facts
from luthier.models.family import Config, Files, Fitted, Floats
from luthier.models.forest import trees_work
from luthier.models.lesson import Lesson
from luthier.space import Bool, Categorical, Float, Int, Parameter, SearchSpace


@dataclass(frozen=True, slots=True)
class ExtraTrees:
    """scikit-learn's extra trees on level codes; missing values are split on as they are; row weights."""

    name: ClassVar[str] = "extra_trees"
    input: ClassVar[Literal["matrix", "frame"]] = "matrix"
    path: ClassVar[str | None] = "n_estimators"

    def unsuited(self, facts: Facts) -> str | None:  # noqa: ARG002  # fits every table
        """Nothing speaks against it."""
        return None

    def default(self, facts: Facts) -> Config:
        """Return scikit-learn's defaults: every tree sees all rows."""
        return {
            "n_estimators": 100,
            "max_features": feature_share(facts),
            "min_samples_leaf": 1,
            "bootstrap": False,
            **({} if facts.task == "regression" else {"criterion": "gini"}),
        }

    def space(self, facts: Facts) -> SearchSpace:
        """Return how many trees, how random and how deep; the share of rows only where trees see a sample."""
        criterion = [] if facts.task == "regression" else [Parameter("criterion", Categorical(("gini", "entropy")))]
        return SearchSpace(
            (
                Parameter("n_estimators", Int(25, 400, log=True)),
                Parameter("max_features", Float(lowest_share(facts), 1.0, log=True)),
                Parameter("min_samples_leaf", Int(1, max(2, min(64, facts.n_rows // 10)), log=True)),
                Parameter("bootstrap", Bool()),
                Parameter("max_samples", Float(0.3, 1.0), when=(("bootstrap", (True,)),)),
                *criterion,
            )
        )

    def work(self, config: Config, facts: Facts) -> float:
        """Estimate CPU seconds: trees times levels of depth times rows times candidate features."""
        return trees_work(config, facts, rows=facts.n_rows * config.get("max_samples", 1.0), per_cell=4e-9)

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
        """Fit scikit-learn's trees and keep them."""
        lesson = Lesson.of(facts, X, y, weights)
        if lesson.constant is not None:
            return lesson.constant
        share = float(config.get("max_samples", 1.0))
        estimator = ExtraTreesRegressor if facts.task == "regression" else ExtraTreesClassifier
        forest = estimator(
            n_estimators=int(config["n_estimators"]),
            max_features=float(config["max_features"]),
            min_samples_leaf=int(config["min_samples_leaf"]),
            bootstrap=bool(config["bootstrap"]),
            max_samples=share if config["bootstrap"] and share < 1 else None,
            random_state=seed % 2**32,
            n_jobs=threads,
            **({} if facts.task == "regression" else {"criterion": config["criterion"]}),
        )
        forest.fit(as_float32(lesson.X), lesson.y, sample_weight=lesson.weights)
        return fitted_trees(forest, lesson.target, facts)

    def load(self, files: Files) -> Fitted:
        """Read the trees' nodes."""
        return load_trees(files)
