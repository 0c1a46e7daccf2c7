"""Leakage: columns that may be known only after the fact."""

from __future__ import annotations

import shlex

import numpy as np

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding
from luthier.data.times import order
from luthier.data.words import name_words

CODE = "leak.after-the-fact"
LATE_WORDS = frozenset(
    """outcome result resolved resolution closed closing cancelled canceled cancellation refund refunded refunds
    discharge discharged settled settlement recovered recovery terminated termination reason verdict post after
    final finished completed completion actual predicted prediction next future followup subsequent repaid payout
    collected""".split()  # noqa: SIM905 - words read best as words
)
LEAST_SKILL = 0.2
LATER = 0.98


def look(context: Context) -> Answer:
    """Hints that a column is written down after what is to be predicted has happened; never a verdict.

    By name: a word such as "outcome", "refund" or "discharge", in a column that tells of the target (skill 0.2 alone).
    By timing: a date that in nearly every row (98 %) lies after the date that orders the rows. Only who knows the
    process knows whether the value is there when the model is asked.
    """
    data = context.dataset
    found = []
    sources = dict.fromkeys(feature.source for feature in data.schema.features)
    for name in sources:
        skill = context.skill_of(name)
        words = LATE_WORDS.intersection(name_words(name))
        if words and skill >= LEAST_SKILL and name != data.schema.time:
            found.append(
                Finding(
                    CODE,
                    f"{name!r} may be known only afterwards, by its name, and it tells of {data.schema.target!r}",
                    "warning",
                    (name,),
                    {"hint": "name", "words": sorted(words), "skill_alone": round(skill, 3)},
                    f"if it is not known when the model is asked, leave it out: --drop {shlex.quote(name)}",
                )
            )
    if data.times is not None and data.schema.time is not None and context.columns[data.schema.time].kind == "datetime":
        for name in sources:
            cells = context.columns[name]
            if cells.kind != "datetime" or name == data.schema.time:
                continue
            there = ~cells.missing
            later = float(np.mean(order(cells)[there] > data.times[there]))
            if later >= LATER:
                found.append(
                    Finding(
                        CODE,
                        f"{name!r} lies after {data.schema.time!r} in {later:.0%} of the rows that have it",
                        "warning",
                        (name,),
                        {
                            "hint": "timing",
                            "share_later": round(later, 4),
                            "skill_alone": round(context.skill_of(name), 3),
                        },
                        f"if it is not known when the model is asked, leave it out: --drop {shlex.quote(name)}",
                    )
                )
    return tuple(found)


CHECK = Check(CODE, "Is a column known only after the fact?", look)
