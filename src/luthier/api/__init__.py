"""The verbs, wired: the one place where the core meets files, processes, the clock and the user."""

from __future__ import annotations

from luthier.api.checking import check
from luthier.api.compared import ComparedStrategies
from luthier.api.comparing import ComparisonProgress, compare, compare_and_report
from luthier.api.diagnosis import diagnose
from luthier.api.drifting import DriftResult, drift
from luthier.api.optimized import EvaluatedTrial, OptimizeResult
from luthier.api.optimizing import optimize
from luthier.api.result import TunedModel
from luthier.api.saved import load, predict_file
from luthier.api.studies import find_study, list_studies, order_of, remove_study, show_study
from luthier.api.tuning import tune, tune_and_report

__all__ = [
    "ComparedStrategies",
    "ComparisonProgress",
    "DriftResult",
    "EvaluatedTrial",
    "OptimizeResult",
    "TunedModel",
    "check",
    "compare",
    "compare_and_report",
    "diagnose",
    "drift",
    "find_study",
    "list_studies",
    "load",
    "optimize",
    "order_of",
    "predict_file",
    "remove_study",
    "show_study",
    "tune",
    "tune_and_report",
]
