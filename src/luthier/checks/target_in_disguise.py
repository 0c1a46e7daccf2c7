"""Leakage: a column that is the target in disguise."""

from __future__ import annotations

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Answer, Finding, not_enough_data
from luthier.checks.one_column import column_skill

CODE = "leak.target"
LEAST_ROWS = 50
NEARLY_PERFECT = 0.98


def look(context: Context) -> Answer:
    """A column that alone predicts the target almost without error.

    Such a column is usually the target under another name, or made from it.
    """
    data = context.dataset
    if data.n_rows < LEAST_ROWS:
        return not_enough_data(f"{data.n_rows} rows; a column may fit so few by chance, {LEAST_ROWS} would do")
    rng = context.rng(CODE)
    found = []
    for j, feature in enumerate(data.schema.features):
        alone = column_skill(data.X[:, j], data.y, data.schema.task, rng, categorical=feature.kind == "categorical")
        if alone >= NEARLY_PERFECT:
            found.append(
                Finding(
                    CODE,
                    f"{feature.source!r} alone predicts {data.schema.target!r} almost without error",
                    "error",
                    (feature.source,),
                    {"skill_alone": round(alone, 4)},
                    f"--drop {feature.source}",
                )
            )
    return tuple(found)


CHECK = Check(CODE, "Is a column the target in disguise?", look)
