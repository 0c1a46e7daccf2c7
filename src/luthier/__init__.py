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

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

_HOMES = {
    "ComparedStrategies": "api",
    "DriftResult": "api",
    "Evaluation": "api",
    "LuthierError": "errors",
    "ModelHistory": "api",
    "ModelVersion": "api",
    "MonitorResult": "api",
    "OptimizeResult": "api",
    "Retuned": "api",
    "Ticked": "api",
    "TrialPruned": "tuning.objectives",
    "TunedModel": "api",
    "Verification": "api",
    "check": "api",
    "compare": "api",
    "drift": "api",
    "evaluate": "api",
    "history_of": "api",
    "init": "api",
    "list_models": "api",
    "load": "api",
    "monitor": "api",
    "optimize": "api",
    "promote": "api",
    "release": "api",
    "retire": "api",
    "retune": "api",
    "rollback": "api",
    "tick": "api",
    "tune": "api",
    "verify": "api",
}


def __getattr__(name: str) -> Any:
    # The verbs bring pandas, scikit-learn and more with them: nobody should pay for that before asking for one.
    if name in _HOMES:
        return getattr(import_module(f"luthier.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'luthier' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
