"""Spend a budget on a strategy: which fold of which configuration to run next, and what has been learned so far."""

from __future__ import annotations

from luthier.tuning.budget import Budget, Price, say_seconds
from luthier.tuning.engine import ALL_ROWS, Engine, Progress, Surroundings
from luthier.tuning.history import History, Trial
from luthier.tuning.jobs import Executor, FoldResult, FoldState, Job, Outcome, Work, error_line
from luthier.tuning.plan import LAG, StudyPlan, seed_of
from luthier.tuning.record import Event, StudyLog, chained, check_chain
from luthier.tuning.run import TuningRun
from luthier.tuning.scheduling import FoldPolicy, FullCV
from luthier.tuning.work import TableWork

__all__ = [
    "ALL_ROWS",
    "LAG",
    "Budget",
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
    "Price",
    "Progress",
    "StudyLog",
    "StudyPlan",
    "Surroundings",
    "TableWork",
    "Trial",
    "TuningRun",
    "Work",
    "chained",
    "check_chain",
    "error_line",
    "say_seconds",
    "seed_of",
]
