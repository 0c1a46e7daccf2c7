"""What happens next to a model in use: a policy declared beforehand, and what follows from it.

`policy` (what may change by itself), `diagnosis` (what has changed), `responses` (which of the things tried is the
cheapest that suffices), `decision` (promote, drop, wait; keep or roll back).
"""

from __future__ import annotations

from luthier.lifecycle.decision import Decision, on_challenger, on_probation, on_response
from luthier.lifecycle.diagnosis import Diagnosis, diagnose
from luthier.lifecycle.policy import RESPONSES, Policy
from luthier.lifecycle.responses import Tried, cheapest_sufficient, cost_of_waiting

__all__ = [
    "RESPONSES",
    "Decision",
    "Diagnosis",
    "Policy",
    "Tried",
    "cheapest_sufficient",
    "cost_of_waiting",
    "diagnose",
    "on_challenger",
    "on_probation",
    "on_response",
]
