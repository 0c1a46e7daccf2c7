"""How far to believe the winner: readings of the out-of-fold table that end in a verdict."""

from __future__ import annotations

from luthier.evaluation.judge import judge, judge_partial
from luthier.evaluation.verdict import Verdict

__all__ = ["Verdict", "judge", "judge_partial"]
