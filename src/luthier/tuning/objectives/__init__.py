"""Studies of any function: the trial an objective is handed, the work of calling it, and what it told.

A strategy proposes a configuration of the parameters discovered so far; the worker hands it out call by call and draws
what is missing from the job's own generator; what was really asked for comes back and is written down. So a strategy
needs to know no objective, an objective no strategy, and a worker nobody.
"""

from __future__ import annotations

from luthier.tuning.objectives.asking import ObjectiveStrategy
from luthier.tuning.objectives.briefing import Briefed
from luthier.tuning.objectives.told import Told
from luthier.tuning.objectives.trial import ObjectiveTrial, TrialPruned
from luthier.tuning.objectives.work import Form, ObjectiveWork, form_of

__all__ = ["Briefed", "Form", "ObjectiveStrategy", "ObjectiveTrial", "ObjectiveWork", "Told", "TrialPruned", "form_of"]
