"""What to try before searching: configurations that together did best on other tables.

Chosen greedily by studies/portfolio from every family's default and random configurations on twelve tables of classes:
the next one is what lowers the mean normalised regret of the best so far most, per square root of its seconds
(portfolios: Xu, Hoos & Leyton-Brown 2010, "Hydra", AAAI; for hyperparameters: Feurer et al. 2022, "Auto-sklearn 2.0",
JMLR 23). On tables that had no part in the choice such a list was better than the defaults at the same seconds. For
regression none was: there are too few tables to learn one from.
"""

from __future__ import annotations

from luthier.models.catalogue import join_config
from luthier.models.facts import Task
from luthier.models.family import Config

# fmt: off
CLASSES: tuple[tuple[str, Config], ...] = (
    ("linear", {"scaling": "standard", "penalty": "l2", "C": 1.0}),
    ("lightgbm", {"n_estimators": 21, "learning_rate": 0.24, "num_leaves": 4, "min_child_samples": 4,
     "feature_fraction": 0.54, "bagging_fraction": 0.98, "lambda_l1": 0.0011, "lambda_l2": 3.9e-06, "max_bin": 60}),
    ("lightgbm", {"n_estimators": 343, "learning_rate": 0.049, "num_leaves": 6, "min_child_samples": 33,
     "feature_fraction": 0.45, "bagging_fraction": 0.83, "lambda_l1": 0.00014, "lambda_l2": 0.0012, "max_bin":
     283}),
    ("extra_trees", {"n_estimators": 62, "max_features": 0.53, "min_samples_leaf": 2, "bootstrap": False,
     "criterion": "gini"}),
    ("mlp", {"n_layers": 2, "width": 73, "activation": "tanh", "alpha": 0.00025, "learning_rate_init": 0.0071,
     "batch_size": 166, "max_iter": 68, "scaling": "normal_scores"}),
)
# fmt: on
"""Families and their configurations for tables of classes, in the order in which they are tried."""


def portfolio(task: Task) -> tuple[tuple[str, Config], ...]:
    """Families and joint configurations to try first, in this order; none where nothing is known.

    They are written for a table of usual size, so some values may lie beyond the limits of a small one's space (see
    `SearchSpace.nearest`).
    """
    return () if task == "regression" else tuple((name, join_config(name, config)) for name, config in CLASSES)
