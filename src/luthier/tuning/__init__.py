"""Spend a budget on a strategy: which fold of which configuration to run next, and what has been learned so far."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luthier.tuning.budget import Budget, Price, say_seconds
    from luthier.tuning.engine import ALL_ROWS, Engine, Progress, Surroundings
    from luthier.tuning.history import History, Trial
    from luthier.tuning.jobs import Executor, FoldResult, FoldState, Job, Outcome, Work, error_line
    from luthier.tuning.plan import LAG, StudyPlan, seed_of
    from luthier.tuning.racing import PairedRacing
    from luthier.tuning.record import Event, StudyLog, chained, check_chain
    from luthier.tuning.run import TuningRun
    from luthier.tuning.scheduling import Drop, FoldPolicy, FullCV
    from luthier.tuning.side_by_side import SideBySide
    from luthier.tuning.virtual import VirtualStudy
    from luthier.tuning.work import TableWork

__all__ = [
    "ALL_ROWS",
    "LAG",
    "Budget",
    "Drop",
    "Engine",
    "Event",
    "Executor",
    "FoldPolicy",
    "FoldResult",
    "FoldState",
    "FullCV",
    "History",
    "Job",
    "Outcome",
    "PairedRacing",
    "Price",
    "Progress",
    "SideBySide",
    "StudyLog",
    "StudyPlan",
    "Surroundings",
    "TableWork",
    "Trial",
    "TuningRun",
    "VirtualStudy",
    "Work",
    "chained",
    "check_chain",
    "error_line",
    "say_seconds",
    "seed_of",
]

_HOMES = {
    "ALL_ROWS": "engine",
    "Budget": "budget",
    "Drop": "scheduling",
    "Engine": "engine",
    "Event": "record",
    "Executor": "jobs",
    "FoldPolicy": "scheduling",
    "FoldResult": "jobs",
    "FoldState": "jobs",
    "FullCV": "scheduling",
    "History": "history",
    "Job": "jobs",
    "LAG": "plan",
    "Outcome": "jobs",
    "PairedRacing": "racing",
    "Price": "budget",
    "Progress": "engine",
    "SideBySide": "side_by_side",
    "StudyLog": "record",
    "StudyPlan": "plan",
    "Surroundings": "engine",
    "TableWork": "work",
    "Trial": "history",
    "TuningRun": "run",
    "VirtualStudy": "virtual",
    "Work": "jobs",
    "chained": "record",
    "check_chain": "record",
    "error_line": "jobs",
    "say_seconds": "budget",
    "seed_of": "plan",
}


def __getattr__(name: str) -> Any:
    # A store that only reads a record should not wait for the models that the work of a study brings along.
    if name in _HOMES:
        return getattr(import_module(f"luthier.tuning.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'luthier.tuning' has no attribute {name!r}")
