"""Luthier: hyperparameter tuning you can trust, for the whole life of a model.

The rooms, in the order a model lives: `data` (a table one can vouch for), `space` (what may be tuned), `models` (what
can be fitted), `strategies` (which configuration next), `scoring` (splits, metrics, the out-of-fold table and its
replay), `tuning` (spend a budget), `evaluation` (how far to believe the winner), `registry` and `serving` (a model as
files, and its answers), `monitoring` (watch the answers), `lifecycle` (what
happens next), `checks` (what in the data would flatter a score), `report`
(say it to people). Around them the shell: `executors`, `store`, `api`, `cli`, and the
neighbours' faces: `features`, `sklearn`, `optuna`, `mlflow`, `feast`.

>>> import luthier
>>> run = luthier.tune("churn.csv", target="churn", budget="5m")  # doctest: +SKIP
>>> print(run.score)  # doctest: +SKIP
0.842 [0.825, 0.858] (n=4454)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from luthier.lazily import lazily
from luthier.version import __version__

if TYPE_CHECKING:
    from luthier.api import (
        ComparedStrategies,
        DriftResult,
        Evaluation,
        ModelHistory,
        ModelVersion,
        MonitorResult,
        OptimizeResult,
        Retuned,
        Ticked,
        TunedModel,
        Verification,
        check,
        compare,
        drift,
        evaluate,
        history_of,
        init,
        list_models,
        load,
        monitor,
        optimize,
        promote,
        release,
        retire,
        retune,
        rollback,
        tick,
        tune,
        verify,
    )
    from luthier.errors import LuthierError
    from luthier.tuning.objectives import TrialPruned

__all__ = [
    "ComparedStrategies",
    "DriftResult",
    "Evaluation",
    "LuthierError",
    "ModelHistory",
    "ModelVersion",
    "MonitorResult",
    "OptimizeResult",
    "Retuned",
    "Ticked",
    "TrialPruned",
    "TunedModel",
    "Verification",
    "__version__",
    "check",
    "compare",
    "drift",
    "evaluate",
    "history_of",
    "init",
    "list_models",
    "load",
    "monitor",
    "optimize",
    "promote",
    "release",
    "retire",
    "retune",
    "rollback",
    "tick",
    "tune",
    "verify",
]

__getattr__ = lazily(
    __name__,
    {
        "api": (
            "ComparedStrategies",
            "DriftResult",
            "Evaluation",
            "ModelHistory",
            "ModelVersion",
            "MonitorResult",
            "OptimizeResult",
            "Retuned",
            "Ticked",
            "TunedModel",
            "Verification",
            "check",
            "compare",
            "drift",
            "evaluate",
            "history_of",
            "init",
            "list_models",
            "load",
            "monitor",
            "optimize",
            "promote",
            "release",
            "retire",
            "retune",
            "rollback",
            "tick",
            "tune",
            "verify",
        ),
        "errors": ("LuthierError",),
        "tuning.objectives": ("TrialPruned",),
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
