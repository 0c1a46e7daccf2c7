"""The promises a table has to keep before a score on it can be believed: one rule a file, listed here."""

from __future__ import annotations

from luthier.checks import target_in_disguise
from luthier.checks.check import Check
from luthier.checks.context import Context, Other
from luthier.checks.finding import Answer, Finding, Severity, Silent, not_applicable, not_enough_data
from luthier.checks.runner import Checkup, run_checks

CHECKS: tuple[Check, ...] = (
    # leakage
    target_in_disguise.CHECK,
)
"""Every check; the docs show them in this order."""

__all__ = [
    "CHECKS",
    "Answer",
    "Check",
    "Checkup",
    "Context",
    "Finding",
    "Other",
    "Severity",
    "Silent",
    "not_applicable",
    "not_enough_data",
    "run_checks",
]
