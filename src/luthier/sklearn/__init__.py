"""Luthier as a scikit-learn estimator: `TuneCV`, where `GridSearchCV` or `RandomizedSearchCV` stood."""

from __future__ import annotations

from luthier.sklearn.tune_cv import TuneCV

__all__ = ["TuneCV"]
