"""scikit-learn's own suite for estimators, run on TuneCV around a classifier, a regressor and others."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from luthier.sklearn import TuneCV

QUICK: dict[str, Any] = {"budget": "2 trials", "cv": 2, "n_replays": 50, "random_state": 0}

SUBJECTS = [
    TuneCV(LogisticRegression(), {"C": (0.1, 10.0, "log")}, **QUICK),
    TuneCV(Ridge(), {"alpha": [0.1, 1.0]}, strategy="grid", cv=2, n_replays=50, random_state=0),
    TuneCV(DecisionTreeClassifier(random_state=0), {"max_depth": (1, 4)}, error_score="raise", **QUICK),
]


# What TuneCV says when a check hands it broken rows or five rows of a class is part of the answer, not a fault.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:in . of . folds:UserWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
@parametrize_with_checks(SUBJECTS)  # type: ignore[untyped-decorator]
def test_scikit_learn_finds_nothing_to_complain_about(estimator: Any, check: Any) -> None:
    check(estimator)
