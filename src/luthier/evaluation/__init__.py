"""How far to believe the winner: readings of the out-of-fold table that end in a verdict."""

from __future__ import annotations

from luthier.evaluation.blend import Blend, Blender
from luthier.evaluation.judge import Final, judge, judge_partial
from luthier.evaluation.verdict import Verdict

__all__ = ["Blend", "Blender", "Final", "Verdict", "judge", "judge_partial"]
