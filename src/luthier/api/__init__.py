"""The verbs, wired: the one place where the core meets files, processes, the clock and the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luthier.lazily import lazily

if TYPE_CHECKING:
    from luthier.api.checking import check
    from luthier.api.collecting import collect_objects
    from luthier.api.compared import ComparedStrategies
    from luthier.api.comparing import ComparisonProgress, compare, compare_and_report
    from luthier.api.diagnosis import diagnose
    from luthier.api.drifting import DriftResult, drift
    from luthier.api.evaluating import Evaluation, evaluate
    from luthier.api.optimized import EvaluatedTrial, OptimizeResult
    from luthier.api.optimizing import optimize
    from luthier.api.project import init
    from luthier.api.registered import list_models, promote, retire, rollback, show_model
    from luthier.api.releasing import release, released
    from luthier.api.resolving import Resolved, history_of, resolve
    from luthier.api.result import TunedModel
    from luthier.api.retuning import Retuned, retune
    from luthier.api.saved import load, predict_file
    from luthier.api.studies import find_study, list_studies, order_of, remove_study, show_study
    from luthier.api.ticking import Ticked, tick
    from luthier.api.tuning import tune, tune_and_report
    from luthier.api.verifying import Verification, verify
    from luthier.api.watching import MonitorResult, monitor
    from luthier.registry import ModelHistory, ModelVersion

__all__ = [
    "ComparedStrategies",
    "ComparisonProgress",
    "DriftResult",
    "EvaluatedTrial",
    "Evaluation",
    "ModelHistory",
    "ModelVersion",
    "MonitorResult",
    "OptimizeResult",
    "Resolved",
    "Retuned",
    "Ticked",
    "TunedModel",
    "Verification",
    "check",
    "collect_objects",
    "compare",
    "compare_and_report",
    "diagnose",
    "drift",
    "evaluate",
    "find_study",
    "history_of",
    "init",
    "list_models",
    "list_studies",
    "load",
    "monitor",
    "optimize",
    "order_of",
    "predict_file",
    "promote",
    "release",
    "released",
    "remove_study",
    "resolve",
    "retire",
    "retune",
    "rollback",
    "show_model",
    "show_study",
    "tick",
    "tune",
    "tune_and_report",
    "verify",
]

__getattr__ = lazily(
    __name__,
    {
        "api.checking": ("check",),
        "api.collecting": ("collect_objects",),
        "api.compared": ("ComparedStrategies",),
        "api.comparing": ("ComparisonProgress", "compare", "compare_and_report"),
        "api.diagnosis": ("diagnose",),
        "api.drifting": ("DriftResult", "drift"),
        "api.evaluating": ("Evaluation", "evaluate"),
        "api.optimized": ("EvaluatedTrial", "OptimizeResult"),
        "api.optimizing": ("optimize",),
        "api.project": ("init",),
        "api.registered": ("list_models", "promote", "retire", "rollback", "show_model"),
        "api.releasing": ("release", "released"),
        "api.resolving": ("Resolved", "history_of", "resolve"),
        "api.result": ("TunedModel",),
        "api.retuning": ("Retuned", "retune"),
        "api.saved": ("load", "predict_file"),
        "api.studies": ("find_study", "list_studies", "order_of", "remove_study", "show_study"),
        "api.ticking": ("Ticked", "tick"),
        "api.tuning": ("tune", "tune_and_report"),
        "api.verifying": ("Verification", "verify"),
        "api.watching": ("MonitorResult", "monitor"),
        "registry": ("ModelHistory", "ModelVersion"),
    },
)
