"""How far to believe the winner: readings of the out-of-fold table that end in a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luthier.lazily import lazily

if TYPE_CHECKING:
    from luthier.evaluation.blend import Blend, Blender
    from luthier.evaluation.comparison import compared
    from luthier.evaluation.contenders import FRACTIONS, Comparison, Contender
    from luthier.evaluation.judging import Final, judge, judge_partial
    from luthier.evaluation.traces import Step, Trace, trace_of
    from luthier.evaluation.verdict import Verdict

__all__ = [
    "FRACTIONS",
    "Blend",
    "Blender",
    "Comparison",
    "Contender",
    "Final",
    "Step",
    "Trace",
    "Verdict",
    "compared",
    "judge",
    "judge_partial",
    "trace_of",
]

__getattr__ = lazily(
    __name__,
    {
        "evaluation.blend": ("Blend", "Blender"),
        "evaluation.comparison": ("compared",),
        "evaluation.contenders": ("FRACTIONS", "Comparison", "Contender"),
        "evaluation.judging": ("Final", "judge", "judge_partial"),
        "evaluation.traces": ("Step", "Trace", "trace_of"),
        "evaluation.verdict": ("Verdict",),
    },
)
